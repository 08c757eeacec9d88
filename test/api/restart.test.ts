import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { openAftermath, type Aftermath } from '../support/faults-aftermath.ts';
import { openRiskTable } from '../support/faults-risk.ts';
import { caller, type Call, type Reply } from '../support/runtime.ts';

const root = join(import.meta.dirname, '../..');
const tableNames = { registry: 'kakunin-registry', risk: 'kakunin-risk' } as const;

/** `npm start` with a data directory, as a process of its own. */
interface Service {
  readonly process: ChildProcess;
  readonly endpoints: { readonly dynamodbEndpoint: string; readonly kmsEndpoint: string; readonly tableNames: typeof tableNames };
  readonly aftermath: Aftermath;
  readonly call: Call;
  /** Sends the signal and waits for the end; answers the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const services: Service[] = [];
const directories: string[] = [];

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
  directories.push(path);
  return path;
}

async function start(dataDirectory: string): Promise<Service> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bin/local.ts'], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: '0', KAKUNIN_DATA_DIR: dataDirectory, KAKUNIN_LOCAL_KEYS: 'acme=kak_test_acme', KAKUNIN_RATE_LIMITS: 'off' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') break;
    const [name = '', value = ''] = line.split(' ');
    said[name] = value;
  }
  const { api, dynamodb, kms } = said;
  if (api === undefined || dynamodb === undefined || kms === undefined) throw new Error(`The service did not start: ${JSON.stringify(said)}`);
  const endpoints = { dynamodbEndpoint: dynamodb, kmsEndpoint: kms, tableNames };
  const aftermath = openAftermath(endpoints);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const service: Service = {
    process: child,
    endpoints,
    aftermath,
    call: caller(api, 'kak_test_acme'),
    async end(signal) {
      aftermath.close();
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
  services.push(service);
  return service;
}

afterEach(async () => {
  for (const service of services.splice(0)) if (service.process.exitCode === null && service.process.signalCode === null) await service.end('SIGKILL');
});
afterAll(() => Promise.all(directories.map((path) => rm(path, { recursive: true, force: true }))));

interface Certified {
  readonly agentId: string;
  readonly id: string;
  readonly serial: string;
  readonly keyArn: string;
  readonly pem: string;
}

async function newAgent({ call }: Service): Promise<string> {
  return (await call('POST', '/agents', { body: { name: 'Trader', model_hash: 'sha256:0123' } })).body.data.id;
}

const certificateOf = ({ body: { data } }: Reply): Certified => ({ agentId: data.agent_id, id: data.id, serial: data.serial_number, keyArn: data.kms_key_arn, pem: data.certificate_pem });
const certify = async (service: Service) => certificateOf(await service.call('POST', `/agents/${await newAgent(service)}/certify`));
const revoke = ({ call }: Service, { id }: Certified) => call('POST', `/certificates/${id}/revoke`, { body: { reason: 'test' } });
const statusOf = async ({ call }: Service, serial: string): Promise<string> => (await call('GET', `/verify/${serial}`, { key: null })).body.data.status;

async function expectUsable({ aftermath }: Service, { keyArn, pem }: Certified): Promise<void> {
  const digest = Buffer.alloc(32, 7);
  const signature = await aftermath.sign(keyArn, digest);
  const { constants, publicDecrypt } = await import('node:crypto');
  // What the certificate's public key makes of the signature ends in the digest: the key is that of the certificate.
  expect(publicDecrypt({ key: new X509Certificate(pem).publicKey, padding: constants.RSA_PKCS1_PADDING }, signature).subarray(-32)).toEqual(digest);
}

describe('a data directory', () => {
  test('outlives SIGTERM: the same CA, certificates, keys and answers', async () => {
    const directory = await temporaryDirectory();
    const before = await start(directory);
    const ca = (await before.call('GET', '/ca', { key: null })).body;
    const [kept, revoked] = [await certify(before), await certify(before)];
    expect((await revoke(before, revoked)).status).toBe(200);
    const agent = (await before.call('GET', `/agents/${kept.agentId}`)).body;
    expect(await before.end('SIGTERM')).toBe(0);

    const after = await start(directory);
    expect((await after.call('GET', '/ca', { key: null })).body).toEqual(ca);
    expect((await after.call('GET', `/agents/${kept.agentId}`)).body).toEqual(agent);
    expect(certificateOf(await after.call('GET', `/certificates/${kept.id}`))).toEqual(kept);
    expect([await statusOf(after, kept.serial), await statusOf(after, revoked.serial)]).toEqual(['active', 'revoked']);
    await expectUsable(after, kept);
    expect((await after.call('POST', `/agents/${kept.agentId}/certify`)).status).toBe(409);

    const next = certificateOf(await after.call('POST', `/agents/${revoked.agentId}/certify`));
    const issuing = new X509Certificate((await after.call('GET', '/ca', { key: null, headers: { accept: 'application/json' } })).body.data.certificates[0].certificate_pem);
    for (const { pem } of [kept, next]) expect(new X509Certificate(pem).verify(issuing.publicKey)).toBe(true);
    expect(await after.end('SIGTERM')).toBe(0);
  }, 90_000);

  test('outlives kill -9 in the middle of it all: what was answered is there, and the rest contradicts nothing', async () => {
    const directory = await temporaryDirectory();
    let service = await start(directory);
    for (const answersBeforeTheEnd of [1, 4, 9]) {
      const old = await Promise.all(Array.from({ length: 4 }, () => certify(service)));
      const fresh = await Promise.all(Array.from({ length: 4 }, () => newAgent(service)));
      const answered: Reply[] = [];
      const { promise, note } = after(answersBeforeTheEnd);
      const burst = [
        ...old.map((certificate) => () => revoke(service, certificate)),
        ...fresh.map((agentId) => () => service.call('POST', `/agents/${agentId}/certify`)),
        ...Array.from({ length: 4 }, () => () => service.call('POST', '/agents', { body: { name: 'Late', model_hash: 'sha256:1' } })),
      ].map((request) => request().then((reply) => note(answered.push(reply)), () => undefined));
      await promise;
      await service.end('SIGKILL');
      await Promise.all(burst);
      expect(answered.length).toBeGreaterThanOrEqual(answersBeforeTheEnd);

      service = await start(directory);
      for (const { status, body: { data } } of answered) {
        expect([200, 201]).toContain(status);
        if (data.status === 'revoked') expect(await statusOf(service, data.serial_number)).toBe('revoked');
        else if (data.certificate_pem !== undefined) {
          expect(await statusOf(service, data.serial_number)).toBe('active');
          await expectUsable(service, certificateOf({ body: { data } } as Reply));
        } else expect((await service.call('GET', `/agents/${data.id}`)).body.data).toMatchObject({ id: data.id, status: 'pending' });
      }
      for (const agentId of [...old.map(({ agentId }) => agentId), ...fresh]) await expectSound(service, agentId);
    }
    expect(await service.end('SIGTERM')).toBe(0);
  }, 180_000);

  test('keeps a risk record written just before kill -9, which is then acted upon', async () => {
    const directory = await temporaryDirectory();
    const before = await start(directory);
    const [risky, harmless, earlier] = [await certify(before), await certify(before), await certify(before)];
    const records = openRiskTable(before.endpoints);
    await records.put(earlier.agentId, { score: { N: '0.9' } });
    while ((await statusOf(before, earlier.serial)) !== 'revoked');
    const again = certificateOf(await before.call('POST', `/agents/${earlier.agentId}/certify`));

    before.process.kill('SIGSTOP'); // From here on nobody reads the stream; the engine is a process of its own.
    await records.put(risky.agentId, { score: { N: '0.85' } });
    await records.put(harmless.agentId, { score: { N: '0.8499' } });
    expect((await before.aftermath.agent(risky.agentId))['status']).toBe('active');
    records.close();
    await before.end('SIGKILL');

    const service = await start(directory);
    const deadline = performance.now() + 30_000;
    while ((await statusOf(service, risky.serial)) !== 'revoked') expect(performance.now()).toBeLessThan(deadline);
    expect([await statusOf(service, harmless.serial), await statusOf(service, again.serial)]).toEqual(['active', 'active']);
    expect((await service.aftermath.audit(risky.id)).map(({ eventType }) => eventType)).toEqual(['certificate.issued', 'certificate.revoked']);
    expect(await service.end('SIGTERM')).toBe(0);
  }, 90_000);
});

/** Whatever the crash interrupted: pointer, certificate and key agree, and a lease left behind ends with its key. */
async function expectSound({ aftermath, call }: Service, agentId: string): Promise<void> {
  const { status, lease, activeCertificate } = await aftermath.agent(agentId);
  const active = await aftermath.activeCertificates(agentId);
  expect(active.map(({ id }) => id)).toEqual(activeCertificate === undefined ? [] : [activeCertificate.id]);
  expect(status === 'active').toBe(active.length === 1);
  for (const { keyArn } of active) expect((await aftermath.sign(keyArn)).length).toBe(256);
  if (lease === undefined) return;
  await aftermath.expireLease(agentId);
  expect((await call('POST', `/agents/${agentId}/certify`)).status).toBe(201);
  if (lease.keyArn !== undefined) expect((await aftermath.agentKeys(agentId)).find(({ arn }) => arn === lease.keyArn)?.state).toBe('PendingDeletion');
}

/** Resolves once `note` is called with that number or more. */
function after(count: number): { promise: Promise<void>; note: (current: number) => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, note: (current) => (current >= count ? resolve() : undefined) };
}
