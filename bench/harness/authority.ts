import { constants, generateKeyPairSync, privateEncrypt, type KeyObject } from 'node:crypto';
import { buildRootCertificate } from '../../lambdas/pki/certificate.ts';
import { DEFAULT_PRIVATE_ARC, RSA_BITS, validateProfileSettings } from '../../lambdas/pki/profile.ts';

/** The profile that benches build by, with all that is optional in it. */
export const settings = validateProfileSettings({ privateArc: DEFAULT_PRIVATE_ARC, policyOid: '1.3.6.1.4.1.61411.2.1', distributionUrl: 'http://pki.example.com/kakunin' });

export interface BenchAuthority {
  readonly key: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly certificateDer: Uint8Array;
}

/** An authority outside KMS, with a key of the issuing CA's size. */
export function benchAuthority(notBefore: Date): BenchAuthority {
  const key = generateKeyPairSync('rsa', { modulusLength: RSA_BITS.issuing });
  const unsigned = buildRootCertificate({
    subject: { organization: 'Bench', commonName: 'Bench CA' }, subjectPublicKeyInfoDer: spki(key.publicKey), serialNumber: '01'.repeat(16), notBefore, settings,
  });
  return { key, certificateDer: unsigned.withSignature(signedBy(key.privateKey, unsigned)) };
}

/** DER SubjectPublicKeyInfo. */
export const spki = (publicKey: KeyObject) => Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }));

const DIGEST_INFO_SHA256 = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** Signs as KMS does under MessageType DIGEST: the digest, in a DigestInfo, is padded and signed (RFC 8017 §9.2). */
export function signedBy(privateKey: KeyObject, { digest }: { readonly digest: Uint8Array }): Uint8Array {
  return Uint8Array.from(privateEncrypt({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.concat([DIGEST_INFO_SHA256, digest])));
}
