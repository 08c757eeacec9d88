import { DerError, type DerElement, TAG } from './der-reader.ts';
import { hexOf } from './hexadecimal.ts';

/**
 * The dotted form of an OBJECT IDENTIFIER's content (X.690 §8.19).
 * @throws DerError if an arc exceeds 2^31 − 1: Go and GnuTLS refuse every certificate with such an OID in it
 */
export function dottedOid(content: Uint8Array): string {
  const subidentifiers: number[] = [];
  let value = 0;
  for (const octet of content) {
    value = value * 128 + (octet & 0x7f);
    if (value > 0x7fff_ffff) throw new DerError('An OBJECT IDENTIFIER has an arc above 2^31 − 1.');
    if (octet < 0x80) {
      subidentifiers.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = subidentifiers;
  const root = Math.min(Math.trunc(first / 40), 2);
  return [root, first - 40 * root, ...rest].join('.');
}

/** The text of a UTF8String, PrintableString, IA5String or implicitly tagged URI; UTF-8 covers them all. */
export function textOf(content: Uint8Array): string {
  // A leading U+FEFF is part of the value, not a mark to drop.
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
}

/**
 * Reads a UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5; two-digit years from 50 on are of the 20th century).
 * @returns seconds since 1970-01-01T00:00:00Z, or undefined if the element is no time or names a day that does not exist
 */
export function epochSecondsOf({ tag, content }: DerElement): number | undefined {
  if (tag !== TAG.utcTime && tag !== TAG.generalizedTime) return undefined;
  const text = textOf(content);
  const digits = tag === TAG.generalizedTime ? text : `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`;
  const iso = digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z');
  const milliseconds = Date.parse(iso);
  // Date.parse takes 30 February for 1 March; only a real date comes back as it went in.
  return Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== iso ? undefined : milliseconds / 1000;
}

/**
 * As {@link epochSecondsOf}, for certificates that exist already.
 * @throws DerError if the element is no time or names a day that does not exist
 */
export function dateOfTime(time: DerElement): Date {
  const seconds = epochSecondsOf(time);
  if (seconds === undefined) throw new DerError('The validity names a moment that does not exist (RFC 5280 §4.1.2.5).');
  return new Date(seconds * 1000);
}

const UNIVERSAL_NAME: Readonly<Record<number, string>> = {
  [TAG.boolean]: 'BOOLEAN',
  [TAG.integer]: 'INTEGER',
  [TAG.bitString]: 'BIT STRING',
  [TAG.octetString]: 'OCTET STRING',
  [TAG.null]: 'NULL',
  [TAG.objectIdentifier]: 'OID',
  [TAG.utf8String]: 'UTF8String',
  [TAG.printableString]: 'PrintableString',
  [TAG.ia5String]: 'IA5String',
  [TAG.utcTime]: 'UTCTime',
  [TAG.generalizedTime]: 'GeneralizedTime',
  [TAG.sequence]: 'SEQUENCE',
  [TAG.set]: 'SET',
};

const TEXTS: readonly number[] = [TAG.utf8String, TAG.printableString, TAG.ia5String, TAG.utcTime, TAG.generalizedTime];
const URI_TAG = 0x86; // GeneralName uniformResourceIdentifier [6] (RFC 5280 §4.2.1.6).

/**
 * Writes an element down so that two elements have the same notation exactly if they have the same encoding, for
 * comparing and for telling a reader of the log what was found:
 * `SEQUENCE { OID 2.5.4.3, UTF8String "text" }`, context tags as `[6]`, other content in hexadecimal digits.
 */
export function derNotation(element: DerElement): string {
  const { tag, content, children } = element;
  const name = tag & 0x80 ? `[${tag & 0x1f}]` : (UNIVERSAL_NAME[tag] ?? `tag 0x${tag.toString(16)}`);
  if (tag & 0x20) return children.length === 0 ? `${name} {}` : `${name} { ${children.map(derNotation).join(', ')} }`;
  if (tag === TAG.objectIdentifier) return `${name} ${dottedOid(content)}`;
  if (TEXTS.includes(tag)) return `${name} ${JSON.stringify(textOf(content))}`;
  if (tag === URI_TAG && content.every((octet) => octet < 0x80)) return `${name} ${JSON.stringify(textOf(content))}`;
  return content.length === 0 ? name : `${name} ${hexOf(content)}`;
}
