import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runProgram } from '../bin/program.ts';
import { certifiedAgent } from '../support/agents.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { certifiedByOperator, credentials, revokedByOperator } from './example-programs.ts';

let runtime: TestRuntime;
let tables: Tables;
let directory: string;
let agentId: string;

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  directory = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
  await writeFile(join(directory, 'ca.pem'), (await runtime.call('GET', '/ca', { key: null })).body);
  agentId = await certifiedByOperator(runtime);
});
afterAll(async () => {
  tables.close();
  await runtime.stop();
  await rm(directory, { recursive: true, force: true });
});

/** By an agent with a key of its own, that can do no more than this takes. */
async function paymentOf(amount: number, payer = agentId): Promise<{ payment: Record<string, unknown>; signature: string; certificate: string }> {
  const key = await tables.addKey({ tenantId: runtime.tenants[0]?.id ?? '', agentId: payer, scopes: ['agents:read', 'agents:sign'] });
  const { status, stdout, stderr } = await runProgram('examples/agent.ts', [payer, String(amount)], { environment: { ...credentials(runtime), KAKUNIN_KEY: key } });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

/** What the counterparty says, who knows neither the API nor a key of it. */
async function decisionOn(signedPayment: unknown): Promise<string> {
  const file = join(directory, 'payment.json');
  await writeFile(file, JSON.stringify(signedPayment));
  const { status, stdout, stderr } = await runProgram('examples/counterparty.ts', [join(directory, 'ca.pem'), file], { environment: { KAKUNIN_URL: '', KAKUNIN_KEY: '' } });
  expect(stderr).toBe('');
  expect(status).toBe(stdout.includes('Refused.') ? 1 : 0);
  return stdout;
}

test('a payment is accepted with all that was signed, refused with anything else, and refused after the revocation', async () => {
  const signed = await paymentOf(250.5);
  const accepted = await decisionOn(signed);
  expect(accepted).toContain(`urn:kakunin:agent:${agentId} of Acme Capital may payment:send, trade:execute within {"daily_limit_usd":25000,"max_single_trade_usd":10000`);
  expect(accepted).toContain(`Payment ${signed.payment['id']} of 250.5 USD is accepted.`);

  expect(await decisionOn({ ...signed, payment: { ...signed.payment, amount_usd: 250.6 } })).toMatch(/^Refused\. signature_mismatch/);
  const another = await certifiedAgent(runtime.call);
  expect(await decisionOn({ ...signed, certificate: another.certificate.certificate_pem })).toMatch(/^Refused\. signature_mismatch/);

  await revokedByOperator(runtime, agentId);
  expect(await decisionOn(signed)).toMatch(/^Refused\. certificate_revoked/);
}, 120_000);

test('an agent pays no more than it may', async () => {
  expect(await decisionOn(await paymentOf(10_001, await certifiedByOperator(runtime)))).toMatch(/Refused\. 10001 USD are more than the 10000 USD of a single transaction\.\n$/);
}, 60_000);

test('a signature over something else is no payment', async () => {
  const { agent, certificate } = await certifiedAgent(runtime.call, { permitted_actions: ['data:read'] });
  const signed = async (payment: object) => ({ payment, signature: (await runtime.call('POST', `/agents/${agent.id}/sign`, { body: { payload: payment } })).body.data.signature, certificate: certificate.certificate_pem });
  const payment = { type: 'payment', id: '1', payee: 'Globex Clearing', amount_usd: 1, expires_at: new Date(Date.now() + 60_000).toISOString() };
  expect(await decisionOn(await signed({ ...payment, payee: 'Initech' }))).toContain('Refused. This is no payment to us.');
  expect(await decisionOn(await signed({ ...payment, expires_at: new Date(0).toISOString() }))).toContain('Refused. The payment is too old.');
  expect(await decisionOn(await signed({ ...payment, amount_usd: -1 }))).toContain('Refused. The payment has no amount.');
  expect(await decisionOn(await signed(payment))).toContain('Refused. The agent may not send payments.');
}, 60_000);
