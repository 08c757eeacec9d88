import { constants, createHash, privateEncrypt } from 'node:crypto';
import { buildCrl, type CrlRequest } from '../../lambdas/pki/crl.ts';
import { buildServiceCertificate } from '../../lambdas/pki/service-certificate.ts';
import { distributed, notBefore, rsaKey, signed, type TestAuthority, testAuthority, type TestKey } from './authority-fixture.ts';

export const thisUpdate = new Date('2026-06-01T00:00:00.999Z');
export const nextUpdate = new Date('2026-06-02T01:00:00.999Z');

/** An authority with small keys: what is tested with it does not depend on their size. */
export function smallAuthority(caNotBefore = notBefore): TestAuthority {
  return testAuthority(distributed, caNotBefore, { root: rsaKey(2048), issuing: rsaKey(2048) });
}

/** The issuing CA's CRL, signed, with whatever the test wants otherwise. */
export function signedCrl(authority: TestAuthority, changes: Partial<CrlRequest> = {}, signer: TestKey = authority.issuingKey): Uint8Array {
  const unsigned = buildCrl({ issuerCertificateDer: authority.issuingCertificateDer, thisUpdate, nextUpdate, crlNumber: 1n, entries: [], ...changes });
  // As KMS does under MessageType DIGEST: the digest, in a DigestInfo (RFC 8017 §9.2), is padded and signed.
  return unsigned.withSignature(signDigest(unsigned.digest, signer));
}

const responderName = { country: 'JP', organization: 'Kakunin', commonName: 'Kakunin OCSP Responder' };
const responderSerialNumber = '33'.repeat(16);

export function responderCertificate(authority: TestAuthority, key: TestKey, responderNotBefore = notBefore): Uint8Array {
  return signed(
    buildServiceCertificate({
      role: 'ocsp', subject: responderName, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, serialNumber: responderSerialNumber, notBefore: responderNotBefore,
      issuerCertificateDer: authority.issuingCertificateDer, settings: distributed,
    }),
    authority.issuingKey,
  );
}

const DIGEST_INFO_SHA256 = Buffer.from('3031300d060960864801650304020105000420', 'hex');

export function signDigest(digest: Uint8Array, signer: TestKey): Uint8Array {
  return Uint8Array.from(privateEncrypt({ key: signer.privateKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.concat([DIGEST_INFO_SHA256, digest])));
}

/** Serial numbers without a random generator, so that a failing test fails again: 32 hexadecimal digits, positive. */
export function serialNumbers(count: number, seed: string): string[] {
  return Array.from({ length: count }, (_, index) => {
    const octets = createHash('sha256').update(`${seed} ${index}`).digest().subarray(0, 16);
    octets[0] = (octets[0] ?? 0) & 0x7f || 0x01;
    return octets.toString('hex').toUpperCase();
  });
}
