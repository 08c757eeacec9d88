import { DerError, readHeader } from './der-reader.ts';

/** One element whose content was not looked into. The arrays are views of the input. */
export interface ShallowElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly encoded: Uint8Array;
}

// readDer takes an element apart to its last value. That is too much for a CRL of a million entries, and too strict for
// the parts of an OCSP request that nobody here reads and whose ASN.1 types are the client's choice. These
// stop after one layer; what is then used is handed to readDer.

/**
 * Reads exactly one element.
 * @throws DerError for trailing bytes and for a tag or length that is not DER
 */
export function readShallow(der: Uint8Array): ShallowElement {
  const { tag, contentOffset, end } = readHeader(der, 0);
  if (end !== der.length) throw new DerError(`${der.length - end} trailing bytes follow the DER.`);
  return { tag, content: der.subarray(contentOffset), encoded: der };
}

/**
 * The elements a constructed element contains, if they are not more than `maximum`.
 * @param content of that element
 * @throws DerError if they are, and for a tag or length that is not DER
 */
export function readLayer(content: Uint8Array, maximum: number): ShallowElement[] {
  const elements: ShallowElement[] = [];
  for (const element of shallowElements(content)) {
    if (elements.push(element) > maximum) throw new DerError(`An element contains more than ${maximum} others.`);
  }
  return elements;
}

/**
 * The elements a constructed element contains, one by one.
 * @param content of that element
 * @throws DerError, while iterating, for a tag or length that is not DER
 */
export function* shallowElements(content: Uint8Array): Generator<ShallowElement, void, undefined> {
  for (let offset = 0; offset < content.length; ) {
    const { tag, contentOffset, end } = readHeader(content, offset);
    yield { tag, content: content.subarray(contentOffset, end), encoded: content.subarray(offset, end) };
    offset = end;
  }
}
