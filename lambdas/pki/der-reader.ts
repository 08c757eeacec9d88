import { compareOctets } from './octets.ts';

/** Thrown for bytes that are not the DER they should be. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** One tag-length-value. All arrays are views of the input. */
export interface DerElement {
  /** The identifier octet, class and constructed bit included (X.690 §8.1.2). */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly encoded: Uint8Array;
  /** What a constructed element contains; empty for a primitive one. */
  readonly children: readonly DerElement[];
}

/** Identifier octets of the types this profile uses. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const CONSTRUCTED = 0x20;
const CLASS_BITS = 0xc0;
const MAX_DEPTH = 16;

/**
 * Reads DER strictly (X.690 §8, §10, §11), so that whatever passes has exactly one encoding: this one. The linter reads
 * with it rather than with the library that built the certificate, whose BER parser forgives what verifiers do not.
 * @param der exactly one element
 * @throws DerError for trailing bytes, a length that is indefinite, not minimal or beyond the input, a value not in DER
 *   or outside its type's alphabet, and any universal type other than those of {@link TAG}
 */
export function readDer(der: Uint8Array): DerElement {
  const element = readElement(der, 0, 0);
  if (element.encoded.length !== der.length) throw new DerError(`${der.length - element.encoded.length} trailing bytes follow the DER.`);
  return element;
}

function readElement(der: Uint8Array, offset: number, depth: number): DerElement {
  if (depth > MAX_DEPTH) throw new DerError('The DER is nested too deeply.');
  const { tag, contentOffset, end } = readHeader(der, offset);
  const content = der.subarray(contentOffset, end);
  const element = { tag, content, encoded: der.subarray(offset, end), children: tag & CONSTRUCTED ? readElements(content, depth + 1) : [] };
  if ((tag & CLASS_BITS) === 0) assertUniversalValue(element);
  return element;
}

/** Where an element begins and ends; its content is not looked into. */
export interface DerHeader {
  readonly tag: number;
  readonly contentOffset: number;
  /** Offset of what follows the element. */
  readonly end: number;
}

/**
 * Reads the tag and length of the element at `offset`.
 * @throws DerError for a length that is indefinite, not minimal or beyond the input, and for a tag number above 30
 */
export function readHeader(der: Uint8Array, offset: number): DerHeader {
  const tag = octetAt(der, offset);
  if ((tag & 0x1f) === 0x1f) throw new DerError('A tag number above 30 has no place in a certificate.');
  const { length, contentOffset } = readLength(der, offset + 1);
  const end = contentOffset + length;
  if (end > der.length) throw new DerError('The DER ends before its last element does.');
  return { tag, contentOffset, end };
}

function readElements(content: Uint8Array, depth: number): DerElement[] {
  const elements: DerElement[] = [];
  for (let offset = 0; offset < content.length; ) {
    const element = readElement(content, offset, depth);
    elements.push(element);
    offset += element.encoded.length;
  }
  return elements;
}

/** Definite, in the fewest octets (X.690 §10.1). */
function readLength(der: Uint8Array, offset: number): { length: number; contentOffset: number } {
  const first = octetAt(der, offset);
  if (first < 0x80) return { length: first, contentOffset: offset + 1 };
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4) throw new DerError('A length is indefinite or beyond 32 bits (X.690 §10.1).');
  let length = 0;
  for (let i = 1; i <= octets; i++) length = length * 256 + octetAt(der, offset + i);
  if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError('A length is not minimal (X.690 §10.1).');
  return { length, contentOffset: offset + 1 + octets };
}

function octetAt(der: Uint8Array, offset: number): number {
  const octet = der[offset];
  if (octet === undefined) throw new DerError('The DER ends before its last element does.');
  return octet;
}

function assertUniversalValue({ tag, content, children }: DerElement): void {
  const problem = universalValueProblem(tag, content, children);
  if (problem !== undefined) throw new DerError(problem);
}

/** What X.690 §8 and §11 or the string's alphabet have against a value. */
function universalValueProblem(tag: number, content: Uint8Array, children: readonly DerElement[]): string | undefined {
  switch (tag) {
    case TAG.boolean:
      return content.length === 1 && (content[0] === 0x00 || content[0] === 0xff) ? undefined : 'A BOOLEAN is neither 00 nor FF (X.690 §11.1).';
    case TAG.integer:
      return isMinimalInteger(content) ? undefined : 'An INTEGER is empty or not minimal (X.690 §8.3.2).';
    case TAG.bitString:
      return isDerBitString(content) ? undefined : 'A BIT STRING has unused bits that are not zero (X.690 §11.2.1).';
    case TAG.null:
      return content.length === 0 ? undefined : 'A NULL has content (X.690 §8.8.2).';
    case TAG.objectIdentifier:
      return isMinimalOid(content) ? undefined : 'An OBJECT IDENTIFIER is empty, cut off or not minimal (X.690 §8.19).';
    case TAG.utf8String:
      return isUtf8(content) ? undefined : 'A UTF8String is not UTF-8 (RFC 3629 §3).';
    case TAG.printableString:
      return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(latin1(content)) ? undefined : 'A PrintableString leaves its alphabet (X.680 §41.4).';
    case TAG.ia5String:
      return content.every((octet) => octet < 0x80) ? undefined : 'An IA5String leaves ASCII (X.680 §41).';
    case TAG.utcTime:
      return /^[0-9]{12}Z$/.test(latin1(content)) ? undefined : 'A UTCTime is not YYMMDDHHMMSSZ (RFC 5280 §4.1.2.5.1).';
    case TAG.generalizedTime:
      return /^[0-9]{14}Z$/.test(latin1(content)) ? undefined : 'A GeneralizedTime is not YYYYMMDDHHMMSSZ (RFC 5280 §4.1.2.5.2).';
    case TAG.set:
      return isSorted(children) ? undefined : 'A SET OF is not in ascending order (X.690 §11.6).';
    case TAG.octetString:
    case TAG.sequence:
      return undefined;
    default:
      return `The universal tag 0x${tag.toString(16)} has no place in a certificate of this profile.`;
  }
}

function isMinimalInteger(content: Uint8Array): boolean {
  const [first = 0, second = 0] = content;
  if (content.length < 2) return content.length === 1;
  return !((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80));
}

function isDerBitString(content: Uint8Array): boolean {
  const unusedBits = content[0] ?? 8;
  if (unusedBits > 7 || (content.length === 1 && unusedBits !== 0)) return false;
  return content.length === 1 || ((content.at(-1) ?? 0) & ((1 << unusedBits) - 1)) === 0;
}

function isMinimalOid(content: Uint8Array): boolean {
  const startsArc = (index: number): boolean => index === 0 || (content[index - 1] ?? 0) < 0x80;
  return content.length > 0 && (content.at(-1) ?? 0x80) < 0x80 && content.every((octet, index) => !(startsArc(index) && octet === 0x80));
}

function isUtf8(content: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content);
    return true;
  } catch {
    return false;
  }
}

function isSorted(children: readonly DerElement[]): boolean {
  return children.every((child, index) => index === 0 || compareOctets(children[index - 1]?.encoded ?? child.encoded, child.encoded) <= 0);
}

/** An octet, a character: what the alphabets above are written in. */
function latin1(content: Uint8Array): string {
  let text = '';
  for (const octet of content) text += String.fromCharCode(octet);
  return text;
}
