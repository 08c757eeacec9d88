import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { DynamoDBClient, TransactWriteItemsCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { localCredentials, region } from '../../local/account.ts';
import { answerLost, answerTorn, awsError, badGateway, cancelled, notPerformed, type Fault, type Pattern, type WireCall } from '../support/faults.ts';
import { expectDiscreet } from '../support/faults-outcome.ts';
import { purposeOf, requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import type { Reply } from '../support/runtime.ts';

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  await runtime.certify(await runtime.newAgent()); // The issuing certificate is remembered from here on.
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

const proxyOf = ({ operation = '' }: Pattern) => (/Item/.test(operation) ? runtime.dynamodb : runtime.kms);
const revoke = (certificateId: string) => runtime.call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test' } });

describe('trouble that passes', () => {
  const faults: [string, Fault][] = [['not performed', notPerformed], ['answer lost', answerLost], ['answer torn', answerTorn], ['throttled', awsError('ThrottlingException')], ['load balancer', badGateway]];
  const calls = ['findApiKey', 'reserve', 'createKey', 'getPublicKey', 'noteLeaseKey', 'sign', 'transaction'] as const;

  test.each(faults)('%s once, at any of its calls, costs certify time and nothing else', async (_, fault) => {
    for (const call of calls) {
      const agentId = await runtime.newAgent();
      const injection = proxyOf(requests[call]).inject(requests[call], fault, { times: 1 });
      const { status, body } = await runtime.certify(agentId);
      expect([call, status, injection.hits]).toEqual([call, 201, 1]);
      injection.remove();

      const { activeCertificate, lease } = await runtime.aftermath.agent(agentId);
      expect([activeCertificate.id, lease]).toEqual([body.data.id, undefined]);
      expect((await runtime.aftermath.certificate(body.data.id))?.['certificatePem']).toBe(body.data.certificate_pem);
      expect((await runtime.aftermath.audit(body.data.id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued']);
      const keys = await runtime.aftermath.agentKeys(agentId);
      // CreateKey has no way to be repeated without a second key.
      expect(keys).toHaveLength(call === 'createKey' && (fault === answerLost || fault === answerTorn) ? 2 : 1);
      expect((await runtime.aftermath.sign(body.data.kms_key_arn)).length).toBe(256);
    }
  }, 60_000);

  test.each([
    ['a plain write that meets a transaction', requests.reserve, awsError('TransactionConflictException')],
    ['a transaction that meets another', requests.transaction, cancelled('TransactionConflict', 'None', 'None')],
  ])('%s is tried again, five times if need be', async (_, request, fault) => {
    const agentId = await runtime.newAgent();
    const injection = runtime.dynamodb.inject(request, fault, { times: 5 });
    const { status } = await runtime.certify(agentId);
    expect([status, injection.hits]).toEqual([201, 5]);
  });

  test('a key that is not known yet, or still being made, is asked for again', async () => {
    for (const name of ['NotFoundException', 'KMSInvalidStateException']) {
      const agentId = await runtime.newAgent();
      const injection = runtime.kms.inject(requests.getPublicKey, awsError(name), { times: 3 });
      expect((await runtime.certify(agentId)).status).toBe(201);
      expect(injection.hits).toBe(3);
    }
  });
});

describe('a failure that cannot be undone at once', () => {
  test('the commit lost its answer and the registry is gone: 503, and the key of what was issued is not touched', async () => {
    const agentId = await runtime.newAgent();
    runtime.dynamodb.inject({ ...requests.transaction, concerning: agentId }, answerLost);
    runtime.dynamodb.inject({ ...requests.releaseLease, concerning: agentId }, awsError('InternalServerError'));
    const first = await runtime.certify(agentId);
    runtime.calm();
    expect([first.status, first.body.code]).toEqual([503, 'REGISTRY_UNAVAILABLE']);

    const second = await runtime.certify(agentId);
    expect([second.status, second.body.code]).toEqual([409, 'ACTIVE_CERTIFICATE_EXISTS']);
    const { body } = await runtime.call('GET', `/certificates/${second.body.data.certificate_id}`);
    expect(body.data.status).toBe('active');
    expect((await runtime.aftermath.sign(body.data.kms_key_arn)).length).toBe(256);
  });

  test('whether the commit happened cannot be read: the key is not touched', async () => {
    const agentId = await runtime.newAgent();
    runtime.dynamodb.inject({ ...requests.transaction, concerning: agentId }, answerLost);
    runtime.dynamodb.inject(requests.readCertificate, awsError('InternalServerError'));
    expect((await runtime.certify(agentId)).status).toBe(503);
    runtime.calm();
    const [key, ...others] = await runtime.aftermath.agentKeys(agentId);
    expect([key?.state, others]).toEqual(['Enabled', []]);
    expect((await runtime.certify(agentId)).body.data).toEqual({ certificate_id: key?.certificateId });
  });

  test('the key cannot be deleted: it stays noted until the next issuance, which sees to it', async () => {
    const agentId = await runtime.newAgent();
    runtime.kms.inject(requests.sign, awsError('KMSInternalException'));
    runtime.kms.inject(requests.scheduleKeyDeletion, awsError('ThrottlingException'));
    expect((await runtime.certify(agentId)).status).toBe(503);
    runtime.calm();
    const [abandoned] = await runtime.aftermath.agentKeys(agentId);
    expect((await runtime.aftermath.agent(agentId))['lease'].keyArn).toBe(abandoned?.arn);

    const { status, body } = await runtime.certify(agentId);
    expect(status).toBe(201);
    expect(Object.fromEntries((await runtime.aftermath.agentKeys(agentId)).map(({ arn, state }) => [arn, state]))).toEqual({ [String(abandoned?.arn)]: 'PendingDeletion', [body.data.kms_key_arn]: 'Enabled' });
  });

  test('the key is deleted and the answer to that is lost: it is found deleted', async () => {
    const agentId = await runtime.newAgent();
    runtime.kms.inject(requests.sign, awsError('KMSInternalException'));
    runtime.kms.inject(requests.scheduleKeyDeletion, answerLost, { times: 1 });
    expect((await runtime.certify(agentId)).status).toBe(503);
    runtime.calm();
    expect((await runtime.aftermath.agentKeys(agentId)).map(({ state }) => state)).toEqual(['PendingDeletion']);
    expect((await runtime.aftermath.agent(agentId))['lease']).toBeUndefined();
  });
});

describe('a request that arrives after it was given up', () => {
  /** Sends a recorded request once more, past the proxy; answers the name of the error it meets. */
  async function replay({ operation, input }: WireCall): Promise<string> {
    const client = new DynamoDBClient({ endpoint: runtime.dynamodbEndpoint, region, credentials: localCredentials });
    try {
      await (operation === 'UpdateItem' ? client.send(new UpdateItemCommand(input as never)) : client.send(new TransactWriteItemsCommand({ ...input, ClientRequestToken: undefined } as never)));
      return 'performed';
    } catch (error) {
      return (error as Error).name;
    } finally {
      client.destroy();
    }
  }
  const recorded = (purpose: string, agentId: string) => runtime.dynamodb.calls.find((call) => purposeOf(call) === purpose && call.text.includes(agentId)) as WireCall;

  test('a commit does nothing any more', async () => {
    const agentId = await runtime.newAgent();
    const fault = runtime.dynamodb.inject({ ...requests.transaction, concerning: agentId }, notPerformed);
    expect((await runtime.certify(agentId)).status).toBe(503);
    fault.remove();
    const commit = recorded('transaction', agentId);

    expect(await replay(commit)).toBe('TransactionCanceledException');
    expect(await runtime.aftermath.activeCertificates(agentId)).toEqual([]);

    const { body } = await runtime.certify(agentId);
    expect(await replay(commit)).toBe('TransactionCanceledException');
    expect((await runtime.aftermath.activeCertificates(agentId)).map(({ id }) => id)).toEqual([body.data.id]);
  });

  test('a reservation does not disturb the certificate that was issued since', async () => {
    const agentId = await runtime.newAgent();
    const { body } = await runtime.certify(agentId);
    for (const purpose of ['reserve', 'noteLeaseKey']) expect(await replay(recorded(purpose, agentId))).toBe('ConditionalCheckFailedException');
    const { activeCertificate, lease } = await runtime.aftermath.agent(agentId);
    expect([activeCertificate.id, lease]).toEqual([body.data.id, undefined]);
  });

  test('a revocation of the old certificate leaves the new one alone', async () => {
    const agentId = await runtime.newAgent();
    const old = (await runtime.certify(agentId)).body.data;
    runtime.calm();
    await revoke(old.id);
    const revocation = recorded('transaction', agentId);
    const { body } = await runtime.certify(agentId);
    expect(await replay(revocation)).toBe('TransactionCanceledException');
    expect((await runtime.verify(body.data.serial_number)).body.data.valid).toBe(true);
  });
});

describe('revoke', () => {
  const faults: [string, Pattern, Fault][] = [
    ['the certificate cannot be read', requests.readCertificate, awsError('InternalServerError')],
    ['the transaction is throttled', requests.transaction, awsError('ProvisionedThroughputExceededException')],
    ['the transaction is not performed', requests.transaction, notPerformed],
    ['the transaction keeps meeting others', requests.transaction, cancelled('TransactionConflict', 'None', 'None', 'None')],
  ];

  test('fails as 503 while its cause lasts, changes nothing, and works after that', async () => {
    const agentId = await runtime.newAgent();
    const { id, serial_number } = (await runtime.certify(agentId)).body.data;
    for (const [name, pattern, fault] of faults) {
      const injection = runtime.dynamodb.inject(pattern, fault);
      const answer = await revoke(id);
      injection.remove();
      expect([name, answer.status, answer.headers.get('retry-after')]).toEqual([name, 503, '2']);
      expectDiscreet(answer);
      expect((await runtime.verify(serial_number)).body.data.valid).toBe(true);
    }
    expect((await revoke(id)).status).toBe(200);
    expect((await runtime.verify(serial_number)).body.data.status).toBe('revoked');
    expect((await runtime.aftermath.audit(id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
  });

  test('an answer lost once is still a 200; one lost for good leaves it revoked', async () => {
    const first = (await runtime.certify(await runtime.newAgent())).body.data;
    runtime.dynamodb.inject(requests.transaction, answerLost, { times: 1 });
    expect((await revoke(first.id)).status).toBe(200);
    runtime.calm();

    const second = (await runtime.certify(await runtime.newAgent())).body.data;
    runtime.dynamodb.inject(requests.transaction, answerLost);
    expect((await revoke(second.id)).status).toBe(503);
    runtime.calm();
    expect((await runtime.verify(second.serial_number)).body.data.status).toBe('revoked');
    expect((await revoke(second.id)).body.code).toBe('CERTIFICATE_ALREADY_REVOKED');
  });
});

describe('agents and events', () => {
  const repeatable: Record<string, (agentId: string) => Promise<Reply>> = {
    'registering an agent': () => runtime.call('POST', '/agents', { body: { name: 'Again', model_hash: 'sha256:1' } }),
    'suspending an agent': (agentId) => runtime.call('PATCH', `/agents/${agentId}`, { body: { status: 'suspended' } }),
    'renaming an agent': (agentId) => runtime.call('PATCH', `/agents/${agentId}`, { body: { name: 'Renamed' } }),
    'retiring an agent': (agentId) => runtime.call('DELETE', `/agents/${agentId}`),
  };

  test.each(Object.entries(repeatable))('%s survives an answer lost once, and happens once', async (_, request) => {
    const agentId = await runtime.newAgent();
    const injection = runtime.dynamodb.inject(requests.transaction, answerLost, { times: 1 });
    const { status, body } = await request(agentId);
    expect([[200, 201].includes(status), injection.hits]).toEqual([true, 1]);
    const trail = await runtime.aftermath.audit(body.data.id);
    expect(trail).toHaveLength(body.data.id === agentId ? 2 : 1);
  });

  test('an event is answered 503 where it could not be kept, and not lost where it was', async () => {
    const agentId = await runtime.newAgent();
    const event = () => runtime.call('POST', '/events', { body: { agent_id: agentId, action_type: 'api_call' } });
    const injection = runtime.dynamodb.inject(requests.putRiskRecord, awsError('ThrottlingException'));
    const refused = await event();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    expectDiscreet(refused);
    injection.remove();
    runtime.dynamodb.inject(requests.putRiskRecord, answerLost, { times: 1 });
    expect((await event()).status).toBe(201);
  });
});
