import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, dataOf, fullAgent, revoke, unknownId } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { expectProblem } from '../support/problems.ts';
import { caller, startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

/* POST /verify/message: public, and of no consequence to anybody but who asks. */

let runtime: TestRuntime;
let tables: Tables;
let call: Call;
/** Without a key. */
let anyone: Call;

let agent: { id: string };
let certificate: { id: string; serial_number: string; expires_at: string };
/** What the agent has signed, as it would hand it over. */
let message: { payload: object; signature: string; certificate_serial: string };

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  tables = openTables(runtime);
  ({ call } = runtime);
  anyone = caller(runtime.url, null);
  ({ agent, certificate } = await certifiedAgent(call, fullAgent));
  message = await signedBy(agent.id, { trade_id: 'T-1', amount_usd: 50_000 });
});

afterAll(async () => {
  tables.close();
  await runtime.stop();
});

async function signedBy(agentId: string, payload: object) {
  const { signature, certificate_serial } = dataOf(await call('POST', `/agents/${agentId}/sign`, { body: { payload } }), 200);
  return { payload, signature, certificate_serial };
}

const verification = async (body: object) => dataOf(await anyone('POST', '/verify/message', { body }), 200);
/** Whether it is valid, and why not. */
const verdict = async (body: object) => {
  const { valid, reason } = await verification(body);
  return [valid, reason];
};

describe('the answer', () => {
  const expected = () => ({
    valid: true,
    certificate_status: 'active',
    agent_id: agent.id,
    agent_name: fullAgent.name,
    model_hash: fullAgent.model_hash,
    certificate_serial: certificate.serial_number,
    expires_at: certificate.expires_at,
    reason: null,
  });

  test('has every field, where the message is valid', async () => {
    const reply = await anyone('POST', '/verify/message', { body: message });
    expect([reply.status, reply.body]).toStrictEqual([200, { data: expected() }]);
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  test('and where it is not', async () => {
    expect(await verification({ ...message, payload: {} })).toStrictEqual({ ...expected(), valid: false, reason: 'signature_mismatch' });
  });

  test('says what was certified, whatever is edited later', async () => {
    const { agent: edited } = await certifiedAgent(call, fullAgent);
    const signed = await signedBy(edited.id, { a: 1 });
    dataOf(await call('PATCH', `/agents/${edited.id}`, { body: { name: 'Another', model_hash: 'sha256:other' } }), 200);
    expect(await verification(signed)).toMatchObject({ valid: true, agent_id: edited.id, agent_name: fullAgent.name, model_hash: fullAgent.model_hash });
  });

  test('is the same with a key, whoever’s, and with one that is not valid', async () => {
    for (const key of [runtime.keys.acme, runtime.keys.globex, 'kak_test_unknown']) expect(dataOf(await call('POST', '/verify/message', { body: message, key }), 200)).toStrictEqual(expected());
  });
});

describe('what was signed', () => {
  test('is found again in any spelling', async () => {
    const body = `{"certificate_serial":"${message.certificate_serial}","signature":"${message.signature}","payload":{ "amount_usd": 5e4, "\\u0074rade_id" :"\\u0054-1" }}`;
    expect(dataOf(await anyone('POST', '/verify/message', { body }), 200).valid).toBe(true);
  });

  test('may be given as its digest', async () => {
    const { payload, ...rest } = message;
    const digest = createHash('sha256').update('{"amount_usd":50000,"trade_id":"T-1"}').digest();
    expect(await verdict({ ...rest, digest: digest.toString('base64') })).toEqual([true, null]);
    expect(await verdict({ ...rest, digest: digest.toString('base64url') })).toEqual([true, null]);
    expect(await verdict({ ...rest, digest: Buffer.alloc(32).toString('base64') })).toEqual([false, 'signature_mismatch']);
    expectProblem(await anyone('POST', '/verify/message', { body: { ...message, digest: digest.toString('base64') } }), 400, 'VALIDATION_FAILED', { issues: ['digest'] });
    expect(payload).toBe(message.payload);
  });

  test('is nothing else', async () => {
    for (const payload of [{}, { trade_id: 'T-1' }, { trade_id: 'T-1', amount_usd: 50_001 }, { trade_id: 'T-1', amount_usd: '50000' }, { trade_id: 'T-1', amount_usd: 50_000, x: null }]) {
      expect(await verdict({ ...message, payload })).toEqual([false, 'signature_mismatch']);
    }
  });
});

describe('the signature', () => {
  test('is taken in base64 and base64url, padded or not', async () => {
    const octets = Buffer.from(message.signature, 'base64');
    for (const signature of [octets.toString('base64'), octets.toString('base64url'), octets.toString('base64').replace('==', ''), `${octets.toString('base64url')}==`]) {
      expect(await verdict({ ...message, signature })).toEqual([true, null]);
    }
  });

  test.each([
    ['empty', ''], ['not base64', 'not base64!'], ['hexadecimal with a prefix', '0x1234'], ['broken by a line feed', 'AAAA\nAAAA'], ['padded too much', 'AAAA===='], ['base64 with bits to spare', 'AB=='], ['a PEM block', '-----BEGIN SIGNATURE-----'],
  ])('is malformed where it is %s: not valid', async (name, signature) => {
    expect(await verdict({ ...message, signature })).toEqual([false, name === 'empty' ? 'signature_mismatch' : 'signature_malformed']);
  });

  test('does not hold at another length, with a bit changed, or over another agent’s message', async () => {
    const octets = Buffer.from(message.signature, 'base64');
    const flipped = Buffer.from(octets);
    flipped.writeUInt8(flipped.readUInt8(255) ^ 1, 255);
    const wrong = [octets.subarray(1), octets.subarray(0, 255), Buffer.concat([Buffer.alloc(1), octets]), Buffer.concat([octets, Buffer.alloc(1)]), Buffer.alloc(256), Buffer.alloc(256, 0xff), Buffer.alloc(40_000), flipped];
    for (const signature of wrong) expect([signature.length, ...(await verdict({ ...message, signature: signature.toString('base64') }))]).toEqual([signature.length, false, 'signature_mismatch']);

    // From a key of its own: the pool deals them out in turn.
    const other = (await certifiedAgent(call)).certificate;
    expect(await verdict({ ...message, certificate_serial: other.serial_number })).toEqual([false, 'signature_mismatch']);
  });
});

describe('the serial', () => {
  test('is taken in every spelling, under either name', async () => {
    const { certificate_serial: serial, ...rest } = message;
    const octets = (serial.match(/../g) ?? []).join(':');
    for (const spelling of [serial, serial.toLowerCase(), octets, octets.toLowerCase(), certificate.id, `0x${serial}`, `serial=${serial}\n`, `00${serial}`]) {
      for (const name of ['certificate_serial', 'certificateSerial']) {
        expect(await verification({ ...rest, [name]: spelling })).toMatchObject({ valid: true, certificate_serial: serial });
      }
    }
  });

  test('that was never issued is 404, whatever else is wrong', async () => {
    for (const certificate_serial of ['7F'.repeat(16), '1', unknownId]) {
      for (const body of [{ ...message, certificate_serial }, { ...message, certificate_serial, signature: '', agent_id: 'x' }]) {
        expectProblem(await anyone('POST', '/verify/message', { body }), 404, 'CERTIFICATE_NOT_FOUND');
      }
    }
  });

  test.each(['hello', '', '12 34', 'A'.repeat(33)])('that is none is 400: %j', async (certificate_serial) => {
    expectProblem(await anyone('POST', '/verify/message', { body: { ...message, certificate_serial } }), 400, 'VALIDATION_FAILED', { issues: ['certificate_serial'] });
  });
});

describe('the agent, where one is named', () => {
  test('must be the certificate’s', async () => {
    for (const name of ['agent_id', 'agentId']) {
      expect(await verdict({ ...message, [name]: agent.id })).toEqual([true, null]);
      expect(await verdict({ ...message, [name]: agent.id.toUpperCase() })).toEqual([true, null]);
      for (const other of [unknownId, certificate.id, '', 'Settlement bot', `${agent.id} `]) expect(await verdict({ ...message, [name]: other })).toEqual([false, 'agent_mismatch']);
    }
    expect(await verdict({ ...message, agent_id: null })).toEqual([true, null]);
    expect(await verdict({ ...message, agent_id: agent.id, agentId: unknownId })).toEqual([true, null]);
  });
});

describe('the certificate', () => {
  test('must not be revoked', async () => {
    const { agent: own, certificate: revoked } = await certifiedAgent(call);
    const signed = await signedBy(own.id, { a: 1 });
    await revoke(call, revoked.id);
    expect(await verification(signed)).toMatchObject({ valid: false, certificate_status: 'revoked', reason: 'certificate_revoked', agent_id: own.id });
    // What it has not signed is not told from what it has by the revocation.
    expect(await verification({ ...signed, payload: {} })).toMatchObject({ valid: false, certificate_status: 'revoked', reason: 'signature_mismatch' });
    expect(await verification({ ...signed, agent_id: unknownId })).toMatchObject({ valid: false, certificate_status: 'revoked', reason: 'agent_mismatch' });
  });

  test('must not have been renewed, nor does its successor’s key fit', async () => {
    const { agent: own, certificate: old } = await certifiedAgent(call);
    const signed = await signedBy(own.id, { a: 1 });
    const { serial_number } = dataOf(await call('POST', `/certificates/${old.id}/renew`), 201);
    expect(await verification(signed)).toMatchObject({ valid: false, certificate_status: 'revoked', reason: 'certificate_revoked' });
    expect(await verification({ ...signed, certificate_serial: serial_number })).toMatchObject({ valid: false, certificate_status: 'active', reason: 'signature_mismatch' });
  });

  test('must not have expired', async () => {
    const { agent: own, certificate: expired } = await certifiedAgent(call);
    const signed = await signedBy(own.id, { a: 1 });
    await tables.expireCertificate(expired.id);
    expect(await verification(signed)).toMatchObject({ valid: false, certificate_status: 'expired', reason: 'certificate_expired' });
  });

  test('holds while its agent is certified, whatever became of one before it', async () => {
    const { agent: own, certificate: first } = await certifiedAgent(call);
    const before = await signedBy(own.id, { a: 1 });
    await revoke(call, first.id);
    dataOf(await call('POST', `/agents/${own.id}/certify`), 201);
    expect(await verdict(before)).toEqual([false, 'certificate_revoked']);
    expect(await verdict(await signedBy(own.id, { a: 1 }))).toEqual([true, null]);
  });
});

describe('what is asked', () => {
  test.each<[string, object, string[]]>([
    ['everything', {}, ['signature', 'certificate_serial']],
    ['what was signed', { signature: '', certificate_serial: '1' }, ['payload']],
    ['the signature', { payload: {}, certificate_serial: '1' }, ['signature']],
    ['the serial', { payload: {}, signature: '' }, ['certificate_serial']],
  ])('must not lack %s', async (_, body, issues) => {
    expectProblem(await anyone('POST', '/verify/message', { body }), 400, 'VALIDATION_FAILED', { issues });
  });

  test.each<[string, string, string, string[] | undefined]>([
    ['a key twice', '{"payload":{"a":1,"a":1},"signature":"","certificate_serial":"1"}', 'VALIDATION_FAILED', ['payload.a']],
    ['a key twice beside the payload', '{"payload":{},"signature":"","signature":"","certificate_serial":"1"}', 'VALIDATION_FAILED', ['signature']],
    ['a number that no double holds', '{"payload":{"a":[12345678901234567890]},"signature":"","certificate_serial":"1"}', 'VALIDATION_FAILED', ['payload.a.0']],
    ['half a surrogate pair', '{"payload":{"a":"\\udc00"},"signature":"","certificate_serial":"1"}', 'VALIDATION_FAILED', ['payload.a']],
    ['a key __proto__', '{"payload":{"__proto__":1},"signature":"","certificate_serial":"1"}', 'VALIDATION_FAILED', ['payload.__proto__']],
    ['NaN', '{"payload":{"a":NaN},"signature":"","certificate_serial":"1"}', 'INVALID_JSON', undefined],
    ['no JSON', 'payload=1', 'INVALID_JSON', undefined],
    ['a list', '[]', 'INVALID_JSON', undefined],
  ])('must not have %s', async (_, body, code, issues) => {
    expectProblem(await anyone('POST', '/verify/message', { body }), 400, code, issues === undefined ? {} : { issues });
  });

  test('must be POSTed, in no more than 64 KiB', async () => {
    const reply = await anyone('GET', '/verify/message');
    expectProblem(reply, 405, 'METHOD_NOT_ALLOWED');
    expect(reply.headers.get('allow')).toBe('POST');
    expectProblem(await anyone('POST', '/verify/message', { body: JSON.stringify(message).padEnd(65_537) }), 413, 'PAYLOAD_TOO_LARGE');
    expect((await anyone('POST', '/verify/message', { body: JSON.stringify(message).padEnd(65_536) })).status).toBe(200);
  });
});

test('nothing is written, valid or not: nobody can get an agent into trouble by asking', async () => {
  await runtime.idle();
  const before = await tables.contents();
  for (let again = 0; again < 20; again++) {
    await verification(message);
    await verification({ ...message, payload: { again } });
    await verification({ ...message, signature: 'forged', agent_id: unknownId });
  }
  await runtime.idle();
  expect(await tables.changesSince(before)).toEqual([]);
});
