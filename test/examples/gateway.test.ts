import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runProgram } from '../bin/program.ts';
import { certifiedAgent, dataOf } from '../support/agents.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { certifiedByOperator, credentials, revokedByOperator, startGateway, type Gateway } from './example-programs.ts';

const crlSeconds = 1;
const order = { instrument: 'BTC-USD', amount_usd: 1 };

let runtime: TestRuntime;
let gateway: Gateway;

beforeAll(async () => {
  runtime = await startTestRuntime();
  gateway = await startGateway(runtime, { CRL_SECONDS: String(crlSeconds) });
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await runtime.stop();
});

interface Signed {
  readonly agentId: string;
  readonly certificate?: string;
  readonly body?: unknown;
  /** What of the payload is to be signed differently. */
  readonly over?: object;
}

const nonceOf = async () => ((await (await fetch(`${gateway.url}/nonce`)).json()) as { nonce: string }).nonce;
const certificateOf = async (agentId: string): Promise<{ certificate_pem: string; serial_number: string }> => dataOf(await runtime.call('GET', `/agents/${agentId}`), 200).certificates[0];

/** The header fields that admit an order; `certificate` (PEM) where it is to be verified offline. */
async function headersFor({ agentId, certificate, body = order, over = {} }: Signed): Promise<Record<string, string>> {
  const nonce = await nonceOf();
  const payload = { audience: 'gateway.example', nonce, method: 'POST', path: '/orders', body_sha256: createHash('sha256').update(JSON.stringify(body)).digest('hex'), ...over };
  const { signature, certificate_serial } = dataOf(await runtime.call('POST', `/agents/${agentId}/sign`, { body: { payload } }), 200);
  return {
    'x-kakunin-cert-serial': certificate_serial, 'x-kakunin-signature': signature, 'x-kakunin-nonce': nonce,
    ...(certificate !== undefined && { 'x-kakunin-certificate': base64Of(certificate) }),
  };
}

const base64Of = (pem: string) => pem.replace(/-----[^-]+-----|\s/g, '');

async function send(headers: Record<string, string>, body: unknown = order, path = '/orders') {
  const response = await fetch(gateway.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as { error?: string } };
}

const refusal = (status: number, sentence: string) => ({ status, body: { error: expect.stringContaining(sentence) } });

test.each([[[]], [['--online']]])('the client of the examples is admitted %p', async (mode) => {
  const agentId = await certifiedByOperator(runtime);
  const { status, stdout, stderr } = await runProgram('examples/gateway-client.ts', [gateway.url, agentId, 'BTC-USD', '250.5', ...mode], { environment: credentials(runtime) });
  expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout: `201 {"agent_id":"${agentId}","instrument":"BTC-USD","amount_usd":250.5}\n` });
}, 60_000);

describe.each(['offline', 'online'])('%s', (mode) => {
  let agentId: string;
  let signer: { agentId: string; certificate?: string };

  const signerOf = async (id: string) => ({ agentId: id, ...(mode === 'offline' && { certificate: (await certificateOf(id)).certificate_pem }) });
  beforeAll(async () => {
    agentId = await certifiedByOperator(runtime);
    signer = await signerOf(agentId);
  });

  test('a nonce admits once', async () => {
    const headers = await headersFor(signer);
    expect((await send(headers)).status).toBe(201);
    expect(await send(headers)).toEqual(refusal(401, 'The nonce'));
  });

  test('of two requests with the same nonce at the same time one is admitted', async () => {
    const headers = await headersFor(signer);
    expect((await Promise.all([send(headers), send(headers)])).map(({ status }) => status).sort()).toEqual([201, 401]);
  });

  test('a serial number alone proves nothing, nor does a nonce that is not from the gateway', async () => {
    const headers = await headersFor(signer);
    const { 'x-kakunin-cert-serial': serialNumber = '' } = headers;
    expect(await send({ 'x-kakunin-cert-serial': serialNumber })).toEqual(refusal(401, 'X-Kakunin-Signature'));
    expect(await send({ ...headers, 'x-kakunin-nonce': 'A'.repeat(32) })).toEqual(refusal(401, 'The nonce'));
    expect(await send({ ...(await headersFor(signer)), 'x-kakunin-cert-serial': `${serialNumber}/..` })).toEqual(refusal(401, 'hexadecimal'));
  });

  test('another agent’s signature does not admit, nor something that is no signature', async () => {
    const another = await certifiedAgent(runtime.call);
    const [own, others] = [await headersFor(signer), await headersFor({ agentId: another.agent.id })];
    expect(await send({ ...own, 'x-kakunin-signature': others['x-kakunin-signature'] ?? '' })).toEqual(refusal(401, 'signature_mismatch'));
    expect((await send({ ...(await headersFor(signer)), 'x-kakunin-signature': '%' })).status).toBe(401);
  });

  test.each([
    ['another body', {}, { ...order, amount_usd: 2 }, '/orders'],
    ['another path', {}, order, '/orders?twice'],
    ['another method', { method: 'GET' }, order, '/orders'],
    ['another gateway', { audience: 'another.example' }, order, '/orders'],
    ['another nonce', { nonce: 'A'.repeat(32) }, order, '/orders'],
  ])('what was signed for %s does not admit', async (_what, over, body, path) => {
    expect(await send(await headersFor({ ...signer, over }), body, path)).toEqual(refusal(401, 'signature_mismatch'));
  });

  test('the financial scope is held to: the order, the instrument, the day', async () => {
    const trader = await signerOf(await certifiedByOperator(runtime));
    const ask = async (body: object) => send(await headersFor({ ...trader, body }), body);
    expect(await ask({ instrument: 'BTC-USD', amount_usd: 10_001 })).toEqual(refusal(403, 'more than the 10000 USD'));
    expect(await ask({ instrument: 'DOGE-USD', amount_usd: 1 })).toEqual(refusal(403, 'DOGE-USD is not among'));
    expect((await ask({ instrument: 'ETH-USD', amount_usd: 10_000 })).status).toBe(201);
    expect((await ask({ instrument: 'ETH-USD', amount_usd: 10_000 })).status).toBe(201);
    expect(await ask({ instrument: 'ETH-USD', amount_usd: 5_001 })).toEqual(refusal(403, '25000 USD of a day'));
    expect((await ask({ instrument: 'ETH-USD' })).status).toBe(400);
    const reader = await signerOf((await certifiedAgent(runtime.call, { permitted_actions: ['data:read'] })).agent.id);
    expect(await send(await headersFor(reader))).toEqual(refusal(403, 'may not trade'));
    const unlimited = await signerOf((await certifiedAgent(runtime.call, { permitted_actions: ['trade:execute'] })).agent.id);
    expect(await send(await headersFor(unlimited))).toEqual(refusal(403, 'no financial scope'));
  });

  test('a revoked certificate does not admit, with a signature from before', async () => {
    const ended = await signerOf(await certifiedByOperator(runtime));
    expect((await send(await headersFor(ended))).status).toBe(201);
    const headers = await headersFor(ended);
    await revokedByOperator(runtime, ended.agentId);
    await setTimeout(crlSeconds * 1000 + 100);
    expect(await send(headers)).toEqual(refusal(403, 'certificate_revoked'));
  }, 60_000);
});

test('a certificate that is not the serial number’s, that is none, or that was never issued, does not admit', async () => {
  const [one, two] = [await certifiedAgent(runtime.call), await certifiedAgent(runtime.call)];
  const headers = await headersFor({ agentId: one.agent.id, certificate: one.certificate.certificate_pem });
  expect(await send({ ...headers, 'x-kakunin-cert-serial': two.certificate.serial_number })).toEqual(refusal(401, 'not the serial number'));
  expect(await send({ ...(await headersFor({ agentId: one.agent.id })), 'x-kakunin-certificate': 'AAAA' })).toEqual(refusal(403, 'certificate_malformed'));
  expect(await send({ ...(await headersFor({ agentId: one.agent.id })), 'x-kakunin-cert-serial': '0'.repeat(32) })).toEqual(refusal(401, 'No such certificate'));
});
