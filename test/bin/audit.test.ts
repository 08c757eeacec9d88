import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { entryHashOf, nextLink, type ChainLink } from '../../lambdas/authority/chain-link.ts';
import { chainHeadItem, chainLinkItem, chainMarkItem } from '../../lambdas/aws/chain-items.ts';
import { auditItem } from '../../lambdas/aws/items.ts';
import { localCredentials, region } from '../../local/account.ts';
import { certifiedAgent, revoke } from '../support/agents.ts';
import { auditEntries, auditEntry } from '../support/audit-entries.ts';
import { chainedTenant, linksOf, putChained, type ChainedTenant } from '../support/chained-tenant.ts';
import { keyPool } from '../support/key-pool.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { admin, adminJson } from './admin-program.ts';

// npm run admin -- audit verify: what was tampered with is named.

let runtime: TestRuntime;
let registry: RegistryView;
let s3: S3Client;

beforeAll(async () => {
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
  registry = openRegistry(runtime);
  s3 = new S3Client({ endpoint: runtime.s3Endpoint, region, credentials: localCredentials, forcePathStyle: true });
});
afterAll(async () => {
  registry.close();
  s3.destroy();
  await runtime.stop();
});

const number = (sequence: number) => String(sequence).padStart(12, '0');
const exportTrail = () => runtime.runSchedule('export-audit-trail');

interface Report {
  readonly findings: { where: string; problem: string }[];
  readonly finding_count: number;
}

/** What the command finds about the tenant, each as `where: problem`; its exit status says whether it found something. */
async function findings(tenantId: string, ...options: string[]): Promise<string[]> {
  const { status, out } = await admin('audit', 'verify', '--tenant', tenantId, '--json', ...options);
  const { tenants: [report] } = JSON.parse(out) as { tenants: [Report] };
  expect(status).toBe(report.finding_count === 0 ? 0 : 1);
  return report.findings.map(({ where, problem }) => `${where}: ${problem}`);
}

describe('a trail that was left alone', () => {
  test('holds: what the service wrote, chained and exported by itself', async () => {
    const { certificate } = await certifiedAgent(runtime.call);
    await revoke(runtime.call, certificate.id);
    await runtime.idle();
    await exportTrail();
    const [{ id = '', name = '' } = {}] = runtime.tenants;
    const { status, out, error } = await admin('audit', 'verify', '--export');
    expect({ status, error }).toEqual({ status: 0, error: '' });
    expect(out).toMatch(new RegExp(`^TENANT +ENTRIES +LINKS +UNCHAINED +SIGNED TO +EXPORTED TO +AUDIT TRAIL +NAME\n(.*\n)*${id} +4 +4 +0 +4 +4 {2}holds +${name}\n`));
    expect(out).toMatch(/\nSignatures were held against the root certificate with the SHA-256 fingerprint [0-9a-f]{64}\.\n$/);
    const { tenants } = await adminJson('audit', 'verify', '--tenant', name);
    expect(tenants).toEqual([{ tenant_id: id, name, links: 4, entries: 4, unchained: 0, signed_through: 4, exported_through: 4, findings: [], finding_count: 0 }]);
  });

  test('holds before it is exported, and where there is nothing in it', async () => {
    expect(await findings((await chainedTenant(runtime, 3)).id, '--export')).toEqual([]);
    expect(await findings((await chainedTenant(runtime, 0)).id, '--export')).toEqual([]);
  });

  test('holds over several pages and objects, and with an export under way', async () => {
    const tenant = await chainedTenant(runtime, 1100);
    await exportTrail();
    expect(await findings(tenant.id, '--export')).toEqual([]);
    await putChained(runtime, auditEntries(tenant.id, 1105).slice(1100), tenant.links);
    expect(await findings(tenant.id, '--export')).toEqual([]);
  }, 90_000);

  test('that was replayed holds', async () => {
    const { id, entries: [entry] } = await chainedTenant(runtime, 2);
    const { pk, sk } = auditItem(entry as never);
    await registry.set(pk as string, sk as string, 'replayedAt', new Date().toISOString());
    expect(await findings(id)).toEqual([]);
  });

  test('an entry that was written just now is on its way; one that is old is in no chain', async () => {
    const { id } = await chainedTenant(runtime, 2);
    // Put into a partition that the stream's consumer finds chained elsewhere: it leaves it alone.
    const [fresh, old] = [auditEntry(id, 0, { createdAt: new Date().toISOString() }), auditEntry(id, 1)];
    await runtime.idle();
    await registry.put(auditItem(fresh));
    await registry.put(auditItem(old));
    await runtime.idle();
    for (const { id: entryId } of [fresh, old]) {
      const mark = await registry.get(`CHAINED#${entryId}`, 'CHAINED');
      if (mark !== undefined) await registry.remove(`CHAINED#${entryId}`, 'CHAINED');
    }
    expect((await findings(id)).filter((finding) => finding.startsWith('entry'))).toEqual([`entry ${old.id}: It is in no chain, and was written at ${old.createdAt}`]);
  });
});

describe('what was tampered with is named', () => {
  const entryKeyOf = ({ entries }: ChainedTenant, sequence: number) => auditItem(entries[sequence - 1] as never) as { pk: string; sk: string };
  const entryOf = ({ entries }: ChainedTenant, sequence: number) => `The entry ${entries[sequence - 1]?.id} of ${entries[sequence - 1]?.createdAt}`;
  const setLink = (tenant: ChainedTenant, sequence: number, name: string, value: unknown) => registry.set(`CHAIN#${tenant.id}`, number(sequence), name, value);
  const setEntry = (tenant: ChainedTenant, sequence: number, name: string, value: unknown) => registry.set(entryKeyOf(tenant, sequence).pk, entryKeyOf(tenant, sequence).sk, name, value);

  const tenants: ChainedTenant[] = [];

  beforeAll(async () => {
    for (let count = tamperings.length + objects.length; count > 0; count--) tenants.push(await chainedTenant(runtime, 4));
    await exportTrail();
  }, 90_000);

  /** A tenant of its own with six links, of which four are exported and signed. */
  async function tenantOfSix(): Promise<ChainedTenant> {
    const tenant = tenants.pop() as ChainedTenant;
    const entries = auditEntries(tenant.id, 6).slice(4);
    return { ...tenant, entries: [...tenant.entries, ...entries], links: [...tenant.links, ...(await putChained(runtime, entries, tenant.links))] };
  }

  /** Writes the chain anew from one entry on, which is another one now, as somebody would who may write to the table and knows how. */
  async function rewrite(tenant: ChainedTenant, sequence: number): Promise<void> {
    await setEntry(tenant, sequence, 'description', 'Nothing happened');
    const entries = tenant.entries.map((entry, index) => (index === sequence - 1 ? { ...entry, description: 'Nothing happened' } : entry));
    const links = linksOf(entries);
    for (const link of links) await registry.put(chainLinkItem(link));
    await registry.put(chainHeadItem(tenant.id, links.at(-1) as ChainLink));
  }

  async function cutOff(tenant: ChainedTenant, behind: number): Promise<void> {
    for (const { sequence, entryId } of tenant.links.slice(behind)) {
      await registry.remove(`CHAIN#${tenant.id}`, number(sequence));
      await registry.remove(`CHAINED#${entryId}`, 'CHAINED');
      await registry.remove(entryKeyOf(tenant, sequence).pk, entryKeyOf(tenant, sequence).sk);
    }
    const last = tenant.links[behind - 1];
    if (last === undefined) await registry.remove(`CHAIN#${tenant.id}`, 'HEAD');
    else await registry.put(chainHeadItem(tenant.id, last));
  }

  const tamperings: [string, (tenant: ChainedTenant) => Promise<unknown>, (tenant: ChainedTenant) => string[]][] = [
    ['an entry was altered', (t) => setEntry(t, 2, 'description', 'Nothing'), (t) => [`link 2: ${entryOf(t, 2)} was altered: its hash is not the one that was chained`]],
    ['what an entry says of who did it was altered', (t) => setEntry(t, 6, 'actor', { type: 'system', id: 'x' }), (t) => [`link 6: ${entryOf(t, 6)} was altered: its hash is not the one that was chained`]],
    ['an entry was removed', (t) => registry.remove(entryKeyOf(t, 3).pk, entryKeyOf(t, 3).sk), (t) => [`link 3: ${entryOf(t, 3)} was removed, or its key was altered`]],
    ['an entry was hidden from the list of its agent', (t) => setEntry(t, 1, 'agentCollection', 'elsewhere'), (t) => [`entry ${t.entries[0]?.id}: It is not as it was written at ${t.entries[0]?.createdAt}: attributes of it were altered, added or removed`]],
    ['a link was altered', (t) => setLink(t, 2, 'entryHash', '0'.repeat(64)), () => ['link 2: The link was altered: its hash is not that of what it says']],
    ['a link’s hash was altered', (t) => setLink(t, 3, 'hash', '0'.repeat(64)), () => ['link 3: The link was altered: its hash is not that of what it says']],
    ['a link was removed', (t) => registry.remove(`CHAIN#${t.id}`, number(2)), (t) => ['link 2: The link is missing', `entry ${t.entries[1]?.id}: It is marked as chained, and the chain has no link of it at that place`]],
    ['two links were removed', async (t) => { await registry.remove(`CHAIN#${t.id}`, number(5)); await registry.remove(`CHAIN#${t.id}`, number(6)); }, (t) => [
      'link 5: The links from here to the head, number 6, are missing', ...t.entries.slice(4).map(({ id }) => `entry ${id}: It is marked as chained, and the chain has no link of it at that place`),
    ]],
    ['two links were exchanged', async (t) => {
      await registry.put({ ...chainLinkItem(t.links[1] as ChainLink), sk: number(3) });
      await registry.put({ ...chainLinkItem(t.links[2] as ChainLink), sk: number(2) });
    }, (t) => [
      'link 2: The link was altered: its hash is not that of what it says', 'link 3: The link was altered: its hash is not that of what it says',
      ...t.entries.slice(1, 3).map(({ id }) => `entry ${id}: It is marked as chained, and the chain has no link of it at that place`),
    ]],
    ['a link was replaced by another that fits', async (t) => {
      const other = auditEntry(t.id, 5);
      const link = nextLink(t.links[4] as ChainLink, other, entryHashOf(other));
      await registry.put(chainLinkItem({ ...link, sequence: 6 }));
    }, (t) => [expect.stringMatching(/^link 6: The entry .* was removed/) as unknown as string, 'head: The head’s hash is not that of link 6: one of the two was altered', `entry ${t.entries[5]?.id}: It is marked as chained, and the chain has no link of it at that place`]],
    ['the head was altered', (t) => registry.set(`CHAIN#${t.id}`, 'HEAD', 'hash', '0'.repeat(64)), () => ['head: The head’s hash is not that of link 6: one of the two was altered']],
    ['the head was put back', (t) => registry.put(chainHeadItem(t.id, t.links[4] as ChainLink)), () => ['head: The head is number 5, and there is a link 6: the head was put back']],
    ['the head was put forward', (t) => registry.set(`CHAIN#${t.id}`, 'HEAD', 'sequence', 9), () => ['link 7: The links from here to the head, number 9, are missing']],
    ['the head was removed', (t) => registry.remove(`CHAIN#${t.id}`, 'HEAD'), () => ['head: The head is missing, and there are 6 links']],
    ['a mark was removed', (t) => registry.remove(`CHAINED#${t.entries[3]?.id}`, 'CHAINED'), (t) => [`link 4: The mark of its entry ${t.entries[3]?.id}, that it is chained, was removed`, `entry ${t.entries[3]?.id}: It is in no chain, and was written at ${t.entries[3]?.createdAt}`]],
    ['an entry was put in, with a mark', async (t) => {
      const entry = auditEntry(t.id, 3, { id: '11111111-1111-4111-8111-111111111111' });
      await registry.put(chainMarkItem({ ...(t.links[3] as ChainLink), entryId: entry.id }));
      await registry.put(auditItem(entry));
    }, () => ['entry 11111111-1111-4111-8111-111111111111: It is marked as chained, and the chain has no link of it at that place']],
    ['everything from an entry on was written anew, behind what is signed', (t) => rewrite(t, 2), () => [
      expect.stringMatching(/^signed head 4: The hash that was signed at .* is not that of link 4: what goes before was altered since$/) as unknown as string,
      ...['export’s progress', 'export’s goal'].map((where) => `${where}: It was noted as number 4 with another hash than link 4 has: one of the two was altered`),
    ]],
    ['the tail was cut off, with all that belongs to it', (t) => cutOff(t, 3), () => [
      expect.stringMatching(/^signed head 4: The chain ends at number 3, and went to 4 when that was signed at .*: its tail was cut off$/) as unknown as string,
      ...['export’s progress', 'export’s goal'].map((where) => `${where}: It was noted as number 4, which the chain does not have: its tail was cut off`),
    ]],
    ['everything was removed', (t) => cutOff(t, 0), () => [
      expect.stringMatching(/^signed head 4: The chain ends at number 0/) as unknown as string,
      ...['export’s progress', 'export’s goal'].map((where) => `${where}: It was noted as number 4, which the chain does not have: its tail was cut off`),
    ]],
    ['a signature was altered', (t) => registry.set(`EXPORT#${t.id}`, `SIGNED#${number(4)}`, 'signature', new Uint8Array(256)), () => ['signed head 4: It is not signed by the attestation authority']],
    ['the time of a signature was altered', (t) => registry.set(`EXPORT#${t.id}`, `SIGNED#${number(4)}`, 'signedAt', '2026-01-01T00:00:00.000Z'), () => ['signed head 4: It is not signed by the attestation authority']],
    ['a signed head was removed', (t) => registry.remove(`EXPORT#${t.id}`, `SIGNED#${number(4)}`), () => ['signed head 4: It was removed: the chain was exported that far, and signed']],
    ['a certificate of one’s own', async (t) => {
      const { certificate } = await certifiedAgent(runtime.call);
      await registry.set(`EXPORT#${t.id}`, `SIGNED#${number(4)}`, 'certificatePem', certificate.certificate_pem);
    }, () => ['signed head 4: Its certificate is of another key than the attestation authority’s']],
    ['the export’s progress was altered', (t) => registry.set(`EXPORT#${t.id}`, 'PROGRESS', 'done', { sequence: 3, hash: '0'.repeat(64) }), () => ['export’s progress: It was noted as number 3 with another hash than link 3 has: one of the two was altered']],
  ];

  test.each(tamperings)('%s', async (_, tamper, expected) => {
    const tenant = await tenantOfSix();
    expect(await findings(tenant.id)).toEqual([]);
    await tamper(tenant);
    const found = await findings(tenant.id);
    expect([...found].sort()).toEqual(expect.arrayContaining(expected(tenant)));
    expect(found).toHaveLength(expected(tenant).length);
  });

  const objects: [string, (tenant: ChainedTenant) => Promise<unknown>, (tenant: ChainedTenant) => string[]][] = [
    ['a line was altered', (t) => editObject(t, '000000000001-000000000004.jsonl', (text) => text.replace('agent „1“', 'agent „9“')), (t) => [expect.stringMatching(new RegExp(`jsonl, line 2: The entry ${t.entries[1]?.id} of .* was altered`)) as unknown as string]],
    ['a line was respelled', (t) => editObject(t, '000000000001-000000000004.jsonl', (text) => text.replace('{"entry":', '{ "entry":')), () => [expect.stringMatching(/jsonl, line 1: The line was altered: it is not as it was exported$/) as unknown as string]],
    ['a line was removed', (t) => editObject(t, '000000000001-000000000004.jsonl', (text) => text.split('\n').slice(1).join('\n')), () => [expect.stringContaining('It does not have the 4 lines that its name says') as unknown as string]],
    ['an object was removed', (t) => s3.send(new DeleteObjectCommand({ Bucket: runtime.bucketNames.audit, Key: `audit/${t.id}/000000000001-000000000004.jsonl` })), () => [expect.stringContaining('The objects from number 1 on, which were exported up to 4, are missing') as unknown as string]],
    ['a signed head was removed', (t) => s3.send(new DeleteObjectCommand({ Bucket: runtime.bucketNames.audit, Key: `audit/${t.id}/000000000004.head.json` })), () => [expect.stringContaining('The signed head number 4 is missing') as unknown as string]],
    ['a signed head was altered', (t) => editObject(t, '000000000004.head.json', (text) => text.replace('"sequence": 4', '"sequence": 3')), () => [expect.stringContaining('head.json: It is not signed by the attestation authority') as unknown as string]],
    ['an object was put in', (t) => s3.send(new PutObjectCommand({ Bucket: runtime.bucketNames.audit, Key: `audit/${t.id}/note.txt`, Body: 'x' })), () => [expect.stringContaining('note.txt: No export has an object of this name') as unknown as string]],
    ['the registry was rewritten', (t) => rewrite(t, 2), () => [2, 3, 4].map((line) => expect.stringMatching(new RegExp(`jsonl, line ${line}: Link ${line} was exported with another hash`)) as unknown as string)],
  ];

  async function editObject({ id }: ChainedTenant, name: string, edit: (text: string) => string): Promise<void> {
    const object = { Bucket: runtime.bucketNames.audit, Key: `audit/${id}/${name}` };
    const text = (await (await s3.send(new GetObjectCommand(object))).Body?.transformToString()) ?? '';
    expect(edit(text)).not.toBe(text);
    await s3.send(new PutObjectCommand({ ...object, Body: edit(text) }));
  }

  test.each(objects)('of the export: %s', async (_, tamper, expected) => {
    const tenant = await tenantOfSix();
    expect(await findings(tenant.id, '--export')).toEqual([]);
    await tamper(tenant);
    const before = await findings(tenant.id);
    const found = (await findings(tenant.id, '--export')).filter((finding) => !before.includes(finding));
    expect(found).toEqual(expect.arrayContaining(expected(tenant)));
  });

  test('of a tenant that is gone but for its chain', async () => {
    const id = randomUUID();
    await putChained(runtime, auditEntries(id, 2));
    await setLink({ id } as ChainedTenant, 1, 'entryId', 'x');
    const { status, out, error } = await admin('audit', 'verify');
    expect(status).toBe(1);
    expect(out).toMatch(new RegExp(`^${id} .* findings? +-$`, 'm'));
    expect(out).toMatch(new RegExp(`^Tenant {2}${id}:\n {2}link 1: The link was altered: its hash is not that of what it says\\.$`, 'm'));
    expect(error).toMatch(/^The audit trail of \d+ of \d+ tenants does not hold: see docs\/audit-trail\.md/);
  });
});

test.each([
  [1, 'There is no tenant "nobody"', ['audit', 'verify', '--tenant', 'nobody']],
  [2, '"audit verify" takes nothing but options', ['audit', 'verify', 'acme']],
  [1, 'has no bucket "elsewhere": name it with --audit-bucket or AUDIT_BUCKET', ['audit', 'verify', '--export', '--tenant', 'acme', '--audit-bucket', 'elsewhere']],
])('%i, "%s": %j', async (status, sentence, args) => {
  expect(await admin(...args)).toMatchObject({ status, out: '', error: expect.stringContaining(sentence) });
});
