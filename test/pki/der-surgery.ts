import { readDer } from '../../lambdas/pki/der-reader.ts';
import { readTbsCertificate } from '../../lambdas/pki/tbs-certificate.ts';

/** Positions of the fields of a v3 TBSCertificate. */
export const FIELD = { version: 0, serialNumber: 1, signature: 2, issuer: 3, validity: 4, subject: 5, subjectPublicKeyInfo: 6, extensions: 7 } as const;

export const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
export const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));

/** One tag-length-value around the parts. */
export function tlv(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Uint8Array.from([...header, ...content]);
}

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
  const base128 = (arc: number): number[] => (arc < 128 ? [arc] : [...base128(Math.floor(arc / 128)).map((octet) => octet | 0x80), arc % 128]);
  return tlv(0x06, Uint8Array.from([40 * first + second, ...arcs].flatMap((arc) => base128(arc))));
}

/** The TBSCertificate with one field replaced (or left out: an empty replacement). */
export function withField(tbsDer: Uint8Array, field: number, replacement: Uint8Array): Uint8Array {
  return tlv(0x30, ...readDer(tbsDer).children.map(({ encoded }, index) => (index === field ? replacement : encoded)));
}

export function fieldOf(tbsDer: Uint8Array, field: number): Uint8Array {
  const found = readDer(tbsDer).children[field];
  if (!found) throw new Error(`The TBSCertificate has no field ${field}.`);
  return found.encoded;
}

export interface RawExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** The TBSCertificate with its extensions rewritten. */
export function withExtensions(tbsDer: Uint8Array, change: (extensions: readonly RawExtension[]) => readonly RawExtension[]): Uint8Array {
  const encode = (extension: RawExtension): Uint8Array =>
    tlv(0x30, oid(extension.oid), ...(extension.critical ? [hex('0101ff')] : []), tlv(0x04, extension.value));
  return withField(tbsDer, FIELD.extensions, tlv(0xa3, tlv(0x30, ...change(readTbsCertificate(tbsDer).extensions).map(encode))));
}

/** The TBSCertificate with one extension's value or criticality changed. */
export function withExtension(tbsDer: Uint8Array, changedOid: string, change: Partial<RawExtension>): Uint8Array {
  return withExtensions(tbsDer, (all) => all.map((one) => (one.oid === changedOid ? { ...one, ...change } : one)));
}
