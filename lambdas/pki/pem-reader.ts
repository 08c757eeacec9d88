import { octetsOfBase64 } from './base64.ts';
import { DerError, readDer } from './der-reader.ts';

/**
 * Reads the first certificate of a PEM text; explanatory text around it is skipped (RFC 7468 §2 and §5.2).
 * @returns its DER
 * @throws DerError if there is none, its base64 is malformed, or what it holds is not DER
 */
export function pemToDer(pem: string): Uint8Array {
  const [der] = pemBlocks(pem, 'CERTIFICATE');
  if (der === undefined) throw new DerError('The text holds no PEM certificate (RFC 7468 §5.1).');
  readDer(der);
  return der;
}

/**
 * What stands between the BEGIN and END lines of `label`, one after the other; blocks of other labels and explanatory
 * text are skipped. The octets are not looked into.
 * @throws DerError, while iterating, at a block without END or with malformed base64 (RFC 7468 §3)
 */
export function* pemBlocks(pem: string, label: 'CERTIFICATE' | 'X509 CRL'): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  const [beginLine, endLine] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
  for (let begin = pem.indexOf(beginLine); begin !== -1; ) {
    const end = pem.indexOf(endLine, begin);
    if (end === -1) throw new DerError(`A PEM block of the text does not end with ${endLine} (RFC 7468 §2).`);
    const der = octetsOfBase64(pem.slice(begin + beginLine.length, end).replace(/[ \t\r\n]+/g, ''));
    if (der === undefined || der.length === 0) throw new DerError(`A PEM block of the text, ${label}, is not base64 (RFC 7468 §3).`);
    yield der;
    begin = pem.indexOf(beginLine, end);
  }
}
