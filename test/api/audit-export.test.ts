import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditEntry } from '../../lambdas/authority/audit.ts';
import { chainEntries } from '../../lambdas/authority/audit-chain.ts';
import { auditChain } from '../../lambdas/aws/audit-chain.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { auditItem } from '../../lambdas/aws/items.ts';
import { localCredentials, region } from '../../local/account.ts';
import { auditEntries } from '../support/audit-entries.ts';
import { putChained } from '../support/chained-tenant.ts';
import { download } from '../support/distribution.ts';
import { answerLost, awsError, notPerformed, s3Error } from '../support/faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { isInstalled, openssl, runWithFiles } from '../support/openssl.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { openSeeding, type Seeding } from '../support/risk-events.ts';

// What the clock's function writes to the bucket, and that it writes it once, whatever happens.

let runtime: FaultyRuntime;
let registry: RegistryView;
let seeding: Seeding;
let s3: S3Client;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  registry = openRegistry(runtime);
  seeding = openSeeding(runtime.dynamodbEndpoint);
  s3 = new S3Client({ endpoint: runtime.s3Endpoint, region, credentials: localCredentials, forcePathStyle: true });
});
afterEach(() => runtime.calm());
afterAll(async () => {
  registry.close();
  seeding.close();
  s3.destroy();
  await runtime.stop();
});

const exportTrail = () => runtime.runSchedule('export-audit-trail');

/** Chains the entries and writes them. The other way round the stream's consumer would chain them too, in an order of its own. */
async function chained(entries: readonly AuditEntry[]): Promise<void> {
  const chain = auditChain({ client: dynamodb(), tableName: runtime.tableNames.registry });
  for (let start = 0; start < entries.length; start += 100) {
    const outcomes = await chainEntries({ chain }, entries.slice(start, start + 100));
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
  }
  await seeding.putAll(runtime.tableNames.registry, entries.map(auditItem));
}

async function keysOf(tenantId: string): Promise<string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: runtime.bucketNames.audit, Prefix: `audit/${tenantId}/` }));
  return Contents.map(({ Key = '' }) => Key.slice(`audit/${tenantId}/`.length));
}

async function read(tenantId: string, name: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: runtime.bucketNames.audit, Key: `audit/${tenantId}/${name}` }));
  return (await Body?.transformToString()) ?? '';
}

const linesOf = async (tenantId: string, name: string) => (await read(tenantId, name)).trimEnd().split('\n').map((line) => JSON.parse(line) as { sequence: number; hash: string; entry: { id: string } });
const contents = async (tenantId: string) => Promise.all((await keysOf(tenantId)).map(async (name) => [name, await read(tenantId, name)]));
const objectCalls = (tenantId: string) => runtime.s3.calls.filter(({ input }) => String(input['Key']).startsWith(`audit/${tenantId}/`)).map(({ operation, input }) => `${operation} ${String(input['Key']).slice(`audit/${tenantId}/`.length)}`);

test('a chain is exported with its entries, and a signed head that openssl verifies', async () => {
  const tenantId = randomUUID();
  const entries = auditEntries(tenantId, 3);
  await chained(entries);
  await exportTrail();
  expect(await keysOf(tenantId)).toEqual(['000000000001-000000000003.jsonl', '000000000003.head.json']);
  const links = await registry.partition(`CHAIN#${tenantId}`);
  expect(await linesOf(tenantId, '000000000001-000000000003.jsonl')).toEqual(entries.map((entry, index) => ({
    sequence: index + 1, previous_hash: links[index]?.['previousHash'], entry_hash: links[index]?.['entryHash'], hash: links[index]?.['hash'],
    entry: {
      id: entry.id, tenant_id: tenantId, event_type: 'message.signed', actor_type: 'api_key', actor_id: entry.actor.id, description: entry.description,
      affected_id: entry.affectedId, metadata: entry.metadata, created_at: entry.createdAt,
    },
  })));

  const head = JSON.parse(await read(tenantId, '000000000003.head.json')) as { statement: Record<string, unknown>; signature: string; certificate_pem: string };
  expect(head).toEqual({
    statement: { tenant_id: tenantId, sequence: 3, hash: links[2]?.['hash'], signed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) },
    signature: expect.any(String), algorithm: 'RSASSA_PKCS1_V1_5_SHA_256', certificate_pem: expect.stringContaining('BEGIN CERTIFICATE'),
  });
  const { hash, sequence, signed_at, tenant_id } = head.statement;
  const { stdout: publicKey } = openssl(['x509', '-in', 'attestation.pem', '-noout', '-pubkey'], { 'attestation.pem': head.certificate_pem });
  const verified = (statement: object) => openssl(['dgst', '-sha256', '-verify', 'key.pem', '-signature', 'head.sig', 'statement.json'], {
    'key.pem': publicKey, 'head.sig': Buffer.from(head.signature, 'base64'), 'statement.json': JSON.stringify(statement),
  }).stdout.trim();
  expect(verified({ hash, sequence, signed_at, tenant_id })).toBe('Verified OK');
  expect(verified({ hash, sequence: 2, signed_at, tenant_id })).toBe('Verification failure');
  expect(await registry.get(`EXPORT#${tenantId}`, 'SIGNED#000000000003')).toMatchObject({ hash, signedAt: signed_at, signature: new Uint8Array(Buffer.from(head.signature, 'base64')) });
});

test('what is new is exported behind it, and where nothing is new, nothing is written', async () => {
  const tenantId = randomUUID();
  await chained(auditEntries(tenantId, 2));
  await exportTrail();
  const first = await contents(tenantId);
  runtime.calm();
  await exportTrail();
  expect(objectCalls(tenantId)).toEqual([]);
  expect(runtime.kms.calls).toEqual([]);
  expect(runtime.dynamodb.calls.map(({ operation }) => operation).filter((operation) => !/^(GetItem|Query)$/.test(operation))).toEqual([]);
  expect(await contents(tenantId)).toEqual(first);

  await chained(auditEntries(tenantId, 5).slice(2));
  await exportTrail();
  const second = await contents(tenantId);
  expect(second.map(([name]) => name)).toEqual(['000000000001-000000000002.jsonl', '000000000002.head.json', '000000000003-000000000005.jsonl', '000000000005.head.json']);
  expect(second.slice(0, 2)).toEqual(first);
});

test('a long chain is exported in objects of 1,000 links', async () => {
  const tenantId = randomUUID();
  const entries = auditEntries(tenantId, 2100);
  await putChained(runtime, entries);
  await exportTrail();
  const names = await keysOf(tenantId);
  expect(names).toEqual(['000000000001-000000001000.jsonl', '000000001001-000000002000.jsonl', '000000002001-000000002100.jsonl', '000000002100.head.json']);
  const lines = (await Promise.all(names.slice(0, 3).map((name) => linesOf(tenantId, name)))).flat();
  expect(lines.map(({ sequence, entry }) => [sequence, entry.id])).toEqual(entries.map(({ id }, index) => [index + 1, id]));
}, 120_000);

describe('after a crash', () => {
  const isObject = (extension: string) => ({ operation: 'PutObject', where: ({ Key }: Record<string, unknown>) => String(Key).endsWith(extension) });
  // Each point of an export at which it may end, before and behind the request there.
  const points = [
    ['its goal', 'dynamodb', { operation: 'UpdateItem' }, 1],
    ['its links', 'dynamodb', { operation: 'Query' }, 2],
    ['its entries', 'dynamodb', { operation: 'BatchGetItem' }, 1],
    ['its object', 's3', isObject('.jsonl'), 1],
    ['its signature', 'kms', { operation: 'Sign' }, 1],
    ['its signed head', 'dynamodb', { operation: 'UpdateItem' }, 2],
    ['its signed head’s object', 's3', isObject('.head.json'), 1],
    ['its end', 'dynamodb', { operation: 'UpdateItem' }, 3],
  ] as const;

  test.each(points.flatMap(([what, ...point]) => [[`before ${what}`, notPerformed, ...point] as const, [`behind ${what}`, answerLost, ...point] as const]))('%s', async (_, fault, service, pattern, first) => {
    const tenantId = randomUUID();
    await chained(auditEntries(tenantId, 3));
    await exportTrail();
    await chained(auditEntries(tenantId, 8).slice(3, 6));
    // Nobody else's, but for KMS, which is told no tenant: and nobody else has anything to sign.
    const injection = runtime[service].inject({ ...pattern, ...(service !== 'kms' && { concerning: tenantId }) }, fault, { first });
    await expect(exportTrail()).rejects.toThrow(`The audit trail of tenant ${tenantId} was not exported: `);
    expect(injection.hits).toBeGreaterThan(0);
    runtime.calm();
    // More is chained before it is taken up; the export that was begun is ended as it was begun.
    await chained(auditEntries(tenantId, 8).slice(6));
    await exportTrail();
    await exportTrail();
    const names = await keysOf(tenantId);
    const lines = (await Promise.all(names.filter((name) => name.endsWith('.jsonl')).map((name) => linesOf(tenantId, name)))).flat();
    expect(lines.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(names.at(-1)).toBe('000000000008.head.json');
    expect((await registry.get(`EXPORT#${tenantId}`, 'PROGRESS'))?.['done']).toEqual({ sequence: 8, hash: lines.at(-1)?.hash });
  });

  test('two at once write the same', async () => {
    const tenantId = randomUUID();
    await chained(auditEntries(tenantId, 30));
    await Promise.all([exportTrail(), exportTrail(), exportTrail()]);
    await exportTrail();
    expect(await keysOf(tenantId)).toEqual(['000000000001-000000000030.jsonl', '000000000030.head.json']);
  });
});

describe('a chain that does not hold', () => {
  const breakings: [string, (tenantId: string, entries: readonly AuditEntry[]) => Promise<void>, RegExp][] = [
    ['an entry was altered', (_, [, entry]) => registry.set(auditItem(entry as AuditEntry)['pk'] as string, auditItem(entry as AuditEntry)['sk'] as string, 'description', 'Nothing'), /at number 2\. The entry [0-9a-f-]{36} of .* was altered/],
    ['an entry was removed', (_, [, , entry]) => registry.remove(auditItem(entry as AuditEntry)['pk'] as string, auditItem(entry as AuditEntry)['sk'] as string), /at number 3\. The entry .* was removed/],
    ['a link was removed', (tenantId) => registry.remove(`CHAIN#${tenantId}`, '000000000002'), /at number 2\. The link is missing/],
    ['the last link was removed', (tenantId) => registry.remove(`CHAIN#${tenantId}`, '000000000003'), /head, number 3, is not that of its last link/],
    ['a link was altered', (tenantId) => registry.set(`CHAIN#${tenantId}`, '000000000001', 'entryHash', '0'.repeat(64)), /at number 1\. The link was altered/],
    ['the head was altered', (tenantId) => registry.set(`CHAIN#${tenantId}`, 'HEAD', 'hash', '0'.repeat(64)), /head, number 3, is not that of its last link/],
  ];

  test.each(breakings)('%s: it is neither exported nor signed, all others are, and the function fails', async (_, breakIt, message) => {
    const [broken, well] = [randomUUID(), randomUUID()];
    const entries = auditEntries(broken, 3);
    await chained([...entries]);
    await chained(auditEntries(well, 3));
    const before = [...await registry.partition(`CHAIN#${broken}`), ...await Promise.all(entries.map((entry) => registry.get(auditItem(entry)['pk'] as string, auditItem(entry)['sk'] as string)))];
    await breakIt(broken, entries);
    try {
      await expect(exportTrail()).rejects.toThrow(message);
      await expect(exportTrail()).rejects.toThrow(`The audit trail of tenant ${broken} was not exported`);
      expect(await keysOf(broken)).toEqual([]);
      expect(await keysOf(well)).toHaveLength(2);
    } finally {
      for (const item of before) await registry.put(item as Record<string, unknown>);
    }
    await exportTrail();
    expect(await keysOf(broken)).toHaveLength(2);
  });

  test('whose tail was cut off behind an export', async () => {
    const tenantId = randomUUID();
    await chained(auditEntries(tenantId, 2));
    const head = await registry.get(`CHAIN#${tenantId}`, 'HEAD');
    await chained(auditEntries(tenantId, 4).slice(2));
    await exportTrail();
    const after = await registry.get(`CHAIN#${tenantId}`, 'HEAD');
    await registry.put(head as Record<string, unknown>);
    await expect(exportTrail()).rejects.toThrow(`The audit trail of tenant ${tenantId} was not exported: the chain ends at number 2, and went to 4 before.`);
    await registry.put(after as Record<string, unknown>);
    await exportTrail();
  });

  test('another object under an export’s name stays, and stops it', async () => {
    const tenantId = randomUUID();
    await chained(auditEntries(tenantId, 2));
    await s3.send(new PutObjectCommand({ Bucket: runtime.bucketNames.audit, Key: `audit/${tenantId}/000000000001-000000000002.jsonl`, Body: 'something else\n' }));
    await expect(exportTrail()).rejects.toThrow('the bucket kakunin-audit has another object audit/');
    expect(await keysOf(tenantId)).toHaveLength(1);
  });
});

test('a bucket that takes nothing is told by name, and everything is exported once it does', async () => {
  const tenantId = randomUUID();
  await chained(auditEntries(tenantId, 2));
  runtime.s3.inject({ operation: 'PutObject', concerning: tenantId }, s3Error('AccessDenied', 403));
  await expect(exportTrail()).rejects.toThrow(`The audit trail of tenant ${tenantId} was not exported: `);
  runtime.calm();
  runtime.kms.inject({ operation: 'Sign' }, awsError('ThrottlingException'), { times: 1 });
  await exportTrail().catch(() => undefined);
  expect(await keysOf(tenantId)).toHaveLength(2);
});

(isInstalled('python3') ? test : test.skip)('an export is verified by the program and the commands of docs/audit-trail.md, and an altered one is not', async () => {
  const tenantId = randomUUID();
  await chained(auditEntries(tenantId, 4));
  await exportTrail().catch(() => undefined);
  await chained(auditEntries(tenantId, 7).slice(4));
  await exportTrail().catch(() => undefined);
  const page = readFileSync(new URL('../../docs/audit-trail.md', import.meta.url), 'utf8');
  const [, program = ''] = /```python\n([^`]*)```/.exec(page) ?? [];
  const [, commands = ''] = /```sh\n(python3 verify-export[^`]*)```/.exec(page) ?? [];
  const objects = Object.fromEntries(await contents(tenantId)) as Record<string, string>;
  const certificates = { 'root.cer': await download(`${runtime.distributionUrl}/ca/root.cer`), 'issuing.cer': await download(`${runtime.distributionUrl}/ca/issuing.cer`) };
  const verify = (exported: Record<string, string>, name = tenantId) => runWithFiles('bash', ['-euo', 'pipefail', '-c', `mkdir -p audit/${name} && mv 0* audit/${name}/\n${commands.replace('<tenant id>', name)}`], { ...exported, ...certificates, 'verify-export.py': program });
  const { status, stdout } = verify(objects);
  expect(stdout).toMatch(/^7 links hold, signed up to 7 at \d{4}-.*\nattestation.pem: OK\nX509v3 Extended Key Usage: .*\n +1\.3\.6\.1\.5\.5\.7\.3\.36\nVerified OK\n$/);
  expect(status).toBe(0);

  const altered = (name: string, from: string | RegExp, to: string) => verify({ ...objects, [name]: (objects[name] ?? '').replace(from, to) });
  expect(altered('000000000005-000000000007.jsonl', 'agent „5“', 'agent „8“')).toMatchObject({ status: 1, stderr: '000000000005-000000000007.jsonl: link 6 does not hold\n' });
  expect(altered('000000000001-000000000004.jsonl', /^[^\n]*\n/, '').stderr).toBe('000000000001-000000000004.jsonl: link 1 does not hold\n');
  // The same entry, which is hashed as before, but others may read the first of the two.
  expect(altered('000000000001-000000000004.jsonl', '{"entry":{', '{"entry":{},"entry":{').stderr).toBe('000000000001-000000000004.jsonl: link 1 does not hold\n');
  expect(verify(objects, randomUUID()).stderr).toBe('000000000001-000000000004.jsonl: link 1 does not hold\n');
  expect(altered('000000000007.head.json', /"tenant_id": "[^"]*"/, `"tenant_id": "${randomUUID()}"`).stderr).toBe('000000000007.head.json: it was signed for another chain\n');
  expect(altered('000000000007.head.json', /"signed_at": "2/, '"signed_at": "3').stdout).toMatch(/Verification failure\n$/);
});
