import { setTimeout } from 'node:timers/promises';
import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import canonicalize from 'canonicalize';
import { readTrust, verifyCertificate, verifyMessage, verifyToken } from '../../verify/index.ts';
import { certifiedAgent, dataOf, fullAgent, revoke } from '../support/agents.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// A counterparty that has only what the service publishes, and an agent that signs with its key in KMS.

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime();
});
afterAll(() => runtime.stop());

const octetsAt = async (url: string): Promise<Uint8Array> => new Uint8Array(await (await fetch(url)).arrayBuffer());

async function signedByKms(keyArn: string, payload: object): Promise<Uint8Array> {
  const kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } });
  try {
    const command = new SignCommand({ KeyId: keyArn, Message: Buffer.from(canonicalize(payload) ?? ''), MessageType: 'RAW', SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' });
    return (await kms.send(command)).Signature ?? new Uint8Array();
  } finally {
    kms.destroy();
  }
}

test('what an agent signs is verified from the authorities and CRLs alone, and no longer once it is revoked', async () => {
  const { agent, certificate } = await certifiedAgent(runtime.call, fullAgent);
  const authorities: string = (await runtime.call('GET', '/ca', { key: null })).body;
  const payload = { order: 'A-17', amount_usd: 9_999.5 };
  const message = { certificate: certificate.certificate_pem, payloadText: JSON.stringify(payload, undefined, 2), signature: await signedByKms(certificate.kms_key_arn, payload) };

  const without = await verifyMessage(message, readTrust({ authorities }));
  expect(without).toMatchObject({ valid: false, reason: 'revocation_unknown', crlUrls: [expect.stringContaining('/crl/shard-')] });
  const [crlUrl = ''] = without.valid ? [] : without.crlUrls;

  const rootCrlUrl = new URL('root.crl', crlUrl).href;
  const trust = readTrust({ authorities, crls: [await octetsAt(crlUrl), await octetsAt(rootCrlUrl)] });
  expect(trust.problems).toEqual([]);
  expect(await verifyMessage(message, trust)).toMatchObject({
    valid: true, payload, serialNumber: certificate.serial_number, revocation: 'good', issuerRevocation: 'good',
    agent: {
      id: agent.id, tenantId: agent.tenant_id, organization: fullAgent.operator_org, modelText: `${fullAgent.model}:${fullAgent.model_hash}`,
      permittedActions: fullAgent.permitted_actions, financialScope: fullAgent.financial_scope,
    },
  });
  expect(await verifyMessage({ ...message, payloadText: '{"order":"A-17","amount_usd":99999.5}' }, trust)).toMatchObject({ valid: false, reason: 'signature_mismatch' });

  const signed = async (body: object) => dataOf(await runtime.call('POST', `/agents/${agent.id}/sign`, { body }), 200);
  expect(await verifyMessage({ ...message, signature: (await signed({ payload })).signature }, trust)).toMatchObject({ valid: true, payload });
  const { token } = await signed({ jwt: { aud: 'bank.example', nonce: 'n-1' } });
  const uri = `urn:kakunin:agent:${agent.id}`;
  expect(await verifyToken(token, trust, { audience: 'bank.example' })).toMatchObject({ valid: true, claims: { iss: uri, sub: uri, nonce: 'n-1' }, agent: { id: agent.id } });
  expect(await verifyToken(token, trust, { audience: 'shop.example' })).toMatchObject({ valid: false, reason: 'token_audience_mismatch' });

  await revoke(runtime.call, certificate.id, { body: { reason: 'Key compromised', reason_code: 'keyCompromise' } });
  const verdictFromNewCrl = async () => verifyCertificate(certificate.certificate_pem, readTrust({ authorities, crls: [await octetsAt(crlUrl)] }));
  let verdict = await verdictFromNewCrl();
  for (let attempt = 0; verdict.valid && attempt < 100; attempt++) {
    await setTimeout(100);
    verdict = await verdictFromNewCrl();
  }
  expect(verdict).toMatchObject({ valid: false, reason: 'certificate_revoked', message: expect.stringContaining('keyCompromise') });
  const current = readTrust({ authorities, crls: [await octetsAt(crlUrl)] });
  expect(await verifyToken(token, current, { audience: 'bank.example' })).toMatchObject({ valid: false, reason: 'certificate_revoked' });
}, 60_000);
