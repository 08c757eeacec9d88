import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { localCredentials, region } from '../../local/account.ts';
import { caller } from '../support/runtime.ts';
import { eventually, launch, processesWith, type Launched } from './processes.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

// Each run is marked, so that whatever it started is known by its environment.
const marks: string[] = [];
afterEach(async () => {
  const left = (await Promise.all(marks.splice(0).map(remaining))).flat();
  for (const line of left) process.kill(Number.parseInt(line), 'SIGKILL');
  expect(left).toEqual([]);
});
afterAll(removeTemporaryDirectories);

interface Marked extends Launched {
  readonly mark: string;
}

function start(environment: Record<string, string> = {}, [command, ...parameters]: readonly [string, ...string[]] = [process.execPath, '--import', 'tsx', 'bin/local.ts']): Marked {
  const mark = randomUUID();
  marks.push(mark);
  return { mark, ...launch(command, parameters, { PORT: '0', KAKUNIN_TEST_MARK: mark, ...environment }) };
}

async function remaining(mark: string): Promise<string[]> {
  // The last of them may still be on their way out.
  await eventually(async () => (await processesWith(mark)).length === 0, 2).catch(() => undefined);
  return processesWith(mark);
}

const lineOf = (name: string, { stdout }: Launched) => stdout().split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? '';

test('says where everything is, answers, and ends without a trace', async () => {
  const service = start({ KAKUNIN_LOCAL_KEYS: 'acme=kak_test_aaa,globex=kak_test_bbb' });
  await service.ready;
  const url = /http:\/\/127\.0\.0\.1:\d+/.source;
  expect(service.stdout()).toMatch(new RegExp(`^api ${url}/v1\ndynamodb ${url}\nkms ${url}\ns3 ${url}\nsqs ${url}\ndistribution ${url}\nkey acme kak_test_aaa\nkey globex kak_test_bbb\nready\n$`));
  const call = caller(lineOf('api', service), null);
  expect((await call('GET', '/health')).status).toBe(200);
  expect((await call('GET', '/agents', { key: 'kak_test_bbb' })).status).toBe(200);
  expect((await call('GET', '/agents', { key: 'kak_test_ccc' })).status).toBe(401);
  expect((await processesWith(service.mark)).some((line) => line.includes('dynoxide'))).toBe(true);
  service.child.kill('SIGTERM');
  expect(await service.exit).toEqual({ code: 0, signal: null });
  expect(service.stderr()).toBe('');
});

test('without keys of its own there is one tenant with a random one', async () => {
  const service = start();
  await service.ready;
  const [, key = ''] = lineOf('key', service).split(' ');
  expect(service.stdout()).toMatch(/^key local kak_test_[A-Za-z0-9_-]{43}$/m);
  expect((await caller(lineOf('api', service), key)('GET', '/agents')).status).toBe(200);
  service.child.kill('SIGINT');
  expect((await service.exit).code).toBe(0);
});

describe('with a data directory', () => {
  const keys = { KAKUNIN_LOCAL_KEYS: 'acme=kak_test_aaa' };

  async function certify(service: Launched) {
    const call = caller(lineOf('api', service), 'kak_test_aaa');
    const agent = await call('POST', '/agents', { body: { name: 'a', model_hash: 'sha256:1' } });
    const certificate = await call('POST', `/agents/${agent.body.data.id}/certify`);
    expect(certificate.status).toBe(201);
    const { id, serial_number: serial, kms_key_arn: keyArn } = certificate.body.data as Record<string, string>;
    return { agentId: agent.body.data.id as string, id: String(id), serial: String(serial), keyArn: String(keyArn) };
  }

  test('everything is there again after kill -9, and what was under way is caught up on', async () => {
    const environment = { ...keys, KAKUNIN_DATA_DIR: await temporaryDirectory() };
    const first = start(environment);
    await first.ready;
    const authority = (await caller(lineOf('api', first), null)('GET', '/ca')).body;
    const { agentId, serial } = await certify(first);
    const event = await caller(lineOf('api', first), 'kak_test_aaa')('POST', '/events', { body: { agent_id: agentId, action_type: 'unauthorized_access_attempt' } });
    expect(event.status).toBe(201);
    first.child.kill('SIGKILL');
    await first.exit;
    expect(await remaining(first.mark)).toEqual([]);

    const second = start(environment);
    await second.ready;
    const call = caller(lineOf('api', second), 'kak_test_aaa');
    expect((await call('GET', '/ca')).body).toEqual(authority);
    expect((await call('GET', `/agents/${agentId}`)).status).toBe(200);
    await eventually(async () => (await call('GET', `/verify/${serial}`)).body.data?.status === 'revoked' || (await call('GET', `/verify/${serial}`)).body.status === 'revoked');
    second.child.kill('SIGTERM');
    expect((await second.exit).code).toBe(0);
  }, 90_000);

  test('what had begun with a revocation is completed after kill -9: the CRL at the same URL, and the end of the key', async () => {
    const environment = { ...keys, KAKUNIN_DATA_DIR: await temporaryDirectory() };
    const first = start(environment);
    await first.ready;
    const { id, serial, keyArn } = await certify(first);
    const { status } = await caller(lineOf('api', first), 'kak_test_aaa')('POST', `/certificates/${id}/revoke`, { body: { reason: 'test' } });
    first.child.kill('SIGKILL'); // The CRLs are published a second later.
    expect(status).toBe(200);
    await first.exit;
    expect(await remaining(first.mark)).toEqual([]);

    const second = start(environment);
    await second.ready;
    const distribution = lineOf('distribution', second);
    expect(distribution).toBe(lineOf('distribution', first));
    expect(lineOf('api', second)).toBe(`${distribution}/v1`);
    const isListed = async () => Buffer.from(await (await fetch(`${distribution}/crl/complete.crl`)).arrayBuffer()).includes(Buffer.from(serial, 'hex'));
    await eventually(isListed);
    const kms = new KMSClient({ endpoint: lineOf('kms', second), region, credentials: localCredentials });
    await eventually(async () => (await kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata?.KeyState === 'PendingDeletion');
    kms.destroy();
    second.child.kill('SIGKILL');
    await second.exit;

    const third = start(environment);
    await third.ready;
    expect(await isListed()).toBe(true);
    third.child.kill('SIGTERM');
    expect((await third.exit).code).toBe(0);
    expect(third.stderr()).toBe('');
  }, 90_000);

  test('a second start on it is refused', async () => {
    const environment = { ...keys, KAKUNIN_DATA_DIR: await temporaryDirectory() };
    const first = start(environment);
    await first.ready;
    const second = start(environment);
    expect((await second.exit).code).toBe(1);
    expect(second.stderr()).toBe(`The data directory ${environment.KAKUNIN_DATA_DIR} is in use by process ${first.child.pid}: end that one first, or name another.\n`);
    first.child.kill('SIGTERM');
    expect((await first.exit).code).toBe(0);
  });

  test('a damaged database is refused, and can be looked at once more', async () => {
    const environment = { ...keys, KAKUNIN_DATA_DIR: await temporaryDirectory() };
    await writeFile(join(environment.KAKUNIN_DATA_DIR, 'kakunin.json'), '{"format":2,"complete":false}');
    await writeFile(join(environment.KAKUNIN_DATA_DIR, 'dynamodb.sqlite'), 'no database. '.repeat(1000));
    for (let attempt = 0; attempt < 2; attempt++) {
      const service = start(environment);
      expect((await service.exit).code).toBe(1);
      expect(service.stderr()).toMatch(/^The database .*dynamodb\.sqlite is damaged: .*\n$/);
    }
  });
});

describe('is refused in one sentence', () => {
  test.each([
    ['PORT', { PORT: 'http' }, /^PORT is "http", which is no port: .*\n$/],
    ['PORT', { PORT: '65536' }, /^PORT is "65536", which is no port: .*\n$/],
    ['keys', { KAKUNIN_LOCAL_KEYS: 'acme=kak_test_aaa,globex' }, /^Entry 2 of KAKUNIN_LOCAL_KEYS is not .*\n$/],
    ['keys', { KAKUNIN_LOCAL_KEYS: 'acme=kak_test_aaa,globex=kak_test_aaa' }, /^KAKUNIN_LOCAL_KEYS has the same key twice: .*\n$/],
    ['concurrency', { KAKUNIN_CONCURRENCY: '0' }, /^KAKUNIN_CONCURRENCY is "0": .*\n$/],
    ['quotas', { KAKUNIN_KMS_QUOTAS: 'CreateKey=5,MakeKey=1' }, /^KAKUNIN_KMS_QUOTAS has "MakeKey=1": .*\n$/],
    ['a setting of the service', { KEY_DELETION_DAYS: '31' }, /^The environment variable KEY_DELETION_DAYS is missing or wrong: .*30\n$/],
    ['a setting of the service', { KEY_RETIREMENTS_PER_SECOND: 'many' }, /^The environment variable KEY_RETIREMENTS_PER_SECOND is missing or wrong: .*\n$/],
    ['a data directory that is none', { KAKUNIN_DATA_DIR: '/dev/null' }, /^The data directory \/dev\/null cannot be made \(EEXIST\): .*\n$/],
  ])('%s', async (_, environment, sentence) => {
    const service = start(environment as Record<string, string>);
    expect((await service.exit).code).toBe(1);
    expect(service.stderr()).toMatch(sentence);
    expect(service.stdout()).toBe('');
  });

  test('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const service = start({ PORT: String(port) });
    expect((await service.exit).code).toBe(1);
    expect(service.stderr()).toBe(`Port ${port} is already in use: end what uses it, or set PORT to another one (0 takes any free one).\n`);
    taken.close();
  });
});

test('the death of the engine ends it, with a sentence', async () => {
  const service = start();
  await service.ready;
  const engine = (await processesWith(service.mark)).find((line) => line.includes('dynoxide serve')) ?? '';
  process.kill(Number.parseInt(engine), 'SIGKILL');
  expect((await service.exit).code).toBe(1);
  expect(service.stderr()).toMatch(/^The DynamoDB engine ended unexpectedly \(SIGKILL\): start again\.$/m);
});

test.each([400, 700, 1000, 1500])('SIGTERM %i ms after the start ends a start under way', async (milliseconds) => {
  const service = start();
  await sleep(milliseconds);
  service.child.kill('SIGTERM');
  const { code, signal } = await service.exit;
  // Before the first line of the program runs, the default of the operating system holds.
  expect([0, 'SIGTERM']).toContain(code ?? signal);
  expect(service.stderr()).toBe('');
});

describe('npm start', () => {
  test('ends on SIGTERM', async () => {
    const service = start({}, ['npm', 'start']);
    await service.ready;
    service.child.kill('SIGTERM');
    expect((await service.exit).code).toBe(0);
  });

  test('ends on Ctrl-C, which goes to all of the terminal’s processes at once', async () => {
    const service = start({}, ['npm', 'start']);
    await service.ready;
    process.kill(-(service.child.pid as number), 'SIGINT');
    expect((await service.exit).code).toBe(0);
  });
});
