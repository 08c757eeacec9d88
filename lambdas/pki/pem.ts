import { readDer, DerError } from './der-reader.ts';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/** RFC 7468 §5.1: base64 in lines of 64, LF, a newline at the end. */
export function certificateToPem(der: Uint8Array): string {
  return pemOf('CERTIFICATE', der).toString('latin1');
}

/** A CRL's PEM (RFC 7468 §6), in bytes, as it is published: one may have a million entries. */
export function crlToPem(der: Uint8Array): Uint8Array {
  return pemOf('X509 CRL', der);
}

/**
 * Reads the first certificate of a PEM text; explanatory text around it is skipped (RFC 7468 §2 and §5.2).
 * @returns its DER
 * @throws DerError if there is none, its base64 is malformed, or what it holds is not DER
 */
export function pemToDer(pem: string): Uint8Array {
  const begin = pem.indexOf(BEGIN);
  const end = begin === -1 ? -1 : pem.indexOf(END, begin);
  if (end === -1) throw new DerError('The text holds no PEM certificate (RFC 7468 §5.1).');
  const base64 = pem.slice(begin + BEGIN.length, end).replace(/[ \t\r\n]/g, '');
  // Buffer.from skips what it does not know, so the alphabet and the length are checked here.
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw new DerError('The PEM certificate is not base64 (RFC 7468 §3).');
  const der = Uint8Array.from(Buffer.from(base64, 'base64'));
  readDer(der);
  return der;
}

const LINE_OCTETS = 48; // 64 characters of base64
const BLOCK_OCTETS = LINE_OCTETS * 1024;

/** Block by block, so that no text of a long CRL's length is ever in memory. */
function pemOf(label: string, der: Uint8Array): Buffer {
  const octets = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const [begin, end] = [`-----BEGIN ${label}-----\n`, `-----END ${label}-----\n`];
  const pem = Buffer.alloc(begin.length + Math.ceil(octets.length / 3) * 4 + Math.ceil(octets.length / LINE_OCTETS) + end.length);
  let length = pem.write(begin, 'latin1');
  for (let offset = 0; offset < octets.length; offset += BLOCK_OCTETS) {
    const base64 = octets.toString('base64', offset, offset + BLOCK_OCTETS);
    length += pem.write(base64.replace(/.{1,64}/g, '$&\n'), length, 'latin1');
  }
  pem.write(end, length, 'latin1');
  return pem;
}
