import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { isOfConsumers, purposeOf, requests } from '../support/faults-requests.ts';
import type { WireCall } from '../support/faults.ts';
import { keyPool } from '../support/key-pool.ts';
import { createWebhook, minimalWebhook } from '../support/webhooks.ts';

// What each request costs in calls to AWS, and how many of them wait for one another: counted at the SDK's own clients,
// which are the handlers' because this is their process, and once more on the wire. The authorizer's look-up of the API key
// comes on top of each; API Gateway caches it. What the stream's functions do about revocations is not the requests'.

interface Arguments {
  readonly input: object;
}

/** What the two clients' types have in common, and do not say. */
interface SdkClient {
  readonly middlewareStack: {
    add(middleware: (next: (args: Arguments) => unknown, context: { readonly commandName: string }) => (args: Arguments) => unknown, options: object): void;
  };
}

let runtime: FaultyRuntime;
let sent: string[] = [];

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  for (const client of [dynamodb(), kms()] as unknown as SdkClient[]) {
    // Nearest to the wire, so that a repetition by the SDK counts as what it is.
    client.middlewareStack.add((next, { commandName }) => (args) => {
      const operation = commandName.replace(/Command$/, '');
      if (!isOfConsumers({ operation, text: inspect(args.input, { depth: 6 }) })) sent.push(operation);
      return next(args);
    }, { name: 'count', step: 'finalizeRequest', priority: 'low' });
  }
  await runtime.certify(await runtime.newAgent()); // From here on the issuing certificate is remembered.
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

/** Runs one API request; answers its calls to AWS, the authorizer's aside, as the SDK and as the wire saw them. */
async function callsOf<Answer>(request: () => Promise<Answer>) {
  await runtime.idle();
  runtime.calm();
  sent = [];
  const answer = await request();
  const onTheWire = [...runtime.dynamodb.calls, ...runtime.kms.calls].filter((call) => !isOfConsumers(call)).sort((a, b) => a.startedAt - b.startedAt);
  expect([...sent].sort()).toEqual(onTheWire.map(({ operation }) => operation).sort());
  return { answer, calls: onTheWire.filter((call) => purposeOf(call) !== 'findApiKey') };
}

const purposes = (calls: readonly WireCall[]) => calls.map(purposeOf);

/** How many of the calls happened one after the other: the longest chain in which each began after its predecessor's end. */
function depth(calls: readonly WireCall[]): number {
  const depths: number[] = [];
  for (const { startedAt } of calls) depths.push(1 + Math.max(0, ...calls.slice(0, depths.length).map(({ endedAt = Infinity }, index) => (endedAt <= startedAt ? (depths[index] as number) : 0))));
  return Math.max(0, ...depths);
}

test('the depth of calls is that of their longest chain', () => {
  const call = (startedAt: number, endedAt: number) => ({ operation: '', input: {}, text: '', startedAt, endedAt });
  expect(depth([])).toBe(0);
  expect(depth([call(0, 10), call(1, 2), call(3, 4)])).toBe(2);
  expect(depth([call(0, 1), call(2, 9), call(3, 4), call(5, 6), call(10, 11)])).toBe(4);
});

describe('certify', () => {
  test('takes five calls one after the other, and a sixth beside one of them', async () => {
    const agentId = await runtime.newAgent();
    const { answer, calls } = await callsOf(() => runtime.certify(agentId));

    expect(answer.status).toBe(201);
    expect(purposes(calls)).toHaveLength(6);
    expect(purposes(calls).filter((purpose) => purpose !== 'noteLeaseKey')).toEqual(['reserve', 'createKey', 'getPublicKey', 'sign', 'transaction']);
    expect(depth(calls.filter((call) => purposeOf(call) !== 'noteLeaseKey'))).toBe(5);
  });

  test('does not wait for the key to be noted before it asks for its public half', async () => {
    const agentId = await runtime.newAgent();
    runtime.calm();
    const note = runtime.dynamodb.hold(requests.noteLeaseKey);
    const publicKey = runtime.kms.hold(requests.getPublicKey);
    const answer = runtime.certify(agentId);
    await Promise.all([note.reached, publicKey.reached]); // Each is under way while the other is.
    note.release();
    publicKey.release();
    expect((await answer).status).toBe(201);
  });

  test('takes the same after a revocation', async () => {
    const agentId = await runtime.newAgent();
    const { body } = await runtime.certify(agentId);
    await runtime.call('POST', `/certificates/${body.data.id}/revoke`, { body: { reason: 'test' } });
    const { answer, calls } = await callsOf(() => runtime.certify(agentId));
    expect(answer.status).toBe(201);
    expect(calls).toHaveLength(6);
  });

  const losers = {
    'an unknown agent (404)': async () => ['00000000-0000-4000-8000-000000000000', 404] as const,
    'an agent of another tenant (404)': async () => [await runtime.newAgent({}, { key: runtime.keys.globex }), 404] as const,
    'an agent with an active certificate (409)': async () => {
      const agentId = await runtime.newAgent();
      await runtime.certify(agentId);
      return [agentId, 409] as const;
    },
    'an agent that is being certified (409)': async () => {
      const agentId = await runtime.newAgent();
      await runtime.aftermath.setLease(agentId, { id: 'someone', acquiredAt: new Date().toISOString(), expiresAt: '2999-01-01T00:00:00.000Z' });
      return [agentId, 409] as const;
    },
    'a retired agent (422)': async () => {
      const agentId = await runtime.newAgent();
      await runtime.call('DELETE', `/agents/${agentId}`);
      return [agentId, 422] as const;
    },
  };

  test.each(Object.entries(losers))('refuses %s after one call to DynamoDB and none to KMS', async (_, arrange) => {
    const [agentId, status] = await arrange();
    const { answer, calls } = await callsOf(() => runtime.certify(agentId));
    expect(answer.status).toBe(status);
    expect(purposes(calls)).toEqual(['reserve']);
  });

  test('asks nobody about an id that is no UUID', async () => {
    const { answer, calls } = await callsOf(() => runtime.certify('nonsense'));
    expect(answer.status).toBe(404);
    expect(calls).toEqual([]);
  });
});

describe('renew', () => {
  test('takes six calls one after the other, the first of them to read the certificate, and a seventh beside one of them', async () => {
    const { body } = await runtime.certify(await runtime.newAgent());
    const { answer, calls } = await callsOf(() => runtime.call('POST', `/certificates/${body.data.id}/renew`));
    expect(answer.status).toBe(201);
    expect(purposes(calls)).toHaveLength(7);
    const inARow = calls.filter((call) => purposeOf(call) !== 'noteLeaseKey');
    expect(purposes(inARow)).toEqual(['readCertificate', 'reserve', 'createKey', 'getPublicKey', 'sign', 'transaction']);
    expect(depth(inARow)).toBe(6);
  });

  test('refuses after two calls to DynamoDB and none to KMS', async () => {
    const { body } = await runtime.certify(await runtime.newAgent());
    await runtime.call('POST', `/certificates/${body.data.id}/revoke`, { body: { reason: 'test' } });
    const { answer, calls } = await callsOf(() => runtime.call('POST', `/certificates/${body.data.id}/renew`));
    expect(answer.status).toBe(409);
    expect(purposes(calls)).toEqual(['readCertificate', 'reserve']);
  });
});

describe('halt', () => {
  test('takes two calls until it is durable, and three for the receipt', async () => {
    const agentId = await runtime.newAgent();
    await runtime.certify(agentId);
    const halt = () => runtime.call('POST', `/agents/${agentId}/halt`);
    const first = await callsOf(halt);
    expect(first.answer.body.data.halt_receipt.signed_by_ca).toBe(true);
    expect(purposes(first.calls)).toEqual(['readAgent', 'transaction', 'readAuthority', 'sign', 'keepHaltReceipt']);

    const again = await callsOf(halt);
    expect(again.answer.status).toBe(200);
    expect(purposes(again.calls)).toEqual(['readAgent', 'readAuthority', 'sign', 'keepHaltReceipt']);
  });
});

describe('revoke', () => {
  test('takes two calls to DynamoDB and none to KMS', async () => {
    const { body } = await runtime.certify(await runtime.newAgent());
    const revoke = () => runtime.call('POST', `/certificates/${body.data.id}/revoke`, { body: { reason: 'test' } });
    const first = await callsOf(revoke);
    expect(first.answer.status).toBe(200);
    expect(purposes(first.calls)).toEqual(['readCertificate', 'transaction']);

    const second = await callsOf(revoke);
    expect(second.answer.status).toBe(409);
    expect(purposes(second.calls)).toEqual(['readCertificate']);
  });
});

describe('sign', () => {
  const sign = (agentId: string, body: object) => runtime.call('POST', `/agents/${agentId}/sign`, { body });

  test.each([
    ['a payload', { payload: { a: 1 } }],
    ['a digest', { digest: Buffer.alloc(32).toString('base64') }],
    ['a token', { jwt: { aud: 'a' } }],
  ])('takes three calls one after the other for %s', async (_, body) => {
    const agentId = await runtime.newAgent();
    await runtime.certify(agentId);
    const { answer, calls } = await callsOf(() => sign(agentId, body));
    expect(answer.status).toBe(200);
    expect(purposes(calls)).toEqual(['readAgent', 'sign', 'transaction']);
    expect(depth(calls)).toBe(3);
  });

  test('takes one call where there is nothing to sign with, and none for what is no request', async () => {
    for (const [agentId, status] of [['00000000-0000-4000-8000-000000000000', 404], [await runtime.newAgent(), 422]] as const) {
      const { answer, calls } = await callsOf(() => sign(agentId, { payload: {} }));
      expect(answer.status).toBe(status);
      expect(purposes(calls)).toEqual(['readAgent']);
    }
    const { answer, calls } = await callsOf(() => sign('00000000-0000-4000-8000-000000000000', {}));
    expect([answer.status, calls]).toEqual([400, []]);
  });

  test('is verified with one call to DynamoDB and none to KMS', async () => {
    const agentId = await runtime.newAgent();
    await runtime.certify(agentId);
    const { signature, certificate_serial } = (await sign(agentId, { payload: {} })).body.data;
    for (const payload of [{}, { a: 1 }]) {
      const { answer, calls } = await callsOf(() => runtime.call('POST', '/verify/message', { body: { payload, signature, certificate_serial }, key: null }));
      expect(answer.status).toBe(200);
      expect(purposes(calls)).toEqual(['readCertificate']);
    }
  });
});

describe('webhooks', () => {
  test('take a call to KMS where a secret is made, and one to DynamoDB beside what is read', async () => {
    const made = await callsOf(() => createWebhook(runtime.call));
    expect(purposes(made.calls)).toEqual(['Encrypt', 'transaction']);

    const path = `/webhooks/${made.answer.id}`;
    for (const [method, body, expected] of [
      ['GET', undefined, ['GetItem']],
      ['PATCH', { active: false }, ['GetItem', 'transaction']],
      ['PATCH', { rotate_secret: true }, ['GetItem', 'Encrypt', 'transaction']],
      ['PATCH', {}, ['GetItem']],
      ['DELETE', undefined, ['GetItem', 'transaction']],
      ['DELETE', undefined, ['GetItem']],
      ['PATCH', { rotate_secret: true }, ['GetItem']],
    ] as const) {
      expect([method, body, purposes((await callsOf(() => runtime.call(method, path, { body }))).calls)]).toEqual([method, body, expected]);
    }
  });

  test('ask nobody about a URL that leads nowhere', async () => {
    const { answer, calls } = await callsOf(() => runtime.call('POST', '/webhooks', { body: { ...minimalWebhook, url: 'https://10.0.0.1/' } }));
    expect([answer.status, calls]).toEqual([422, []]);
  });
});

describe('verify', () => {
  test('takes one call to DynamoDB and none to KMS, whatever there is to find', async () => {
    const { body } = await runtime.certify(await runtime.newAgent());
    const found = await callsOf(() => runtime.verify(body.data.serial_number));
    expect(found.answer.body.data.valid).toBe(true);
    expect(purposes(found.calls)).toEqual(['readCertificate']);

    const unknown = await callsOf(() => runtime.verify('0123456789ABCDEF0123456789ABCDEF'));
    expect(unknown.answer.status).toBe(404);
    expect(unknown.calls.length).toBeLessThanOrEqual(1);

    const nonsense = await callsOf(() => runtime.verify('nonsense'));
    expect(nonsense.answer.status).toBe(400);
    expect(nonsense.calls).toEqual([]);
  });
});
