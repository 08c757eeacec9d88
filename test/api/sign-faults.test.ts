import { verify, X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { verifyRsaSha256Digest } from '../../lambdas/pki/digest-signature.ts';
import { dataOf } from '../support/agents.ts';
import { answerLost, answerTorn, awsError, badGateway, cancelled, notPerformed, rewritten, type Fault } from '../support/faults.ts';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { expectProblem } from '../support/problems.ts';
import type { Reply } from '../support/runtime.ts';

// No signature leaves that is not in the audit trail, or that a certificate made which had ended by then: whatever happens
// while KMS signs, whatever KMS and DynamoDB answer, and however many sign at once.

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

interface Signer {
  readonly agentId: string;
  readonly certificateId: string;
  readonly certificatePem: string;
}

async function newSigner(): Promise<Signer> {
  const agentId = await runtime.newAgent();
  const { id, certificate_pem } = dataOf(await runtime.certify(agentId), 201);
  return { agentId, certificateId: id, certificatePem: certificate_pem };
}

const bodies = { payload: { payload: { a: 1 } }, digest: { digest: Buffer.alloc(32, 1).toString('base64') }, jwt: { jwt: {} } };
const sign = (agentId: string, body: object = bodies.payload) => runtime.call('POST', `/agents/${agentId}/sign`, { body });
const revoke = async ({ certificateId }: Signer) => dataOf(await runtime.call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test' } }), 200);
const signaturesOf = async (agentId: string) => (await runtime.aftermath.audit(agentId)).filter(({ eventType }) => eventType === 'message.signed');

/** What is there in a refusal that could be a signature: nothing. */
function expectNothingLeaves({ body }: Reply): void {
  expect(Object.keys(body).sort()).toEqual(['code', 'error', 'request_id']);
  expect(JSON.stringify(body)).not.toMatch(/[A-Za-z0-9+/_-]{100}/);
}

describe('while KMS signs', () => {
  const moments = ['before the service', 'before the answer'] as const;
  const atEachMoment = <Event>(events: Record<string, Event>) => Object.entries(events).flatMap(([name, event]) => moments.map((where) => ({ name, where, event })));

  /** Has each kind of thing signed, KMS being held there while the event happens. */
  async function signedDuring(event: (signer: Signer) => Promise<unknown>, where: (typeof moments)[number]) {
    const signer = await newSigner();
    const held = runtime.kms.hold({ ...requests.sign, concerning: signer.agentId }, { where });
    const replies = Promise.all(Object.values(bodies).map((body) => sign(signer.agentId, body)));
    await held.reached;
    while (held.held < 3) await new Promise(setImmediate);
    await event(signer);
    held.release();
    return { signer, replies: await replies };
  }

  const ends: Record<string, [string, (signer: Signer) => Promise<unknown>]> = {
    'the certificate is revoked': ['AGENT_SUSPENDED', revoke],
    'the agent is suspended': ['AGENT_SUSPENDED', ({ agentId }) => runtime.call('PATCH', `/agents/${agentId}`, { body: { status: 'suspended' } })],
    'the agent is halted': ['AGENT_SUSPENDED', ({ agentId }) => runtime.call('POST', `/agents/${agentId}/halt`)],
    'the agent is retired': ['AGENT_RETIRED', ({ agentId }) => runtime.call('DELETE', `/agents/${agentId}`)],
    'the certificate expires': ['CERTIFICATE_NOT_ACTIVE', ({ agentId, certificateId }) => runtime.aftermath.expireCertificate(agentId, certificateId, new Date(Date.now() - 1).toISOString())],
  };

  test.each(atEachMoment(ends))('$name, KMS being held $where: no signature leaves, and nothing is said to have been signed', async ({ where, event: [code, end] }) => {
    const { signer, replies } = await signedDuring(end, where);
    for (const reply of replies) {
      expectProblem(reply, 422, code);
      expectNothingLeaves(reply);
    }
    expect(await signaturesOf(signer.agentId)).toEqual([]);
  });

  const successions: Record<string, (signer: Signer) => Promise<Reply>> = {
    'the certificate is renewed': ({ certificateId }) => runtime.call('POST', `/certificates/${certificateId}/renew`),
    'the agent gets another certificate': async (signer) => {
      await revoke(signer);
      return runtime.certify(signer.agentId);
    },
  };

  test.each(atEachMoment(successions))('$name, KMS being held $where: the new one signs, and that alone is recorded', async ({ where, event }) => {
    let successor = { serial_number: '', certificate_pem: '' };
    const { signer, replies } = await signedDuring(async (first) => {
      successor = dataOf(await event(first), 201);
      await runtime.idle(); // The key of the first is on its way out.
    }, where);
    const { publicKey } = new X509Certificate(successor.certificate_pem);
    const signed = replies.map((reply) => dataOf(reply, 200));
    for (const { certificate_serial, signature, payload_hash, token = '' } of signed) {
      expect([certificate_serial, verifyRsaSha256Digest(publicKey.export({ format: 'der', type: 'spki' }), Buffer.from(payload_hash, 'hex'), Buffer.from(signature, 'base64'))]).toEqual([successor.serial_number, true]);
      if (token !== '') expect(decodeProtectedHeader(token).x5c?.[0]).toBe(new X509Certificate(successor.certificate_pem).raw.toString('base64'));
    }
    const recorded = await signaturesOf(signer.agentId);
    expect(recorded.map(({ metadata }) => [metadata.payload_hash, metadata.certificate_serial]).sort()).toEqual(signed.map(({ payload_hash }) => [payload_hash, successor.serial_number]).sort());
  });

  test('the certificate is renewed again and again: no signature leaves, and the agent is there to be read', async () => {
    const { agentId, certificateId: first } = await newSigner();
    let certificateId = first;
    const attempts: string[] = [];
    const signing = (async () => sign(agentId))();
    for (;;) {
      const held = runtime.kms.hold({ ...requests.sign, concerning: agentId }, { where: 'before the answer', times: 1 });
      if (await Promise.race([held.reached.then(() => false), signing.then(() => true)])) break;
      attempts.push(certificateId);
      certificateId = dataOf(await runtime.call('POST', `/certificates/${certificateId}/renew`), 201).id;
      held.release();
    }
    expectProblem(await signing, 422, 'CERTIFICATE_NOT_ACTIVE');
    expect(attempts).toHaveLength(3);
    expect(await signaturesOf(agentId)).toEqual([]);
  });

  test('nothing of the kind happens: the signature leaves when it is recorded', async () => {
    const { agentId } = await newSigner();
    const held = runtime.dynamodb.hold({ ...requests.transaction, concerning: agentId });
    const reply = sign(agentId);
    await held.reached;
    expect(await signaturesOf(agentId)).toEqual([]);
    held.release();
    expect((await reply).status).toBe(200);
    expect(await signaturesOf(agentId)).toHaveLength(1);
  });
});

describe('KMS answers', () => {
  const garbage: Record<string, (answer: Record<string, unknown>, another: Uint8Array) => Record<string, unknown>> = {
    'a signature with one bit wrong': (answer) => {
      const signature = Buffer.from(String(answer['Signature']), 'base64');
      signature.writeUInt8(signature.readUInt8(100) ^ 1, 100);
      return { ...answer, Signature: signature.toString('base64') };
    },
    'a signature by another key': (answer, another) => ({ ...answer, Signature: Buffer.from(another).toString('base64') }),
    'a signature that is too short': (answer) => ({ ...answer, Signature: Buffer.from(String(answer['Signature']), 'base64').subarray(1).toString('base64') }),
    'zeros': (answer) => ({ ...answer, Signature: Buffer.alloc(256).toString('base64') }),
    'an empty signature': (answer) => ({ ...answer, Signature: '' }),
    'nothing': () => ({}),
  };

  test.each(Object.keys(garbage))('%s: nothing leaves, and nothing is said to have been signed', async (name) => {
    const [{ agentId }, other] = [await newSigner(), await newSigner()];
    const { keyArn } = (await runtime.aftermath.certificate(other.certificateId)) as { keyArn: string };
    const another = await runtime.aftermath.sign(keyArn, Buffer.alloc(32, 1));
    runtime.kms.inject({ ...requests.sign, concerning: agentId }, rewritten((answer) => garbage[name]?.(answer, another) ?? {}));
    for (const body of Object.values(bodies)) {
      const reply = await sign(agentId, body);
      expectProblem(reply, 500, 'INTERNAL_ERROR');
      expectNothingLeaves(reply);
    }
    expect(await signaturesOf(agentId)).toEqual([]);
  });

  const failures: Record<string, [Fault, string]> = {
    'nothing at all': [notPerformed, 'KMS_UNAVAILABLE'],
    'half an answer': [answerTorn, 'KMS_UNAVAILABLE'],
    'ThrottlingException': [awsError('ThrottlingException'), 'KMS_UNAVAILABLE'],
    'KMSInternalException': [awsError('KMSInternalException'), 'KMS_UNAVAILABLE'],
    'KMSInvalidStateException, the certificate being active': [awsError('KMSInvalidStateException'), 'KMS_UNAVAILABLE'],
    'NotFoundException': [awsError('NotFoundException'), 'KMS_UNAVAILABLE'],
    'AccessDeniedException': [awsError('AccessDeniedException'), 'KMS_CREDENTIALS_NOT_CONFIGURED'],
    'a load balancer’s 502': [badGateway, 'KMS_UNAVAILABLE'],
  };

  test.each(Object.entries(failures))('%s: 503, and the next attempt succeeds', async (_, [fault, code]) => {
    const { agentId } = await newSigner();
    const injection = runtime.kms.inject({ ...requests.sign, concerning: agentId }, fault);
    const reply = await sign(agentId);
    expect([reply.status, reply.body.code]).toEqual([503, code]);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    expectDiscreet(reply);
    expect(await signaturesOf(agentId)).toEqual([]);
    injection.remove();
    expect((await sign(agentId)).status).toBe(200);
  });

  test('that it does not know the key yet, which is new: it is asked again', async () => {
    const { agentId } = await newSigner();
    const unknown = runtime.kms.inject({ ...requests.sign, concerning: agentId }, awsError('NotFoundException'), { times: 2 });
    expect((await sign(agentId)).status).toBe(200);
    expect(unknown.hits).toBe(2);
  });

  test('that the key is on its way out, the certificate being revoked by then: 422, since no attempt will succeed', async () => {
    const signer = await newSigner();
    const held = runtime.kms.hold({ ...requests.sign, concerning: signer.agentId });
    const reply = sign(signer.agentId);
    await held.reached;
    await revoke(signer);
    await runtime.idle();
    const [key] = await runtime.aftermath.agentKeys(signer.agentId);
    expect(key?.state).toBe('PendingDeletion');
    held.release();
    expectProblem(await reply, 422, 'AGENT_SUSPENDED');
  });
});

describe('the record', () => {
  const transaction = (agentId: string) => ({ ...requests.transaction, concerning: agentId });

  const failures: Record<string, Fault> = {
    'is not performed': notPerformed,
    'meets an error of DynamoDB’s own': awsError('InternalServerError'),
    'is throttled': awsError('ProvisionedThroughputExceededException'),
    'is refused for want of permission': awsError('AccessDeniedException'),
    'stays contended': cancelled('TransactionConflict', 'None'),
    'stays throttled': cancelled('None', 'ThrottlingError'),
  };

  test.each(Object.entries(failures))('%s: 503, and no signature leaves', async (_, fault) => {
    const { agentId } = await newSigner();
    const injection = runtime.dynamodb.inject(transaction(agentId), fault);
    const reply = await sign(agentId);
    expect([reply.status, reply.body.code]).toEqual([503, 'REGISTRY_UNAVAILABLE']);
    expectDiscreet(reply);
    expectNothingLeaves(reply);
    expect(await signaturesOf(agentId)).toEqual([]);
    injection.remove();
    expect((await sign(agentId)).status).toBe(200);
    expect(await signaturesOf(agentId)).toHaveLength(1);
  });

  test('that is made while a revocation has only been asked for is not dated after it', async () => {
    const { agentId, certificateId } = await newSigner();
    const held = runtime.dynamodb.hold({ ...requests.readCertificate, concerning: certificateId });
    const revocation = runtime.call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test' } });
    await held.reached;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await sign(agentId)).status).toBe(200);
    held.release();
    dataOf(await revocation, 200);
    const { revokedAt } = (await runtime.aftermath.certificate(certificateId)) as { revokedAt: string };
    const [recorded] = await signaturesOf(agentId);
    expect(revokedAt >= String(recorded?.createdAt)).toBe(true);
  });

  test('may be contended for a while, as where an agent signs much at once', async () => {
    const { agentId } = await newSigner();
    const conflict = runtime.dynamodb.inject(transaction(agentId), cancelled('TransactionConflict', 'None'), { times: 4 });
    expect((await sign(agentId)).status).toBe(200);
    expect(conflict.hits).toBe(4);
    expect(await signaturesOf(agentId)).toHaveLength(1);
  });

  test('is made once, however often its answer is lost', async () => {
    const { agentId } = await newSigner();
    runtime.dynamodb.inject(transaction(agentId), answerLost, { times: 2 });
    expect((await sign(agentId)).status).toBe(200);
    expect(await signaturesOf(agentId)).toHaveLength(1);
  });

  test('that was made before a revocation stays made, although its answer was lost and asked for again after it', async () => {
    const signer = await newSigner();
    const held = runtime.dynamodb.hold(transaction(signer.agentId), { where: 'before the answer', times: 1 });
    runtime.dynamodb.inject(transaction(signer.agentId), answerLost, { times: 1 });
    const reply = sign(signer.agentId);
    await held.reached;
    const { revoked_at } = await revoke(signer);
    held.release();
    const { status, body } = await reply;
    expect(status).toBe(200);
    expect(Date.parse(body.data.signed_at)).toBeLessThan(Date.parse(revoked_at) + 1000);
    expect(await signaturesOf(signer.agentId)).toHaveLength(1);
  });

  test('stands where its answer stays lost: the signature is recorded, and does not leave', async () => {
    const { agentId } = await newSigner();
    runtime.dynamodb.inject(transaction(agentId), answerLost);
    const reply = await sign(agentId);
    expect([reply.status, reply.body.code]).toEqual([503, 'REGISTRY_UNAVAILABLE']);
    expectNothingLeaves(reply);
    expect(await signaturesOf(agentId)).toHaveLength(1);
  });
});

test('of many signatures and a revocation at once, those that leave are those on record, all from before it', async () => {
  const signer = await newSigner();
  const { agentId, certificatePem } = signer;
  const early = await Promise.all(Array.from({ length: 10 }, () => sign(agentId)));
  const racing = Promise.all(Array.from({ length: 40 }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, index * 5));
    return sign(agentId, Object.values(bodies)[index % 3]);
  }));
  await new Promise((resolve) => setTimeout(resolve, 60));
  await revoke(signer);
  const replies = [...early, ...(await racing)];
  const late = await sign(agentId);

  expect(early.map(({ status }) => status)).toEqual(new Array(10).fill(200));
  expect(late.status).toBe(422);
  const left = replies.filter(({ status }) => status === 200);
  for (const { status, body } of replies) if (status !== 200) expect([status, ['CERTIFICATE_NOT_ACTIVE', 'AGENT_SUSPENDED'].includes(body.code)]).toEqual([422, true]);
  const recorded = await signaturesOf(agentId);
  expect(recorded.map(({ metadata, createdAt }) => `${createdAt} ${metadata.payload_hash}`).sort())
    .toEqual(left.map(({ body: { data } }) => `${data.signed_at} ${data.payload_hash}`).sort());
  for (const { body: { data } } of left.filter(({ body }) => body.data.token === undefined && body.data.payload_hash !== '01'.repeat(32))) {
    expect(verify('sha256', Buffer.from('{"a":1}'), new X509Certificate(certificatePem).publicKey, Buffer.from(data.signature, 'base64'))).toBe(true);
  }
}, 60_000);
