import { createHash, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditEntry } from '../../lambdas/authority/audit.ts';
import { chainEntries } from '../../lambdas/authority/audit-chain.ts';
import type { AuditChain } from '../../lambdas/authority/ports.ts';
import { auditChain } from '../../lambdas/aws/audit-chain.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { auditEntries, auditEntry } from '../support/audit-entries.ts';
import { answerLost, awsError, cancelled, notPerformed } from '../support/faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';

// Entries that are chained by several callers at once, more than once, and while things go wrong.

let runtime: FaultyRuntime;
let registry: RegistryView;
let chain: AuditChain;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  registry = openRegistry(runtime);
  chain = auditChain({ client: dynamodb(), tableName: runtime.tableNames.registry });
});
afterEach(() => runtime.calm());
afterAll(async () => {
  registry.close();
  await runtime.stop();
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const sorted = (object: Record<string, unknown>) => JSON.stringify(Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1))));

/** RFC 8785 for an entry, written out: all its values are strings, whose JSON is canonical. */
function hashOfEntry({ id, tenantId, eventType, actor, description, affectedId, metadata, createdAt }: AuditEntry): string {
  const metadataJson = sorted(metadata);
  return sha256(sorted({
    id, tenant_id: tenantId, event_type: eventType, actor_type: actor.type, actor_id: actor.id, description, affected_id: affectedId, metadata: 0, created_at: createdAt,
  }).replace('"metadata":0', () => `"metadata":${metadataJson}`));
}

/** The chain as it lies in the table; every hash is computed anew, every number and mark is checked. */
async function chainOf(tenantId: string, entries: readonly AuditEntry[]): Promise<string[]> {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const items = await registry.partition(`CHAIN#${tenantId}`);
  const head = items.pop();
  let previousHash = '0'.repeat(64);
  for (const [index, { pk, sk, entryId, entryCreatedAt, entryHash, hash, ...rest }] of items.entries()) {
    const sequence = index + 1;
    const entry = byId.get(entryId) as AuditEntry;
    expect({ pk, sk, entryCreatedAt, rest }).toEqual({ pk: `CHAIN#${tenantId}`, sk: String(sequence).padStart(12, '0'), entryCreatedAt: entry.createdAt, rest: { previousHash } });
    expect(entryHash).toBe(hashOfEntry(entry));
    expect(hash).toBe(sha256(sorted({ tenant_id: tenantId, sequence, entry_id: entryId, entry_created_at: entryCreatedAt, entry_hash: entryHash, previous_hash: previousHash })));
    expect(await registry.get(`CHAINED#${entryId}`, 'CHAINED')).toEqual({ pk: `CHAINED#${entryId}`, sk: 'CHAINED', tenantId, sequence });
    previousHash = hash;
  }
  expect(head).toEqual({ pk: `CHAIN#${tenantId}`, sk: 'HEAD', tenantCollection: 'CHAINS', creation: tenantId, tenantId, sequence: items.length, hash: previousHash });
  return items.map(({ entryId }) => entryId as string);
}

const ids = (entries: readonly AuditEntry[]) => entries.map(({ id }) => id);
const statuses = async (outcomes: Promise<PromiseSettledResult<void>[]>) => [...new Set((await outcomes).map(({ status }) => status))];

describe('one caller', () => {
  test('chains entries in the order of their times, whatever the order they came in', async () => {
    const tenantId = randomUUID();
    const entries = auditEntries(tenantId, 5);
    const same = ['b', 'a'].map((first) => auditEntry(tenantId, 5, { id: `${first}${randomUUID().slice(1)}` }));
    expect(await chainEntries({ chain }, [...same, ...entries.toReversed()])).toEqual(Array.from({ length: 7 }, () => ({ status: 'fulfilled', value: undefined })));
    expect(await chainOf(tenantId, [...entries, ...same])).toEqual([...ids(entries), ...ids(same.toReversed())]);
  });

  test('takes one read and a transaction for each 49 entries', async () => {
    const tenantId = randomUUID();
    const entries = auditEntries(tenantId, 100);
    await chainEntries({ chain }, entries);
    expect(runtime.dynamodb.calls.map(({ operation }) => operation)).toEqual(['GetItem', 'TransactWriteItems', 'TransactWriteItems', 'TransactWriteItems']);
    expect(await chainOf(tenantId, entries)).toEqual(ids(entries));
  });

  test('keeps tenants apart', async () => {
    const tenants = [randomUUID(), randomUUID()].map((tenantId) => ({ tenantId, entries: auditEntries(tenantId, 60) }));
    const mixed = tenants.flatMap(({ entries }) => entries).sort((one, other) => (one.id < other.id ? -1 : 1));
    await chainEntries({ chain }, mixed);
    for (const { tenantId, entries } of tenants) expect(await chainOf(tenantId, entries)).toEqual(ids(entries));
  });

  test('nothing to chain is nothing to do', async () => {
    expect(await chainEntries({ chain }, [])).toEqual([]);
    expect(runtime.dynamodb.calls).toEqual([]);
  });
});

describe('what is delivered again', () => {
  test('is chained once, also twice in one batch, and with others that are new', async () => {
    const tenantId = randomUUID();
    const entries = auditEntries(tenantId, 120);
    await chainEntries({ chain }, entries.slice(0, 70));
    expect(await statuses(chainEntries({ chain }, entries.slice(0, 70)))).toEqual(['fulfilled']);
    expect(await statuses(chainEntries({ chain }, [...entries.slice(50), ...entries.slice(50)]))).toEqual(['fulfilled']);
    expect(await chainOf(tenantId, entries)).toEqual(ids(entries));
  });

  test('is found out beforehand', async () => {
    const tenantId = randomUUID();
    const entries = auditEntries(tenantId, 150);
    await chainEntries({ chain }, entries.slice(100));
    expect(await chain.listChained([...ids(entries), ...ids(entries)])).toEqual(new Set(ids(entries.slice(100))));
    expect(await chain.listChained([])).toEqual(new Set());
  });
});

test('eight callers at once, with 500 entries and each of them twice: one chain without a gap', async () => {
  const tenantId = randomUUID();
  const entries = auditEntries(tenantId, 500);
  const callers = Array.from({ length: 8 }, (_, caller) => {
    const own = entries.filter((_entry, index) => index % 8 === caller || index % 8 === (caller + 3) % 8);
    return [own.slice(0, 100), own.slice(100)];
  });
  const outcomes = await Promise.all(callers.map(async (batches) => {
    const results: string[] = [];
    for (const batch of batches) results.push(...(await statuses(chainEntries({ chain }, batch))));
    return results;
  }));
  expect(new Set(outcomes.flat())).toEqual(new Set(['fulfilled']));
  const chained = await chainOf(tenantId, entries);
  expect(chained).toHaveLength(500);
  expect(new Set(chained)).toEqual(new Set(ids(entries)));
});

describe('where things go wrong', () => {
  const write = { operation: 'TransactWriteItems' };

  test.each([
    ['a request that never arrives', notPerformed],
    ['an answer that is lost', answerLost],
    ['another transaction at the same items', cancelled('TransactionConflict', 'None', 'None')],
    ['too many requests', awsError('ProvisionedThroughputExceededException')],
  ])('%s: it is tried again', async (_, fault) => {
    const tenantId = randomUUID();
    const entries = auditEntries(tenantId, 60);
    const injection = runtime.dynamodb.inject(write, fault, { times: 1 });
    expect(await statuses(chainEntries({ chain }, entries))).toEqual(['fulfilled']);
    expect(injection.hits).toBe(1);
    expect(await chainOf(tenantId, entries)).toEqual(ids(entries));
  });

  test.each([['before', notPerformed, 49], ['behind', answerLost, 98]])('the caller breaks down %s the second transaction: what is left over is chained when it is delivered again', async (_, fault, chained) => {
    const tenantId = randomUUID();
    const entries = auditEntries(tenantId, 100);
    runtime.dynamodb.inject(write, fault, { first: 2 });
    const outcomes = await chainEntries({ chain }, entries);
    expect(outcomes.map(({ status }) => status)).toEqual([...Array.from({ length: 49 }, () => 'fulfilled'), ...Array.from({ length: 51 }, () => 'rejected')]);
    runtime.calm();
    expect((await chain.listChained(ids(entries))).size).toBe(chained);
    expect(await statuses(chainEntries({ chain }, entries))).toEqual(['fulfilled']);
    expect(await chainOf(tenantId, entries)).toEqual(ids(entries));
  });

  test('one tenant’s trouble is no other’s', async () => {
    const [broken, well] = [randomUUID(), randomUUID()];
    const entries = [...auditEntries(broken, 3), ...auditEntries(well, 3)];
    runtime.dynamodb.inject({ ...write, concerning: broken }, awsError('InternalServerError'));
    expect((await chainEntries({ chain }, entries)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  });

  test('an entry without a canonical form fails alone', async () => {
    const tenantId = randomUUID();
    const entries = auditEntries(tenantId, 3);
    const poison = auditEntry(tenantId, 1, { description: 'half a pair: \ud800' });
    const outcomes = await chainEntries({ chain }, [poison, ...entries]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(await chainOf(tenantId, entries)).toEqual(ids(entries));
  });

  test('a chain whose head was put back is not continued, and says so', async () => {
    const tenantId = randomUUID();
    await chainEntries({ chain }, auditEntries(tenantId, 2));
    const head = await registry.get(`CHAIN#${tenantId}`, 'HEAD');
    await chainEntries({ chain }, [auditEntry(tenantId, 3)]);
    await registry.put(head as object as Record<string, unknown>);
    const [outcome] = await chainEntries({ chain }, [auditEntry(tenantId, 4)]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining(`The audit chain of tenant ${tenantId} cannot be continued behind its head, number 2`) } });
  });
});
