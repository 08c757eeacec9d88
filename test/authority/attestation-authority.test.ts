import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { attest } from '../../lambdas/authority/attestation-authority.ts';
import type { Authority } from '../../lambdas/authority/ports.ts';
import { pemToDer } from '../../lambdas/pki/pem.ts';
import { verifyRsaSha256 } from '../../lambdas/pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import { awsError, rewritten } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startAuthority, type TestAuthorityServices } from './ocsp-fixture.ts';

const day = 86_400_000;
const statement = Buffer.from('{"halted":true}');

let authority: TestAuthorityServices;
let attestationKeyArn: string;
let attestation: Authority;

beforeAll(async () => {
  authority = await startAuthority();
  attestationKeyArn = await authority.createKey('RSA_2048');
  authority.setTime(authority.mintedAt.getTime() + 100 * day);
});
beforeEach(async () => {
  ({ authority: attestation } = await renew());
  authority.calm();
});
afterEach(() => authority.calm());
afterAll(() => authority.stop());

const renew = () => authority.renew('attestation', attestationKeyArn);
const verifies = (signature: Uint8Array, { certificatePem }: Authority) => verifyRsaSha256(subjectPublicKeyInfoOf(pemToDer(certificatePem)), statement, signature);

test('a statement is signed with the authority’s key, for whoever has its certificate', async () => {
  const { signature } = await attest(authority.services, statement);
  expect([signature.length, verifies(signature, attestation)]).toEqual([256, true]);
  expect(authority.kms.calls.map(({ operation, input }) => [operation, input['KeyId'], input['MessageType'], input['SigningAlgorithm']])).toEqual([['Sign', attestation.keyArn, 'DIGEST', 'RSASSA_PKCS1_V1_5_SHA_256']]);
});

test('what was signed before the certificate was renewed verifies with both, and is signed alike after it', async () => {
  const { signature } = await attest(authority.services, statement);
  authority.setTime(authority.services.clock().getTime() + 366 * day);
  const { authority: second, renewed } = await renew();
  expect([renewed, second.certificatePem === attestation.certificatePem]).toEqual([true, false]);
  expect([attestation, second].map((one) => verifies(signature, one))).toEqual([true, true]);
  expect((await attest(authority.services, statement)).signature).toEqual(signature);
});

test('no signature is answered that does not verify', async () => {
  authority.kms.inject(requests.sign, rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(256, 1).toString('base64') })));
  await expect(attest(authority.services, statement)).rejects.toThrow('does not verify with the attestation authority’s certificate');
});

test('it says what it lacks', async () => {
  authority.kms.inject(requests.sign, awsError('DisabledException'));
  await expect(attest(authority.services, statement)).rejects.toMatchObject({ code: 'KMS_UNAVAILABLE' });
  authority.dynamodb.inject(requests.readAuthority, rewritten(() => ({})));
  await expect(attest(authority.services, statement)).rejects.toMatchObject({ code: 'CA_NOT_INITIALISED' });
});
