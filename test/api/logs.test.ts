import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { schedules, type ScheduledName } from '../../lambdas/triggers.ts';
import { removeTemporaryDirectories, temporaryDirectory } from '../local/temporary-directory.ts';
import { dataOf, fullAgent } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { captureLog, type CapturedLog } from '../support/captured-log.ts';
import { answerTorn, awsError, badGateway, cancelled, notPerformed, rewritten, secretOfAws } from '../support/faults.ts';
import { openRiskTable } from '../support/faults-risk.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { ocspRequest } from '../support/ocsp.ts';
import { receiverAuthority, startReceiver, type Receiver } from '../support/receiver.ts';
import { caller, type Call, type CallOptions, type Reply } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

/*
 * Everything the service does, over HTTP, with all there is to be logged; then whatever was secret is looked for in the log. Texts
 * that people wrote have this word in them, so that no part of one gets by.
 */
const word = 'Xylophone';

let captured: CapturedLog;
let runtime: FaultyRuntime;
let tables: Tables;
let receiver: Receiver;
let call: Call;
let tenantId: string;
/** What must not be logged, with what it is. */
const secrets = new Map<string, string>();
/** The ids that clients were answered with. */
const requestIds = new Set<string>();

const personal = (what: string) => `${word} ${what}`;
const remember = (what: string, secret: string): string => {
  secrets.set(secret, what);
  return secret;
};
/** A PEM is looked for by its lines, without those that say what it is. */
const rememberPem = (what: string, pem: string) => pem.split('\n').filter((line) => line.length > 20 && !line.startsWith('-')).forEach((line) => remember(what, line));

beforeAll(async () => {
  captured = captureLog();
  const authority = receiverAuthority();
  receiver = await startReceiver(authority.issue('IP:127.0.0.1'));
  process.env['WEBHOOK_CA_FILE'] = join(await temporaryDirectory(), 'receivers.pem');
  await writeFile(process.env['WEBHOOK_CA_FILE'], authority.certificate);
  process.env['WEBHOOK_ALLOWED_NETWORKS'] = '127.0.0.1/32';
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  tables = openTables(runtime);
  tenantId = randomUUID();
  const key = remember('API key', await tables.addKey({ tenantId }));
  const plain = caller(runtime.url, key);
  call = async (method, path, options) => noted(await plain(method, path, options));
});
afterEach(() => runtime.calm());
afterAll(async () => {
  tables.close();
  await runtime.stop();
  await receiver.close();
  await removeTemporaryDirectories();
  jest.restoreAllMocks();
});

function noted(reply: Reply): Reply {
  requestIds.add(reply.headers.get('x-request-id') ?? 'none');
  return reply;
}

/** Ends a test: the log is JSON line by line, each with a request id, and has nothing secret in it. */
function expectDiscreetLog(): void {
  const lines = captured.lines();
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatchObject({ level: expect.any(String), timestamp: expect.any(String), message: expect.any(String), request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  const text = captured.text();
  expect([...secrets].filter(([secret]) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1)))).toEqual([]);
  expect(text).not.toContain(word);
  expect(text).not.toMatch(/kak_(live|test)_|whsec_|eyJ[\w-]{10}|-----BEGIN|Bearer/);
  captured.clear();
}

async function journey(): Promise<{ agentId: string; certificateId: string }> {
  const webhook = dataOf(await call('POST', '/webhooks', { body: { url: `https://127.0.0.1:${receiver.port}/in?token=${remember('token in a webhook’s URL', `t${randomUUID()}`)}`, events: ['agent.created', 'certificate.revoked', 'agent.halted'], description: personal('hook') } }), 201);
  remember('webhook secret', webhook.secret.replace('whsec_', ''));
  remember('webhook secret', dataOf(await call('PATCH', `/webhooks/${webhook.id}`, { body: { rotate_secret: true } }), 200).secret.replace('whsec_', ''));

  const agent = dataOf(await call('POST', '/agents', { body: { ...fullAgent, name: personal('agent'), description: personal('description'), operator_org: personal('organisation'), model_hash: `sha256:${word}`, metadata: { note: personal('metadata') } } }), 201);
  await call('PATCH', `/agents/${agent.id}`, { body: { name: personal('renamed') } });
  const idempotencyKey = remember('Idempotency-Key', randomUUID());
  const certifying: CallOptions = { headers: { 'idempotency-key': idempotencyKey } };
  const certificate = dataOf(await call('POST', `/agents/${agent.id}/certify`, certifying), 201);
  dataOf(await call('POST', `/agents/${agent.id}/certify`, certifying), 201);
  rememberPem('certificate', certificate.certificate_pem);

  const payload = { pay: personal('payload'), amount: 1 };
  const sign = async (body: object) => dataOf(await call('POST', `/agents/${agent.id}/sign`, { body }), 200);
  const { signature, payload_hash } = await sign({ payload });
  remember('signature', signature);
  remember('hash of a payload', payload_hash);
  remember('signature of a digest', (await sign({ digest: remember('digest', Buffer.alloc(32, 7).toString('base64')) })).signature);
  const { token } = await sign({ jwt: { sub: personal('subject'), aud: 'https://exchange.example' } });
  token.split('.').forEach((part: string) => remember('part of a token', part));
  for (const claimed of [payload, { pay: personal('other') }]) {
    noted(await runtime.call('POST', '/verify/message', { key: null, body: { payload: claimed, signature, certificate_serial: certificate.serial_number } }));
  }
  noted(await runtime.verify(certificate.serial_number));
  const { issuing } = await authorityPems(caller(runtime.url, null));
  rememberPem('CA certificate', issuing);
  noted(await runtime.call('POST', '/ocsp', { key: null, body: ocspRequest([{ issuer: issuing, serialNumber: certificate.serial_number }]), headers: { 'content-type': 'application/ocsp-request' } }));
  noted(await runtime.call('POST', '/ocsp', { key: null, body: personal('no DER'), headers: { 'content-type': 'application/ocsp-request' } }));

  await call('POST', '/events', { body: { agent_id: agent.id, action_type: 'api_call', payload: { text: personal('event') }, session_id: personal('session') } });
  await call('GET', `/events?agent_id=${agent.id}`);
  await call('GET', `/agents/${agent.id}/risk`);
  const renewed = dataOf(await call('POST', `/certificates/${certificate.id}/renew`), 201);
  rememberPem('certificate', renewed.certificate_pem);
  await call('POST', `/certificates/${renewed.id}/revoke`, { body: { reason: personal('reason') } });
  const third = dataOf(await call('POST', `/agents/${agent.id}/certify`), 201);
  await call('POST', '/risk-scores', { body: { agent_id: agent.id, score: 0.9, source: personal('source'), explanation: personal('explanation') } });
  await runtime.idle();
  await call('POST', `/agents/${agent.id}/certify`);
  const { halt_receipt } = dataOf(await call('POST', `/agents/${agent.id}/halt`, { body: { reason: personal('halt'), operator_note: personal('note') } }), 200);
  remember('signature of a receipt', halt_receipt.receipt_signature);
  for (const path of ['/agents', '/certificates', `/certificates/${third.id}`, '/webhooks', `/webhooks/${webhook.id}/deliveries`, '/audit-log', '/ca', '/crl', '/health', '/openapi.json']) await call('GET', path);
  await call('DELETE', `/webhooks/${webhook.id}`);
  await runtime.idle();
  for (const { headers, body } of receiver.received) {
    for (const header of ['x-kakunin-signature', 'webhook-signature']) remember('webhook signature', String(headers[header]));
    remember('webhook payload', body);
  }
  return { agentId: agent.id as string, certificateId: third.id as string };
}

test('the whole journey: every line is JSON and has the request’s id, and nothing secret is in any', async () => {
  const { agentId } = await journey();
  for (const name of Object.keys(schedules) as ScheduledName[]) await runtime.runSchedule(name);
  expect(receiver.received.length).toBeGreaterThan(0);
  const lines = captured.lines();
  // Each request left one line of how it went, under the id that its client has.
  const outcomes = lines.filter((line) => 'status' in line && 'duration_ms' in line).map(({ request_id }) => request_id);
  expect([...requestIds].filter((id) => outcomes.filter((other) => other === id).length !== 1)).toEqual([]);
  for (const message of ['create-agent', 'certify-agent', 'sign-message', 'deliver-webhook', 'auto-revoke', 'ocsp', 'relay-changes', 'retire-keys', 'publish-crls']) expect(lines.map((line) => line.message)).toContain(message);
  expect(lines.find(({ message, outcome }) => message === 'auto-revoke' && outcome === 'revoked')).toMatchObject({ agent_id: agentId, score: 0.9 });
  expectDiscreetLog();
}, 60_000);

test('secrets in odd places: path, query, header and bodies that are no JSON', async () => {
  const stray = remember('API key in an odd place', 'kak_live_StrayStrayStrayStrayStrayStray');
  const odd: [string, string, CallOptions?][] = [
    ['GET', `/agents/${stray}`], ['GET', `/agents?status=${stray}`], ['GET', `/agents?cursor=${stray}`], ['GET', `/events?before=${stray}`], ['GET', `/verify/${stray}`],
    ['GET', `/ocsp/${stray}`], ['GET', `/${stray}`], ['DELETE', `/webhooks/${encodeURIComponent(`${word}\n${stray}`)}`], ['POST', `/certificates/${word}/revoke`, { body: { reason: stray } }],
    ['GET', '/agents/%zz'], ['GET', '/agents', { key: stray }], ['GET', '/agents', { headers: { 'x-api-key': stray, 'x-request-id': `${word}-forged`, 'user-agent': stray, 'x-amzn-trace-id': word } }],
    ['POST', '/agents', { body: {}, headers: { 'idempotency-key': `${stray} with a space` } }],
    ['POST', '/webhooks', { body: { url: `https://${word}:${stray}@127.0.0.1/`, events: [stray] } }],
    ['POST', '/webhooks', { body: { url: `https://10.0.0.1/${stray}`, events: ['agent.created'] } }],
    ['POST', '/agents', { body: `{"name": "${word}", "secret": ${stray}}` }], ['POST', '/agents', { body: `"${word}` }], ['POST', '/agents', { body: Buffer.from(`\xff${word}`, 'latin1') }],
    ['POST', '/agents', { body: { [word]: stray, name: { [word]: stray }, permitted_actions: word, __proto__x: 1 } }], ['POST', '/agents', { body: `{"__proto__": "${word}"}` }],
    ['POST', '/verify/message', { body: `{"payload": {"${word}": 1, "${word}": 2}, "signature": "${word}"}` }], ['POST', '/verify/message', { body: { payload: { [word]: 1 }, signature: stray, certificate_serial: word } }],
    ['POST', '/events', { body: { agent_id: stray, action_type: word } }], ['POST', '/risk-scores', { body: { agent_id: word, score: stray } }],
  ];
  for (const [method, path, options] of odd) {
    const { status } = await call(method, path, options);
    expect([path, status >= 200 && status < 500]).toEqual([path, true]);
  }
  expectDiscreetLog();
});

test('faults at the wire: AWS’s words are logged, with the request’s id, and no item, payload or answer', async () => {
  const agentId = dataOf(await call('POST', '/agents', { body: { ...fullAgent, name: personal('agent') } }), 201).id as string;
  const certificate = dataOf(await call('POST', `/agents/${agentId}/certify`), 201);
  rememberPem('certificate', certificate.certificate_pem);
  captured.clear();
  const item = { Item: { name: { S: personal('item') }, encryptedSecret: { B: remember('item', Buffer.from('an encrypted secret of somebody').toString('base64')) } } };
  const signing: CallOptions = { body: { payload: { text: personal('payload') } } };
  const faulty = async (proxy: 'dynamodb' | 'kms', operation: string, fault: Parameters<FaultyRuntime['kms']['inject']>[1], method: string, path: string, options?: CallOptions) => {
    // What the authorizer reads is not meant: the gateway answers for it, and says so on its own.
    runtime[proxy].inject({ operation, where: ({ Key }) => !String(Key?.pk?.S).startsWith('KEY#') }, fault);
    const { status, headers } = await call(method, path, options);
    runtime.calm();
    const id = headers.get('x-request-id');
    expect([operation, status >= 500, captured.lines().some(({ level, request_id, error }) => level === 'ERROR' && request_id === id && error !== undefined)]).toEqual([operation, true, true]);
  };
  await faulty('kms', 'Sign', awsError('AccessDeniedException'), 'POST', `/agents/${agentId}/sign`, signing);
  expect(captured.text()).toContain(secretOfAws);
  await faulty('kms', 'Sign', rewritten((answer) => ({ ...answer, Signature: Buffer.from(remember('signature', 'a signature that is wrong')).toString('base64') })), 'POST', `/agents/${agentId}/sign`, signing);
  await faulty('dynamodb', 'TransactWriteItems', awsError('TransactionCanceledException', { CancellationReasons: [{ Code: 'ValidationError', Message: personal('reason'), ...item }] }), 'POST', `/agents/${agentId}/sign`, signing);
  await faulty('dynamodb', 'UpdateItem', awsError('ValidationException', item), 'POST', `/agents/${randomUUID()}/certify`);
  await faulty('dynamodb', 'GetItem', answerTorn, 'GET', `/agents/${agentId}`);
  await faulty('dynamodb', 'GetItem', { kind: 'answered', status: 200, contentType: 'application/x-amz-json-1.0', body: `{"Item": {"name": {"S": "${personal('cut off')}` }, 'GET', `/agents/${agentId}`);
  await faulty('dynamodb', 'GetItem', { kind: 'answered', status: 200, contentType: 'application/x-amz-json-1.0', body: `{"Item": ${word}` }, 'GET', `/agents/${agentId}`);
  await faulty('dynamodb', 'GetItem', badGateway, 'GET', `/agents/${agentId}`);
  await faulty('dynamodb', 'TransactWriteItems', cancelled('None', 'ThrottlingError'), 'POST', '/agents', { body: { ...fullAgent, name: personal('throttled') } });
  await faulty('dynamodb', 'TransactWriteItems', notPerformed, 'POST', '/agents', { body: { ...fullAgent, name: personal('lost') } });
  expectDiscreetLog();

  runtime.dynamodb.inject({ operation: 'GetItem' }, awsError('AccessDeniedException', item));
  expect((await call('GET', '/agents', { key: remember('API key', await tables.addKey({ tenantId })) })).status).toBe(503);
  const authorizing = captured.text().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  expect(authorizing).toEqual([expect.objectContaining({ level: 'ERROR', message: 'authorize', request_id: expect.any(String), error: expect.objectContaining({ cause: expect.objectContaining({ name: 'AccessDeniedException' }) }) })]);
  expect([...secrets.keys()].filter((secret) => captured.text().includes(secret))).toEqual([]);
  captured.clear();
}, 60_000);

test('what a use case warns of has the id of the request that led to it', async () => {
  const agentId = dataOf(await call('POST', '/agents', { body: fullAgent }), 201).id as string;
  dataOf(await call('POST', `/agents/${agentId}/certify`), 201);
  captured.clear();
  runtime.kms.inject({ operation: 'Sign' }, awsError('KMSInternalException'));
  const { headers, status } = await call('POST', `/agents/${agentId}/halt`);
  expect(status).toBe(200);
  runtime.calm();
  await runtime.idle();
  expect(captured.lines().find(({ message }) => message.includes('could not be signed'))).toMatchObject({ level: 'ERROR', request_id: headers.get('x-request-id'), tenant_id: tenantId, error: { cause: { name: 'KMSInternalException' } } });

  runtime.dynamodb.inject({ operation: 'UpdateItem', where: ({ Key }) => String(Key?.pk?.S).startsWith('IDEMPOTENCY#') }, awsError('InternalServerError'), { first: 1 });
  const created = await call('POST', '/agents', { body: { ...fullAgent, name: personal('kept') }, headers: { 'idempotency-key': randomUUID() } });
  runtime.calm();
  expect(captured.lines().find(({ message }) => message.includes('could not be kept'))).toMatchObject({ level: 'ERROR', request_id: created.headers.get('x-request-id') });
  expectDiscreetLog();
}, 60_000);

test('names, ids and headers forge no line', async () => {
  const forged = `${word}\n{"level":"INFO","message":"forged","request_id":"${randomUUID()}"}\r\n\u001b[2J\u009b2J\u2028`;
  const agent = dataOf(await call('POST', '/agents', { body: { ...fullAgent, metadata: { forged } } }), 201);
  await call('POST', '/agents', { body: { ...fullAgent, name: forged } });
  await call('GET', `/agents/${encodeURIComponent(forged)}`);
  await call('GET', `/verify/${encodeURIComponent(forged)}`);
  await call('GET', `/agents?status=${encodeURIComponent(forged)}`);
  await call('POST', '/events', { body: { agent_id: agent.id, action_type: 'api_call', payload: { forged }, chain_id: 'x' } });
  // The risk pipeline writes where it likes, and its keys are logged when a record is malformed.
  const risk = openRiskTable(runtime);
  await risk.put(agent.id, { score: { S: 'x' } }, 'r\n{"level":"INFO","message":"forged"}\u001b[2J');
  await risk.deliver(await risk.streamed(agent.id));
  risk.close();
  const lines = captured.lines();
  expect(lines.filter(({ message }) => message === 'forged')).toEqual([]);
  expect(lines.find(({ message, level }) => message === 'auto-revoke' && level === 'ERROR')).toMatchObject({ keys: { agent_id: { S: agent.id } } });
  // eslint-disable-next-line no-control-regex -- it is what is looked for
  expect(captured.text()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]|\\u001b/);
  expectDiscreetLog();
}, 60_000);
