import { createHash, sign, X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { compactVerify, importX509 } from 'jose';
import { compactJws, jwsSigningInput } from '../../lambdas/pki/jws.ts';
import { certificateToPem } from '../../lambdas/pki/pem.ts';
import { agentCertificate, rsaKey, signed, testAuthority, type TestAuthority, type TestKey } from './authority-fixture.ts';

let authority: TestAuthority;
let key: TestKey;
let certificateDer: Uint8Array;

beforeAll(() => {
  authority = testAuthority(undefined, undefined, { root: rsaKey(2048), issuing: rsaKey(2048) });
  key = rsaKey(2048);
  certificateDer = signed(agentCertificate(authority, key), authority.issuingKey);
});

test('a token verifies with the certificate in its header, which leads to the issuing CA', async () => {
  const claims = { sub: 'urn:x', 'ü': ['漢', { b: 1, a: -0 }], exp: 1_800_000_000 };
  const signingInput = jwsSigningInput(claims, [certificateDer, authority.issuingCertificateDer]);
  const token = compactJws(signingInput, sign('sha256', Buffer.from(signingInput), key.privateKey));
  expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);

  const { payload, protectedHeader } = await compactVerify(token, await importX509(certificateToPem(certificateDer), 'RS256'));
  expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({ sub: 'urn:x', 'ü': ['漢', { b: 1, a: 0 }], exp: 1_800_000_000 });
  expect(protectedHeader).toStrictEqual({
    alg: 'RS256',
    typ: 'JWT',
    x5c: [certificateDer, authority.issuingCertificateDer].map((der) => Buffer.from(der).toString('base64')),
    'x5t#S256': createHash('sha256').update(certificateDer).digest('base64url'),
  });
  const [leaf, issuing] = (protectedHeader.x5c ?? []).map((base64) => new X509Certificate(Buffer.from(base64, 'base64')));
  expect(leaf?.checkIssued(issuing as X509Certificate)).toBe(true);
});

test('a token does not verify with another’s certificate, or with anything in it changed', async () => {
  const signingInput = jwsSigningInput({ sub: 'urn:x' }, [certificateDer]);
  const signature = sign('sha256', Buffer.from(signingInput), key.privateKey);
  const other = jwsSigningInput({ sub: 'urn:y' }, [certificateDer]);
  const own = await importX509(certificateToPem(certificateDer), 'RS256');
  await expect(compactVerify(compactJws(other, signature), own)).rejects.toThrow('signature verification failed');
  const issuer = await importX509(certificateToPem(authority.issuingCertificateDer), 'RS256');
  await expect(compactVerify(compactJws(signingInput, signature), issuer)).rejects.toThrow('signature verification failed');
});
