import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { certifiedAgent, dataOf, fullAgent, registerAgent, unknownId } from '../support/agents.ts';
import { download } from '../support/distribution.ts';
import { awsError, notPerformed, rewritten, type Fault } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { isInstalled, openssl, runClientWithFiles } from '../support/openssl.ts';
import { expectProblem } from '../support/problems.ts';
import { crlsOf } from '../support/published-crl.ts';
import type { Call, CallOptions } from '../support/runtime.ts';

// The kill switch: revoked and suspended first, whatever becomes of the receipt.

let runtime: FaultyRuntime;
let call: Call;

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  ({ call } = runtime);
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

const halt = (agentId: string, body?: object, options: CallOptions = {}) => call('POST', `/agents/${agentId}/halt`, { ...options, ...(body && { body }) });
const halted = async (agentId: string, body?: object) => dataOf(await halt(agentId, body), 200);
const verification = async (serial: string) => dataOf(await runtime.verify(serial), 200);
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What anybody does who was handed a receipt: its statement in canonical form, against the published certificate. */
async function verifiedByOpenssl(receipt: Record<string, unknown>): Promise<boolean> {
  const { agent_id, certificate_serial, halt_event_id, halted_at, reason, receipt_signature } = receipt;
  // RFC 8785 for these five: the keys in order, no white space, strings as JSON.stringify writes them.
  const statement = JSON.stringify({ agent_id, certificate_serial, halt_event_id, halted_at, reason });
  const certificate = certificateToPem(await download(`${runtime.distributionUrl}/ca/attestation.cer`));
  const { stdout: publicKey } = openssl(['x509', '-in', 'attestation.pem', '-noout', '-pubkey'], { 'attestation.pem': certificate });
  const files = { 'key.pem': publicKey, 'statement.json': statement, 'statement.sig': Buffer.from(String(receipt_signature), 'base64') };
  return openssl(['dgst', '-sha256', '-verify', 'key.pem', '-signature', 'statement.sig', 'statement.json'], files).status === 0;
}

describe('an active agent', () => {
  test('is halted: its certificate revoked, itself suspended, and a receipt that anybody can verify', async () => {
    const { agent, certificate } = await certifiedAgent(call, fullAgent);
    const data = await halted(agent.id, { reason: 'risk_threshold_exceeded', operator_note: 'Desk called' });
    const { receipt_signature, halted_at, halt_event_id } = data.halt_receipt;
    expect(data).toStrictEqual({
      agent_id: agent.id, halt_event_id, certificate_serial: certificate.serial_number, halted_at, signature: receipt_signature, algorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
      halt_receipt: {
        agent_id: agent.id, certificate_serial: certificate.serial_number, halt_event_id: expect.stringMatching(uuid), halted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        reason: 'risk_threshold_exceeded', receipt_signature: expect.stringMatching(/^[A-Za-z0-9+/]{342}==$/), signed_by_ca: true, audit_logged: true,
      },
    });
    expect(await verifiedByOpenssl(data.halt_receipt)).toBe(true);
    for (const change of [{ reason: 'risk_threshold_exceeded ' }, { agent_id: unknownId }, { certificate_serial: null }, { halted_at: '2026-01-01T00:00:00.000Z' }, { halt_event_id: unknownId }]) {
      expect([change, await verifiedByOpenssl({ ...data.halt_receipt, ...change })]).toEqual([change, false]);
    }

    expect(dataOf(await call('GET', `/agents/${agent.id}`), 200).status).toBe('suspended');
    const verified = await verification(certificate.serial_number);
    expect(verified).toMatchObject({ status: 'revoked', valid: false, revocation_reason: 'risk_threshold_exceeded', revoked_at: `${halted_at.slice(0, 19)}Z` });
    expect(verified.halt_receipt).toStrictEqual(data.halt_receipt);
    expect(JSON.stringify(verified)).not.toContain('Desk called');
  });

  test('is in the audit trail with the note, under the id of the event', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    const { halt_event_id, halted_at } = await halted(agent.id, { operatorNote: 'Call the desk' });
    const trail = await runtime.aftermath.audit(agent.id);
    expect(trail.map(({ eventType }) => eventType)).toEqual(['agent.created', 'agent.halted']);
    expect(trail[1]).toMatchObject({
      id: halt_event_id, createdAt: halted_at, actor: { type: 'api_key' }, description: 'Agent Settlement bot halted',
      metadata: { reason: 'kill_switch_activated', operator_note: 'Call the desk', certificate_id: certificate.id },
    });
    expect((await runtime.aftermath.audit(certificate.id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
  });

  test.each([
    [undefined, 'kill_switch_activated', 9], ['kill_switch_activated', 'kill_switch_activated', 9], ['operator_initiated', 'operator_initiated', 5], ['risk_threshold_exceeded', 'risk_threshold_exceeded', 9],
    ['regulatory_order', 'regulatory_order', 9], ['policy_violation', 'policy_violation', 9], ['Sagt "Halt" – 停止 ’', 'Sagt "Halt" – 停止 ’', 9], ['constructor', 'constructor', 9],
  ])('for the reason %j: %s, on its CRLs with code %i, and its key goes', async (given, reason, reasonCode) => {
    const { agent, certificate } = await certifiedAgent(call);
    const { halt_receipt } = await halted(agent.id, given === undefined ? undefined : { reason: given });
    expect(halt_receipt.reason).toBe(reason);
    expect(await verifiedByOpenssl(halt_receipt)).toBe(true);
    await runtime.idle();
    const { shard, complete } = await crlsOf(runtime.distributionUrl, certificate.id);
    expect([shard, complete].map(({ entries }) => entries.get(certificate.serial_number)?.reasonCode)).toEqual([reasonCode, reasonCode]);
    expect((await runtime.aftermath.agentKeys(agent.id)).map(({ state }) => state)).toEqual(['PendingDeletion']);
  });
});

(isInstalled('jq') ? test : test.skip)('a receipt is verified by the commands of docs/api.md', async () => {
  const { agent, certificate } = await certifiedAgent(call);
  await halted(agent.id, { reason: 'Sagt "Halt" \\ – 停止 ’' });
  const [, commands = ''] = /```sh\n([^`]*statement\.sig[^`]*)```/.exec(readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')) ?? [];
  const filled = commands.replace('<serial>', certificate.serial_number).replace('<DistributionUrl>', runtime.distributionUrl);
  const run = (script: string) => runClientWithFiles('bash', ['-euo', 'pipefail', '-c', `api=${runtime.url}\n${script}`]);
  expect(await run(filled)).toMatchObject({ status: 0, stdout: expect.stringMatching(/\nVerified OK\n$/) });
  // The same with a statement that was changed.
  expect(await run(filled.replace('jq -cjS', "sed -i s/Halt/Hold/ receipt.json; jq -cjS"))).toMatchObject({ status: 1, stdout: expect.stringMatching(/\nVerification failure\n$/) });

  // A statement that an agent has signed as its own payload, and the agent's certificate handed out in the other's place.
  const { agent: forger, certificate: { certificate_pem } } = await certifiedAgent(call);
  const { receipt_signature: _, signed_by_ca: __, audit_logged: ___, ...statement } = (await verification(certificate.serial_number)).halt_receipt;
  const { signature } = dataOf(await call('POST', `/agents/${forger.id}/sign`, { body: { payload: { ...statement, reason: 'Forged' } } }), 200);
  const handedOut = (pem: string) => filled
    .replace('jq -cjS', `jq '.reason = "Forged" | .receipt_signature = "${signature}"' receipt.json > forged.json; mv forged.json receipt.json; jq -cjS`)
    .replace(/^curl \S+ \S+attestation\.cer .*$/m, `cat > attestation.pem <<'END'\n${pem}\nEND`);
  const forged = await run(handedOut(certificate_pem));
  expect([forged.status, forged.stdout]).toEqual([1, 'attestation.pem: OK\n']);
  // One that the forger has signed himself.
  const { stdout: selfSigned } = openssl(['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=Attestation Signer', '-addext', 'extendedKeyUsage=1.3.6.1.5.5.7.3.36']);
  expect(await run(handedOut(selfSigned))).toMatchObject({ status: 2, stdout: '' });
});

describe('an agent without an active certificate', () => {
  test.each<[string, (agentId: string) => Promise<unknown>]>([
    ['pending', () => Promise.resolve()],
    ['suspended by hand', (agentId) => call('PATCH', `/agents/${agentId}`, { body: { status: 'suspended' } })],
  ])('%s: is suspended, with a receipt that names no certificate', async (_, prepare) => {
    const agent = await registerAgent(call);
    await prepare(agent.id);
    const { certificate_serial, halt_receipt } = await halted(agent.id);
    expect([certificate_serial, halt_receipt.certificate_serial]).toEqual([null, null]);
    expect(await verifiedByOpenssl(halt_receipt)).toBe(true);
    expect(dataOf(await call('GET', `/agents/${agent.id}`), 200).status).toBe('suspended');
    expect(await halted(agent.id)).toMatchObject({ halt_receipt });
  });

  test('since it expired: nothing is revoked', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    await runtime.aftermath.expireCertificate(agent.id, certificate.id, new Date().toISOString());
    expect((await halted(agent.id)).certificate_serial).toBeNull();
    expect(await verification(certificate.serial_number)).toMatchObject({ status: 'expired', halt_receipt: null });
    expect(await runtime.aftermath.agent(agent.id)).not.toHaveProperty('activeCertificate');
  });
});

describe('asked again', () => {
  test('answers the receipt of the same event, whatever is said now', async () => {
    const { agent } = await certifiedAgent(call);
    const first = await halted(agent.id, { reason: 'regulatory_order' });
    expect(await halted(agent.id, { reason: 'operator_initiated', operator_note: 'x' })).toStrictEqual(first);
    expect((await runtime.aftermath.audit(agent.id)).filter(({ eventType }) => eventType === 'agent.halted')).toHaveLength(1);
  });

  test.each<[string, () => Promise<string>]>([
    ['active', async () => (await certifiedAgent(call)).agent.id],
    ['pending', async () => (await registerAgent(call)).id],
    ['suspended', async () => {
      const { id } = await registerAgent(call);
      dataOf(await call('PATCH', `/agents/${id}`, { body: { status: 'suspended' } }), 200);
      return id;
    }],
  ])('twenty at once of an agent that is %s are one event, and one receipt', async (_, prepare) => {
    const agent = { id: await prepare() };
    const held = runtime.dynamodb.hold({ ...requests.transaction, concerning: agent.id }, { times: 2 });
    const halts = Promise.all(Array.from({ length: 20 }, () => halted(agent.id)));
    // Two at least have found the agent as it was.
    while (held.held < 2) await new Promise(setImmediate);
    held.release();
    const replies = await halts;
    expect(new Set(replies.map((data) => JSON.stringify(data))).size).toBe(1);
    expect((await runtime.aftermath.audit(agent.id)).filter(({ eventType }) => eventType === 'agent.halted')).toHaveLength(1);
  });

  test.each<[string, (agentId: string) => Promise<unknown>]>([
    ['certified again', (agentId) => runtime.certify(agentId)],
    ['set back to pending', (agentId) => call('PATCH', `/agents/${agentId}`, { body: { status: 'pending' } })],
    ['certified again and revoked', async (agentId) => {
      const { body } = await runtime.certify(agentId);
      return call('POST', `/certificates/${body.data.id}/revoke`, { body: { reason: 'x' } });
    }],
  ])('after the agent was %s, it is another event', async (_, change) => {
    const { agent } = await certifiedAgent(call);
    const first = await halted(agent.id);
    await change(agent.id);
    const second = await halted(agent.id);
    expect(second.halt_event_id).not.toBe(first.halt_event_id);
    expect((await verification(first.certificate_serial)).halt_receipt).toStrictEqual(first.halt_receipt);
  });

  test('a change of the agent that is none of its status leaves the event as it was', async () => {
    const { agent } = await certifiedAgent(call);
    const first = await halted(agent.id);
    for (const body of [{ name: 'Renamed' }, { status: 'suspended', description: 'x' }]) dataOf(await call('PATCH', `/agents/${agent.id}`, { body }), 200);
    expect(await halted(agent.id)).toStrictEqual(first);
  });
});

describe('an issuance under way', () => {
  test.each(['createKey', 'sign', 'transaction'] as const)('is broken off by a halt that comes while it is at %s', async (point) => {
    const agentId = await runtime.newAgent();
    const proxy = point === 'transaction' ? runtime.dynamodb : runtime.kms;
    const hold = proxy.hold(point === 'transaction' ? { ...requests[point], concerning: agentId } : requests[point], { times: 1 });
    const certifying = runtime.certify(agentId);
    await hold.reached;
    await halted(agentId);
    hold.release();
    expect((await certifying).body.code).toBe('ISSUANCE_INTERRUPTED');
    expect((await runtime.aftermath.agent(agentId))['status']).toBe('suspended');
    expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion']);
  });

  test('of an agent that is halted already is broken off by another halt', async () => {
    const agentId = await runtime.newAgent();
    const first = await halted(agentId);
    const hold = runtime.kms.hold(requests.createKey, { times: 1 });
    const certifying = runtime.certify(agentId);
    await hold.reached;
    const second = await halted(agentId);
    hold.release();
    expect((await certifying).body.code).toBe('ISSUANCE_INTERRUPTED');
    expect(second.halt_event_id).not.toBe(first.halt_event_id);
  });

  test('that commits while the halt is being written loses its certificate', async () => {
    const agentId = await runtime.newAgent();
    const hold = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId }, { times: 1 });
    const halting = halt(agentId);
    await hold.reached;
    const { body } = await runtime.certify(agentId);
    hold.release();
    expect(dataOf(await halting, 200).certificate_serial).toBe(body.data.serial_number);
    expect(await runtime.aftermath.activeCertificates(agentId)).toEqual([]);
  });
});

describe('a receipt that cannot be signed', () => {
  const flipped = rewritten((answer) => {
    const signature = Buffer.from(answer['Signature'], 'base64');
    signature.writeUInt8(signature.readUInt8(100) ^ 1, 100);
    return { ...answer, Signature: signature.toString('base64') };
  });
  const faults: Record<string, Fault> = {
    'KMS is not reached': notPerformed, 'KMS throttles': awsError('ThrottlingException'), 'KMS refuses': awsError('AccessDeniedException'), 'the key is disabled': awsError('DisabledException'),
    'KMS signs wrong': flipped, 'KMS answers without a signature': rewritten(() => ({})),
  };

  test.each(Object.entries(faults))('%s: halted all the same, and signed when asked again', async (_, fault) => {
    const { agent, certificate } = await certifiedAgent(call);
    runtime.kms.inject(requests.sign, fault);
    const first = await halted(agent.id);
    runtime.calm();
    expect(first).toMatchObject({ signature: null, halt_receipt: { receipt_signature: null, signed_by_ca: false, audit_logged: true } });
    expect(await verification(certificate.serial_number)).toMatchObject({ status: 'revoked', halt_receipt: first.halt_receipt });

    const second = await halted(agent.id);
    expect(second.halt_receipt).toStrictEqual({ ...first.halt_receipt, receipt_signature: expect.any(String), signed_by_ca: true });
    expect(await verifiedByOpenssl(second.halt_receipt)).toBe(true);
    expect((await verification(certificate.serial_number)).halt_receipt).toStrictEqual(second.halt_receipt);
  });

  test('is signed under the Idempotency-Key that it was first asked for with', async () => {
    const { agent } = await certifiedAgent(call);
    const options = { headers: { 'idempotency-key': 'halt-1' } };
    runtime.kms.inject(requests.sign, awsError('KMSInternalException'));
    const first = dataOf(await halt(agent.id, undefined, options), 200);
    runtime.calm();
    const second = dataOf(await halt(agent.id, undefined, options), 200);
    expect([first.signature, second.halt_event_id, second.halt_receipt.signed_by_ca]).toEqual([null, first.halt_event_id, true]);
  });

  test('since there is no attestation authority yet', async () => {
    const { agent } = await certifiedAgent(call);
    const putBack = await runtime.aftermath.remove([{ pk: 'CA#attestation', sk: 'CA' }]);
    expect((await halted(agent.id)).halt_receipt.signed_by_ca).toBe(false);
    await putBack();
    expect((await halted(agent.id)).halt_receipt.signed_by_ca).toBe(true);
  });

  test('or only not be kept: it is answered, and kept when asked again', async () => {
    const { agent, certificate } = await certifiedAgent(call);
    const fault = runtime.dynamodb.inject(requests.keepHaltReceipt, awsError('InternalServerError'));
    const { halt_receipt } = await halted(agent.id);
    expect(fault.hits).toBeGreaterThan(0);
    fault.remove();
    expect(await verifiedByOpenssl(halt_receipt)).toBe(true);
    expect((await verification(certificate.serial_number)).halt_receipt.receipt_signature).toBeNull();
    expect((await halted(agent.id)).halt_receipt).toStrictEqual(halt_receipt);
    expect((await verification(certificate.serial_number)).halt_receipt).toStrictEqual(halt_receipt);
  });
});

describe('a halt that is not durable', () => {
  test.each([['cannot read the agent', requests.readAgent], ['cannot write', requests.transaction]] as const)('%s: 503, and nothing has changed', async (_, request) => {
    const { agent, certificate } = await certifiedAgent(call);
    runtime.calm();
    runtime.dynamodb.inject({ ...request, concerning: agent.id }, awsError('InternalServerError'));
    expectProblem(await halt(agent.id), 503, 'REGISTRY_UNAVAILABLE');
    // CRLs may be signed at any time.
    expect(runtime.kms.calls.filter(({ operation, input }) => operation === 'Sign' && input['KeyId'] === process.env['ATTESTATION_KEY_ID'])).toEqual([]);
    runtime.calm();
    expect((await verification(certificate.serial_number)).valid).toBe(true);
    expect((await halted(agent.id)).halt_receipt.signed_by_ca).toBe(true);
  });

  test('is found durable where only the answer was lost', async () => {
    const { agent } = await certifiedAgent(call);
    runtime.dynamodb.inject({ ...requests.transaction, concerning: agent.id }, { kind: 'answer lost' }, { times: 1 });
    const { halt_event_id } = await halted(agent.id);
    const trail = (await runtime.aftermath.audit(agent.id)).filter(({ eventType }) => eventType === 'agent.halted');
    expect(trail.map(({ id }) => id)).toEqual([halt_event_id]);
  });
});

describe('nothing is halted', () => {
  test('of a retired agent: 409', async () => {
    const agent = await registerAgent(call);
    await call('DELETE', `/agents/${agent.id}`);
    expectProblem(await halt(agent.id), 409, 'AGENT_ALREADY_RETIRED');
  });

  test('of an agent that is not there, or another’s: 404', async () => {
    const { agent, certificate } = await certifiedAgent(call, {}, { key: runtime.keys.globex });
    for (const id of [unknownId, agent.id, 'agent-1']) expectProblem(await halt(id), 404, 'AGENT_NOT_FOUND');
    expect((await verification(certificate.serial_number)).valid).toBe(true);
  });
});

test('the certificate that signs receipts is the one that GET /ca names, issued by the issuing CA', async () => {
  const { certificates, chain_pem } = dataOf(await call('GET', '/ca', { headers: { accept: 'application/json' } }), 200);
  expect(certificates.map(({ role }: { role: string }) => role)).toEqual(['issuing', 'root', 'attestation']);
  const [issuing, root, attestation] = certificates.map(({ certificate_pem }: { certificate_pem: string }) => certificate_pem);
  expect(attestation).toBe(certificateToPem(await download(`${runtime.distributionUrl}/ca/attestation.cer`)));
  expect(chain_pem).toBe(issuing + root);
  const files = { 'root.pem': root, 'issuing.pem': issuing, 'attestation.pem': attestation };
  expect(openssl(['verify', '-x509_strict', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'attestation.pem'], files)).toMatchObject({ status: 0 });
  expect(openssl(['verify', '-purpose', 'sslclient', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'attestation.pem'], files).status).not.toBe(0);
});
