import { readLayer, readShallow } from '../../lambdas/pki/der-shallow.ts';
import { derElement, derPositiveInteger } from '../../lambdas/pki/der-writer.ts';
import { octetsOf } from '../../lambdas/pki/hexadecimal.ts';
import { ocspIssuerHashes } from '../../lambdas/pki/ocsp-request.ts';
import { TAG } from '../../lambdas/pki/der-reader.ts';

const SHA1 = octetsOf('300906052b0e03021a0500'); // AlgorithmIdentifier { sha1, NULL }

/**
 * A client's requests about certificates of one issuer (RFC 6960 §4.1.1): by SHA-1 and without a nonce, as RFC 5019 asks
 * for it.
 */
export function ocspRequests(issuerCertificateDer: Uint8Array): (serialNumber: string) => Uint8Array {
  const { issuerNameHash, issuerKeyHash } = ocspIssuerHashes(issuerCertificateDer).sha1;
  const octetString = (hex: string) => derElement(TAG.octetString, octetsOf(hex));
  const sequence = (...parts: Uint8Array[]) => derElement(TAG.sequence, ...parts);
  return (serialNumber) => sequence(sequence(sequence(sequence(sequence(SHA1, octetString(issuerNameHash), octetString(issuerKeyHash), derPositiveInteger(octetsOf(serialNumber)))))));
}

const certStatuses: Readonly<Record<number, string>> = { 0x80: 'good', 0xa1: 'revoked', 0x82: 'unknown' };

/** What an answer says of the one certificate asked about (RFC 6960 §4.2.1); its signature is not looked at. Throws Error for an answer that is an error. */
export function certStatusOf(ocspResponseDer: Uint8Array): string {
  const [responseStatus, responseBytes] = readLayer(readShallow(ocspResponseDer).content, 2);
  if (responseStatus?.content[0] !== 0 || responseBytes === undefined) throw new Error(`The OCSP responder answers with the error ${responseStatus?.content[0]}.`);
  const [, response] = readLayer(readShallow(responseBytes.content).content, 2);
  const [tbsResponseData] = readLayer(readShallow(response?.content ?? new Uint8Array()).content, 4);
  const [, , responses] = readLayer(tbsResponseData?.content ?? new Uint8Array(), 4);
  const [, certStatus] = readLayer(readShallow(responses?.content ?? new Uint8Array()).content, 4);
  return certStatuses[certStatus?.tag ?? 0] ?? 'malformed';
}
