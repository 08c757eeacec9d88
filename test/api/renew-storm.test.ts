import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { crlsOf } from '../support/published-crl.ts';
import type { Reply } from '../support/runtime.ts';

// A hundred renewals and revocations at once, watched from the first to the last, and what they leave behind.

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- items are read attribute by attribute
type Item = Record<string, any>;

let runtime: FaultyRuntime;
/** Agents that are only renewed, and agents that are revoked and certified again as well. */
let renewedOnly: string[];
let mixed: string[];
/** What the watcher has seen that must never be. */
const violations: string[] = [];
let looks = 0;
const replies: { readonly did: 'renew' | 'revoke' | 'certify'; readonly reply: Reply }[] = [];
let registry: Item[];

beforeAll(async () => {
  process.env['KEY_RETIREMENTS_PER_SECOND'] = '500';
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  const certified = () => Promise.all([1, 2, 3].map(async () => {
    const agentId = await runtime.newAgent();
    await runtime.certify(agentId);
    return agentId;
  }));
  [renewedOnly, mixed] = [await certified(), await certified()];

  let over = false;
  const watching = (async () => {
    while (!over) look(await runtime.aftermath.snapshot());
  })();
  await Promise.all(Array.from({ length: 100 }, (_, worker) => act(worker)));
  over = true;
  await watching;
  await runtime.idle();
  registry = await runtime.aftermath.snapshot();
}, 120_000);
afterAll(() => runtime.stop());

/** Each worker asks for what is a renewal or a revocation of the certificate that is active when it looks. */
async function act(worker: number): Promise<void> {
  const agents = worker % 2 === 0 ? renewedOnly : mixed;
  const agentId = agents[Math.floor(worker / 2) % agents.length] ?? '';
  const revokes = agents === mixed && worker % 5 === 0;
  for (let round = 0; round < 3; round++) {
    const { activeCertificate } = await runtime.aftermath.agent(agentId);
    if (activeCertificate === undefined) replies.push({ did: 'certify', reply: await runtime.certify(agentId) });
    else if (revokes) replies.push({ did: 'revoke', reply: await runtime.call('POST', `/certificates/${activeCertificate.id}/revoke`, { body: { reason: 'storm' } }) });
    else replies.push({ did: 'renew', reply: await runtime.call('POST', `/certificates/${activeCertificate.id}/renew`) });
  }
}

const isCertificate = ({ sk }: Item) => sk === 'CERT';

function look(items: Item[]): void {
  looks += 1;
  for (const agentId of [...renewedOnly, ...mixed]) {
    const active = items.filter((item) => isCertificate(item) && item['agentId'] === agentId && item['status'] === 'active').map(({ id }) => id as string);
    const { status, activeCertificate } = items.find(({ pk }) => pk === `AGENT#${agentId}`) ?? {};
    const pointsTo = activeCertificate === undefined ? [] : [activeCertificate.id];
    if (active.length > 1 || active.join() !== pointsTo.join() || (status === 'active') !== (active.length === 1)) violations.push(`${agentId} is ${status}, points to ${pointsTo.join()} and has ${active.join()}`);
    if (renewedOnly.includes(agentId) && active.length !== 1) violations.push(`${agentId} has no active certificate`);
  }
}

const certificatesOf = (agentId: string) => registry.filter((item) => isCertificate(item) && item['agentId'] === agentId);
const auditOf = (affectedId: string) => registry.filter((item) => String(item['pk']).startsWith('AUDIT#') && item['affectedId'] === affectedId).sort((a, b) => (a['sk'] < b['sk'] ? -1 : 1));
const answered = (did: string, status: number) => replies.filter((made) => made.did === did && made.reply.status === status);

test('at every instant there was at most one active certificate an agent, and never none where there were only renewals', () => {
  expect(violations).toEqual([]);
  expect(looks).toBeGreaterThan(20);
});

test('every request was answered with what it did, or why it did not', () => {
  const refusals = replies.filter(({ reply: { status } }) => status >= 400).map(({ reply: { status, body } }) => `${status} ${body.code}`);
  expect(['409 ISSUANCE_IN_PROGRESS', '409 ACTIVE_CERTIFICATE_EXISTS', '409 CERTIFICATE_ALREADY_REVOKED', '409 ISSUANCE_INTERRUPTED']).toEqual(expect.arrayContaining([...new Set(refusals)]));
  for (const did of ['renew', 'revoke', 'certify']) expect([did, replies.filter((made) => made.did === did).length > 5]).toEqual([did, true]);
  const certificates = registry.filter(isCertificate);
  expect(certificates.filter(({ reasonCode }) => reasonCode === 'superseded')).toHaveLength(answered('renew', 201).length);
  expect(certificates.filter(({ revocationReason }) => revocationReason === 'storm')).toHaveLength(answered('revoke', 200).length);
  // One of each agent was there before.
  expect(certificates).toHaveLength(renewedOnly.length + mixed.length + answered('renew', 201).length + answered('certify', 201).length);
  expect(answered('renew', 201).length).toBeGreaterThan(5);
});

describe('afterwards', () => {
  test('each certificate has what its life entails, and nothing twice', async () => {
    for (const agentId of [...renewedOnly, ...mixed]) {
      for (const { id, status, expiresAt, crlShard, reasonCode } of certificatesOf(agentId)) {
        const revoked = status === 'revoked';
        expect(auditOf(id).map(({ eventType, metadata }) => [eventType, metadata.reason_code])).toEqual([['certificate.issued', undefined], ...(revoked ? [['certificate.revoked', reasonCode]] : [])]);
        const has = (pk: string, sk: string) => registry.some((item) => item['pk'] === pk && item['sk'] === sk);
        expect([id, has(`EXPIRY#${crlShard}`, `${expiresAt}#${id}`), has(`REVOKED#${crlShard}`, `${expiresAt}#${id}`), has(`OUTBOX#${id}`, 'OUTBOX'), has(`EFFECT#${id}`, 'KEY-DELETION'), has(`EFFECT#${id}`, 'CRL')])
          .toEqual([id, true, revoked, revoked, revoked, revoked]);
      }
    }
  });

  test('one certificate follows the other: a renewed one without a gap, and none before the last had ended', () => {
    for (const agentId of [...renewedOnly, ...mixed]) {
      const lives = certificatesOf(agentId).map(({ id, revokedAt, reasonCode }) => ({ issuedAt: auditOf(id)[0]?.['createdAt'] as string, revokedAt: revokedAt as string | undefined, reasonCode: reasonCode as string | undefined }))
        .sort((a, b) => (a.issuedAt < b.issuedAt ? -1 : 1));
      for (const [index, { revokedAt = '', reasonCode }] of lives.slice(0, -1).entries()) {
        const next = lives[index + 1]?.issuedAt ?? '';
        expect([agentId, index, reasonCode === 'superseded' ? revokedAt === next : revokedAt <= next]).toEqual([agentId, index, true]);
      }
      // An agent that is suspended in the end has none that is active; of one that was only renewed, all but the last were superseded.
      if (renewedOnly.includes(agentId)) expect(lives.map(({ reasonCode }) => reasonCode)).toEqual([...lives.slice(0, -1).map(() => 'superseded'), undefined]);
    }
  });

  test('every key but those of active certificates is on its way out, and no lease is left', async () => {
    for (const agentId of [...renewedOnly, ...mixed]) {
      const active = certificatesOf(agentId).filter(({ status }) => status === 'active').map(({ keyArn }) => keyArn as string);
      const usable = (await runtime.aftermath.agentKeys(agentId)).filter(({ state }) => state !== 'PendingDeletion').map(({ arn }) => arn);
      expect([usable, (await runtime.aftermath.agent(agentId))['lease']]).toEqual([active, undefined]);
    }
  });

  test('the CRLs have the revoked ones and no other', async () => {
    const certificates = registry.filter(isCertificate);
    const { complete } = await crlsOf(runtime.distributionUrl, certificates[0]?.['id']);
    const serials = certificates.filter(({ status }) => status === 'revoked').map(({ id }) => String(id).replaceAll('-', '').toUpperCase());
    expect([...complete.entries.keys()].sort()).toEqual(serials.sort());
  });
});
