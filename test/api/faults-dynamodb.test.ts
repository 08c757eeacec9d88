import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { answerLost, answerTorn, awsError, badGateway, cancelled, notPerformed, type Fault } from '../support/faults.ts';
import { certifyWhile, committedAllTheSame, dynamodbCalls, each, expectDiscreet, outcomes, refusedCleanly } from '../support/faults-outcome.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

// Every call that certify makes of DynamoDB, failed in every way there is, for as long as the cause lasts: the SDK's own
// repetitions fail like the first attempt.

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  await runtime.certify(await runtime.newAgent()); // The issuing certificate is remembered from here on.
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

describe('each call to DynamoDB', () => {
  const faults: Record<string, Fault> = {
    'not performed': notPerformed,
    'ProvisionedThroughputExceededException': awsError('ProvisionedThroughputExceededException'),
    'InternalServerError': awsError('InternalServerError'),
    'AccessDeniedException': awsError('AccessDeniedException'),
    'TransactionConflictException': awsError('TransactionConflictException'),
    'a load balancer without a backend': badGateway,
  };
  test.each(Object.entries(faults))('%s', async (_, fault) => {
    expect(await outcomes(runtime, dynamodbCalls, fault)).toEqual(each(dynamodbCalls, refusedCleanly));
  });

  test.each(['ThrottlingException', 'RequestLimitExceeded', 'UnrecognizedClientException', 'ExpiredTokenException'])('%s at the first of them', async (name) => {
    const agentId = await runtime.newAgent();
    runtime.dynamodb.inject(requests.reserve, awsError(name));
    const answer = await runtime.certify(agentId);
    expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([503, 'REGISTRY_UNAVAILABLE', '2']);
    expectDiscreet(answer);
    expect(runtime.kms.calls.filter(({ text }) => text.includes(agentId))).toEqual([]);
  });

  test.each([['lost', answerLost], ['torn', answerTorn]])('performed, and the answer %s: a commit is found to have happened', async (_, fault) => {
    expect(await outcomes(runtime, dynamodbCalls, fault)).toEqual({ ...each(dynamodbCalls, refusedCleanly), transaction: committedAllTheSame });
  });

  const reasons = [['TransactionConflict', 'None', 'None'], ['None', 'ThrottlingError', 'None'], ['None', 'None', 'ProvisionedThroughputExceeded']];
  test.each(reasons)('a commit cancelled for %s, %s, %s', async (...codes) => {
    expect(await certifyWhile(runtime, 'transaction', cancelled(...codes))).toEqual(refusedCleanly);
  });
});

describe('DynamoDB gone altogether', () => {
  test('503 at every door, the public ones included', async () => {
    const agentId = await runtime.newAgent();
    const { id, serial_number } = (await runtime.certify(agentId)).body.data;
    await runtime.dynamodb.down();
    const replies = await Promise.all([
      runtime.certify(agentId),
      runtime.call('POST', `/certificates/${id}/revoke`, { body: { reason: 'test' } }),
      runtime.call('GET', `/agents/${agentId}`),
      runtime.call('POST', '/events', { body: { agent_id: agentId, action_type: 'api_call' } }),
      runtime.verify(serial_number),
    ]);
    await runtime.dynamodb.up();
    for (const reply of replies) {
      expect(reply.status).toBe(503);
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
      expectDiscreet(reply);
    }
    expect((await runtime.verify(serial_number)).body.data.valid).toBe(true);
  });

  test('just before the commit: the lease ends by itself, and the key noted on it goes with it', async () => {
    const agentId = await runtime.newAgent();
    const signing = runtime.kms.hold(requests.sign);
    const answer = runtime.certify(agentId);
    await signing.reached;
    await runtime.dynamodb.down();
    signing.release();
    const { status, body } = await answer;
    expect([status, body.code]).toEqual([503, 'REGISTRY_UNAVAILABLE']);
    await runtime.dynamodb.up();

    const { lease } = await runtime.aftermath.agent(agentId);
    expect(lease.keyArn).toMatch(/^arn:/);
    await runtime.aftermath.expireLease(agentId);
    const second = await runtime.certify(agentId);
    expect(second.status).toBe(201);
    expect((await runtime.aftermath.agentKeys(agentId)).filter(({ state }) => state !== 'PendingDeletion').map(({ arn }) => arn)).toEqual([second.body.data.kms_key_arn]);
  });
});
