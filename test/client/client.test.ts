import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { KakuninClient, KakuninError, type ClientOptions } from '../../client/index.ts';
import { minimalAgent, unknownId } from '../support/agents.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const failure = (call: Promise<unknown>) => call.then(() => { throw new Error('It did not fail.'); }, (error: unknown) => error as KakuninError);

describe('with the service', () => {
  let runtime: TestRuntime;
  let kakunin: KakuninClient;
  beforeAll(async () => {
    runtime = await startTestRuntime();
    kakunin = new KakuninClient({ baseUrl: runtime.url, apiKey: runtime.keys.acme });
  });
  afterAll(() => runtime.stop());

  it('takes an agent from registration to revocation, and tells what stands in the way', async () => {
    const agent = await kakunin.agents.create({ ...minimalAgent, permitted_actions: ['trade:execute'] });
    expect(agent.status).toBe('pending');
    const certificate = await kakunin.agents.certify(agent.id);
    expect(certificate).toMatchObject({ agent_id: agent.id, status: 'active', revoked_at: null });

    const conflict = await failure(kakunin.agents.certify(agent.id));
    expect(conflict).toBeInstanceOf(KakuninError);
    expect(conflict).toMatchObject({ code: 'ACTIVE_CERTIFICATE_EXISTS', status: 409, data: { certificate_id: certificate.id }, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/), message: expect.stringMatching(/\.$/) });

    const payload = { amount: 250.5, to: 'DE89' };
    const { signature, certificate_serial } = await kakunin.agents.sign(agent.id, { payload });
    const anybody = new KakuninClient({ baseUrl: `${runtime.url}/` });
    expect(await anybody.verify.message({ payload, signature, certificate_serial })).toMatchObject({ valid: true, agent_id: agent.id, reason: null });
    expect(await anybody.verify.certificate(certificate.serial_number)).toMatchObject({ valid: true, permitted_actions: ['trade:execute'] });

    expect(await kakunin.certificates.revoke(certificate.id, { reason: 'Anomalous trading', reason_code: 'keyCompromise' })).toMatchObject({ status: 'revoked', reason_code: 'keyCompromise' });
    expect(await anybody.verify.certificate(certificate.serial_number)).toMatchObject({ valid: false, status: 'revoked' });
    expect((await kakunin.agents.get(agent.id)).certificates).toMatchObject([{ id: certificate.id, status: 'revoked' }]);
  });

  it('reads lists page by page, and all of them one after the other', async () => {
    const created: string[] = [];
    for (let index = 0; index < 5; index++) created.unshift((await kakunin.agents.create({ ...minimalAgent, name: `Bot ${index}` })).id);
    const page = await kakunin.agents.list({ limit: 2 });
    expect(page.data.map(({ id }) => id)).toEqual(created.slice(0, 2));
    expect(page.pagination).toMatchObject({ limit: 2, has_next_page: true });
    const total: number = page.meta.total;
    const all: string[] = [];
    for await (const { id } of kakunin.agents.listAll({ limit: 2 })) all.push(id);
    expect(all.slice(0, 5)).toEqual(created);
    expect(all).toHaveLength(total);
    const fromThird: string[] = [];
    for await (const { id } of kakunin.agents.listAll({ limit: 2, offset: 2 })) fromThird.push(id);
    expect(fromThird).toEqual(all.slice(2));
  });

  it('makes webhooks, and reads what they were told', async () => {
    const { secret, ...webhook } = await kakunin.webhooks.create({ url: 'https://example.com/hook', events: ['agent.created'] });
    expect(secret).toMatch(/^whsec_/);
    expect((await kakunin.webhooks.list()).data).toEqual([webhook]);
    expect((await kakunin.webhooks.update(webhook.id, { rotate_secret: true })).secret).not.toBe(secret);
    const deliveries: string[] = [];
    for await (const { id } of kakunin.webhooks.deliveriesAll(webhook.id, { limit: 1 })) deliveries.push(id);
    expect(deliveries).toEqual([]);
    await kakunin.webhooks.delete(webhook.id);
    expect(await failure(kakunin.webhooks.get(webhook.id))).toMatchObject({ code: 'WEBHOOK_NOT_FOUND', status: 404 });
  });

  it('passes on what is wrong with a request', async () => {
    expect(await failure(kakunin.agents.create({ name: 'a\nb', model_hash: 'x' }))).toMatchObject({ code: 'VALIDATION_FAILED', status: 400, issues: [{ path: 'name', message: expect.any(String) }] });
    expect(await failure(kakunin.agents.get(unknownId))).toMatchObject({ code: 'AGENT_NOT_FOUND', status: 404, issues: [], data: {} });
    expect(await failure(new KakuninClient({ baseUrl: runtime.url, apiKey: 'kak_test_nobody' }).agents.list())).toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    expect(await failure(new KakuninClient({ baseUrl: runtime.url }).agents.list())).toBeInstanceOf(TypeError);
  });

  it('reads what is no JSON in its own form', async () => {
    expect(await kakunin.authority.crl()).toMatch(/^-----BEGIN X509 CRL-----/);
    expect((await kakunin.authority.certificates()).certificates.map(({ role }) => role)).toEqual(expect.arrayContaining(['issuing', 'root']));
    const answer = await kakunin.authority.ocsp(new Uint8Array([0x30, 0]));
    expect([...answer.slice(0, 5)]).toEqual([0x30, 0x03, 0x0a, 0x01, 0x01]); // OCSPResponse with malformedRequest, RFC 6960 §4.2.1
    expect(await kakunin.service.health()).toMatchObject({ status: 'ok' });
  });

  it('makes a change once, however often it is asked for with the same key', async () => {
    const options = { idempotencyKey: 'order-1' };
    const first = await kakunin.agents.create(minimalAgent, options);
    expect(await kakunin.agents.create(minimalAgent, options)).toEqual(first);
    expect(await failure(kakunin.agents.create({ ...minimalAgent, name: 'Another' }, options))).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED', status: 422 });
  });
});

describe('with a service in trouble', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** A client of a server that answers one request after the other as told; the requests' methods and keys. */
  async function troubled(answers: readonly RequestListener[], options: Partial<ClientOptions> = {}) {
    const seen: { method: string | undefined; key: string | string[] | undefined }[] = [];
    const server = createServer((request, response) => {
      const answer = answers[Math.min(seen.length, answers.length - 1)];
      seen.push({ method: request.method, key: request.headers['idempotency-key'] });
      answer?.(request, response);
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { kakunin: new KakuninClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, apiKey: 'kak_test_a', ...options }), seen };
  }

  const json = (status: number, body: object, headers: Record<string, string> = {}): RequestListener => (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'r-1', ...headers }).end(JSON.stringify(body));
  };
  const done = json(200, { data: { id: 'a' } });
  const unavailable = (status: number, retryAfter: string) => json(status, { error: 'Try again.', code: 'KMS_UNAVAILABLE', request_id: 'r-1' }, { 'retry-after': retryAfter });
  const hangUp: RequestListener = (request) => void request.socket.destroy();
  const silence: RequestListener = () => undefined;

  it.each([503, 429])('tries again after %i, when the service says, with the same key', async (status) => {
    const { kakunin, seen } = await troubled([unavailable(status, '1'), unavailable(status, '0'), done]);
    const start = performance.now();
    expect(await kakunin.agents.certify('a')).toEqual({ id: 'a' });
    expect(performance.now() - start).toBeGreaterThan(950);
    expect(seen).toHaveLength(3);
    expect(seen[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  });

  it('takes a new key for a new change, and none for what changes nothing', async () => {
    const { kakunin, seen } = await troubled([done]);
    await kakunin.agents.certify('a');
    await kakunin.agents.certify('a');
    await kakunin.agents.get('a');
    await kakunin.verify.message({ payload: {}, signature: '', certificate_serial: '1' });
    const [first, second, ...others] = seen.map(({ key }) => key);
    expect(first).not.toBe(second);
    expect(others).toEqual([undefined, undefined]);
  });

  it('tries again where the connection broke, also while the first attempt is still at work', async () => {
    const inProgress = json(409, { error: 'Still running.', code: 'REQUEST_IN_PROGRESS', request_id: 'r-1' }, { 'retry-after': '0' });
    const { kakunin, seen } = await troubled([hangUp, inProgress, done]);
    expect(await kakunin.certificates.renew('c')).toEqual({ id: 'a' });
    expect(seen).toHaveLength(3);
  });

  it('tries again where the connection broke in the middle of the answer, and says so in the end', async () => {
    const half: RequestListener = (request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"data":', () => void request.socket.destroy());
    };
    const { kakunin, seen } = await troubled([half, done]);
    expect(await kakunin.agents.certify('a')).toEqual({ id: 'a' });
    expect(seen).toHaveLength(2);
    for (const call of ['crl', 'certificates'] as const) {
      expect(await failure((await troubled([half], { retries: 0 })).kakunin.authority[call]())).toMatchObject({ name: 'KakuninError', code: 'CONNECTION_FAILED' });
    }
    const slow: RequestListener = (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('{');
    expect(await failure((await troubled([slow], { retries: 0, timeoutSeconds: 0.2 })).kakunin.agents.list())).toMatchObject({ code: 'TIMEOUT' });
  });

  it('does not try again what would not help', async () => {
    for (const [status, retryAfter] of [[409, '0'], [500, '0'], [404, '0'], [503, '3600']] as const) {
      const { kakunin, seen } = await troubled([unavailable(status, retryAfter)]);
      expect(await failure(kakunin.agents.certify('a'))).toMatchObject({ status, code: 'KMS_UNAVAILABLE', requestId: 'r-1' });
      expect(seen).toHaveLength(1);
    }
  });

  it('gives up after so many attempts', async () => {
    const { kakunin, seen } = await troubled([unavailable(503, '0')], { retries: 2 });
    expect(await failure(kakunin.agents.list())).toMatchObject({ status: 503 });
    expect(seen).toHaveLength(3);
    const alone = await troubled([hangUp], { retries: 0 });
    expect(await failure(alone.kakunin.agents.list())).toMatchObject({ code: 'CONNECTION_FAILED', status: undefined });
    expect(alone.seen).toHaveLength(1);
  });

  it('waits for an answer so long and no longer, and breaks off when told to', async () => {
    const slow = await troubled([silence], { retries: 0, timeoutSeconds: 0.2 });
    expect(await failure(slow.kakunin.agents.list())).toMatchObject({ code: 'TIMEOUT' });
    const { kakunin, seen } = await troubled([silence]);
    expect(await failure(kakunin.agents.list({}, { signal: AbortSignal.timeout(100) }))).toMatchObject({ name: 'TimeoutError' });
    expect(seen).toHaveLength(1);
    const waiting = await troubled([unavailable(503, '30')]);
    const reason = new Error('Enough.');
    const controller = new AbortController();
    setTimeout(() => { controller.abort(reason); }, 200);
    expect(await failure(waiting.kakunin.agents.list({}, { signal: controller.signal }))).toBe(reason);
  });

  it('knows an answer that is not the service’s', async () => {
    const page: RequestListener = (_, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway</html>');
    expect(await failure((await troubled([page])).kakunin.agents.list())).toMatchObject({ code: 'UNEXPECTED_ANSWER', status: 502 });
    const text: RequestListener = (_, response) => void response.end('hello');
    expect(await failure((await troubled([text])).kakunin.agents.list())).toMatchObject({ code: 'UNEXPECTED_ANSWER', status: 200 });
  });
});

it('wants a URL that is one', () => {
  expect(() => new KakuninClient({ baseUrl: 'api.example/v1' })).toThrow('The base URL must be http or https');
});
