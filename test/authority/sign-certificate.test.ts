import { expect, test } from '@jest/globals';
import { signCertificate } from '../../lambdas/authority/sign-certificate.ts';

test('what the profile refuses is said by rule, without the texts of the certificate', async () => {
  const unsigned = { tbsCertificateDer: new Uint8Array(), digest: new Uint8Array(32), withSignature: (signature: Uint8Array) => signature };
  const keys = { signDigest: () => Promise.reject(new Error('Nothing is to be signed.')) };
  const signer = { keyArn: 'arn:aws:kms:eu-west-1:000000000000:key/1', publicKey: undefined as never };
  const lint = () => ['subject is UTF8String "A \\"private\\" name", not UTF8String "another" (RFC 5280 §4.1.2.6)', 'the RSA modulus has 3072 bits, not 2048 (certificate profile)'];
  await expect(signCertificate(keys, signer, { holder: 'agent', unsigned: unsigned as never, lint })).rejects.toThrow(
    'The agent’s certificate to be signed violates the profile: subject is UTF8String "…", not UTF8String "…" (RFC 5280 §4.1.2.6); the RSA modulus has 3072 bits, not 2048 (certificate profile)',
  );
});
