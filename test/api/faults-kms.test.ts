import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { answerLost, answerTorn, awsError, badGateway, notPerformed, rewritten, type Fault } from '../support/faults.ts';
import { certifyWhile, each, expectDiscreet, kmsCalls, outcomes, refusedCleanly } from '../support/faults-outcome.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

// Every call that certify makes of KMS, failed in every way there is, for as long as the cause lasts: the SDK's own
// repetitions fail like the first attempt.

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  await runtime.certify(await runtime.newAgent()); // The issuing certificate is remembered from here on.
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

describe('each call to KMS', () => {
  const faults: Record<string, Fault> = {
    'not performed': notPerformed,
    'ThrottlingException': awsError('ThrottlingException'),
    'KMSInternalException': awsError('KMSInternalException'),
    'AccessDeniedException': awsError('AccessDeniedException'),
    'NotFoundException': awsError('NotFoundException'),
    'a load balancer without a backend': badGateway,
  };
  test.each(Object.entries(faults))('%s', async (_, fault) => {
    expect(await outcomes(runtime, kmsCalls, fault)).toEqual(each(kmsCalls, refusedCleanly));
  });

  const named = {
    LimitExceededException: 'KMS_UNAVAILABLE',
    DependencyTimeoutException: 'KMS_UNAVAILABLE',
    KMSInvalidStateException: 'KMS_UNAVAILABLE',
    DisabledException: 'KMS_UNAVAILABLE',
    AccessDeniedException: 'KMS_CREDENTIALS_NOT_CONFIGURED',
    UnrecognizedClientException: 'KMS_CREDENTIALS_NOT_CONFIGURED',
    ExpiredTokenException: 'KMS_CREDENTIALS_NOT_CONFIGURED',
    InvalidSignatureException: 'KMS_CREDENTIALS_NOT_CONFIGURED',
  };
  test.each(Object.entries(named))('%s is told as %s', async (name, code) => {
    const agentId = await runtime.newAgent();
    runtime.kms.inject(requests.createKey, awsError(name));
    const answer = await runtime.certify(agentId);
    expect([answer.status, answer.body.code]).toEqual([503, code]);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expectDiscreet(answer);
    expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();
  });

  test.each([['lost', answerLost], ['torn', answerTorn]])('performed, and the answer %s', async (_, fault) => {
    expect(await outcomes(runtime, ['getPublicKey', 'sign'], fault)).toEqual(each(['getPublicKey', 'sign'], refusedCleanly));
  });

  test('a key whose ARN nobody learnt is tagged with a certificate that does not exist', async () => {
    const agentId = await runtime.newAgent();
    const lost = runtime.kms.inject({ ...requests.createKey, concerning: agentId }, answerLost);
    const first = await runtime.certify(agentId);
    expect([first.status, first.body.code]).toEqual([503, 'KMS_UNAVAILABLE']);
    lost.remove();
    const second = await runtime.certify(agentId);
    expect(second.status).toBe(201);
    const orphans = (await runtime.aftermath.agentKeys(agentId)).filter(({ arn }) => arn !== second.body.data.kms_key_arn);
    expect(orphans).toHaveLength(lost.hits);
    for (const { certificateId } of orphans) expect(await runtime.aftermath.certificate(certificateId)).toBeUndefined();
  });
});

describe('a wrong answer of KMS', () => {
  const internalError = { ...refusedCleanly, first: '500', retryAfter: false };

  test('a signature with one bit wrong is never stored', async () => {
    const flipped = rewritten((answer) => {
      const signature = Buffer.from(answer['Signature'], 'base64');
      signature.writeUInt8(signature.readUInt8(100) ^ 1, 100);
      return { ...answer, Signature: signature.toString('base64') };
    });
    expect(await certifyWhile(runtime, 'sign', flipped)).toEqual(internalError);
  });

  test('a signature by another key is never stored', async () => {
    const { body } = await runtime.certify(await runtime.newAgent());
    const signature = Buffer.from(await runtime.aftermath.sign(body.data.kms_key_arn)).toString('base64');
    expect(await certifyWhile(runtime, 'sign', rewritten((answer) => ({ ...answer, Signature: signature })))).toEqual(internalError);
  });

  test('what is no RSA-2048 key is not certified', async () => {
    const issuing = (await runtime.call('GET', '/ca', { key: null, headers: { accept: 'application/json' } })).body.data.certificates[0];
    expect(issuing.role).toBe('issuing');
    const tooLong = Buffer.concat([Buffer.from('308201a2300d06092a864886f70d01010105000382018f003082018a0282018100', 'hex'), Buffer.alloc(384, 0xff), Buffer.from('0203010001', 'hex')]);
    for (const publicKey of [tooLong, tooLong.subarray(0, 40), Buffer.from('no key')]) {
      expect(await certifyWhile(runtime, 'getPublicKey', rewritten((answer) => ({ ...answer, PublicKey: publicKey.toString('base64') })))).toEqual(internalError);
    }
  });

  test('an answer without what was asked for is a fault of the service', async () => {
    // Of the key that CreateKey did not name, nobody learns.
    expect(await outcomes(runtime, kmsCalls, rewritten(() => ({})))).toEqual(each(kmsCalls, internalError, { createKey: { keysLeft: 1 } }));
  });
});

describe('KMS gone altogether', () => {
  test('before anything is done: 503, and the lease is given back', async () => {
    const agentId = await runtime.newAgent();
    await runtime.kms.down();
    const first = await runtime.certify(agentId);
    await runtime.kms.up();
    expect([first.status, first.body.code, first.headers.get('retry-after')]).toEqual([503, 'KMS_UNAVAILABLE', '5']);
    expectDiscreet(first);
    expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();
    expect((await runtime.certify(agentId)).status).toBe(201);
  });

  test('once the key is made: the key stays noted, and the next issuance has it deleted', async () => {
    const agentId = await runtime.newAgent();
    const held = runtime.kms.hold({ ...requests.getPublicKey, concerning: agentId });
    const answer = runtime.certify(agentId);
    await held.reached;
    await runtime.kms.down();
    expect((await answer).body.code).toBe('KMS_UNAVAILABLE');
    await runtime.kms.up();
    held.release();

    const { lease } = await runtime.aftermath.agent(agentId);
    expect(lease.expiresAt <= new Date().toISOString()).toBe(true);
    const [abandoned] = await runtime.aftermath.agentKeys(agentId);
    expect([abandoned?.arn, abandoned?.state]).toEqual([lease.keyArn, 'Enabled']);

    const second = await runtime.certify(agentId);
    expect(second.status).toBe(201);
    const keys = await runtime.aftermath.agentKeys(agentId);
    expect(keys.map(({ arn, state }) => [arn, state]).sort()).toEqual([[abandoned?.arn, 'PendingDeletion'], [second.body.data.kms_key_arn, 'Enabled']].sort());
  });
});
