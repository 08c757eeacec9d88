// Reading has a file of its own and is part of this module's interface.
export { pemToDer } from './pem-reader.ts';

/** RFC 7468 §5.1: base64 in lines of 64, LF, a newline at the end. */
export function certificateToPem(der: Uint8Array): string {
  return pemOf('CERTIFICATE', der);
}

/** A CRL's PEM (RFC 7468 §6). */
export function crlToPem(der: Uint8Array): string {
  return pemOf('X509 CRL', der);
}

function pemOf(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  // One replacement, not an array of lines: a CRL may have a million of them.
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}
