import { autoRevoke } from './auto-revoke.ts';
import type { AbandonedKey } from './certificate-end.ts';
import { shardNumbers } from './crl-scope.ts';
import { noteExpiry } from './expire-certificates.ts';
import { before, judgeKey, type Finding, type JudgementServices } from './judge-key.ts';
import type { Expiries, Registry, SettledSend } from './ports.ts';
import type { KeyInventory, PassProgressNote } from './reconciler-ports.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface ReconcilerServices extends JudgementServices {
  readonly registry: Registry;
  readonly keys: KeyInventory;
  readonly expiries: Expiries;
  readonly crlShardCount: number;
  readonly issuingGenerations: readonly number[];
  readonly progress: PassProgressNote;
  /** Hands over keys that are to be retired. */
  readonly sendKeys: SettledSend<AbandonedKey>;
  /** Has the end of a certificate reported once more to all who see to what follows; false where there is none. */
  readonly replayEnd: (certificateId: string, replayedAt: string) => Promise<boolean>;
  readonly clock: () => Date;
  readonly newId: () => string;
}

export interface Run {
  /** Only says what there is. */
  readonly dryRun?: boolean;
  /** Ends the run, which the next one takes up again. */
  readonly signal: AbortSignal;
  /** Told of each thing that was found, once it is mended. */
  readonly onFinding: (finding: Finding) => void;
  /** Told of what could not be looked at or mended; it is met again in the next pass. */
  readonly onFailure: (error: unknown) => void;
}

export interface Reconciliation {
  /** How many agents' keys were looked at. */
  readonly keys: number;
  /** How many keys the account has, whatever they are for; known where all have been looked at. */
  readonly keysInAccount?: number;
  readonly findings: Readonly<Record<Finding['kind'], number>>;
  readonly failures: number;
  /** Whether all keys have been looked at, in this run and those before it. */
  readonly completed: boolean;
}

type Tally = { -readonly [Name in keyof Reconciliation]: Reconciliation[Name] } & { readonly findings: Record<Finding['kind'], number> };

const shardsAtOnce = 4;
const certificatesAtOnce = 8;
const keysAtOnce = 8;

/** The function whose work it is runs hourly, and may fail once without anybody minding. */
const expiryGraceMilliseconds = 2 * 3_600_000;

/** Records are looked at again for so long, for those that were written later than they were observed. */
const lateRecordMilliseconds = 24 * 3_600_000;

/**
 * Finds what faults have left undone, and has it done by whoever would have done it: keys without a certificate, leases
 * that nobody holds any more, effects of certificates' ends, risks that revoked nothing, and expiries that are not noted.
 *
 * Everything but the last is found from the keys, which KMS lists and tags name: each leads to its certificate, agent and
 * risk records by their keys, so nothing is scanned. A key that is to be deleted is listed until it is gone, after a week
 * at least, so a pass over all keys meets every end of a certificate. Keys are gone through in parts, and how far is noted
 * after each: a run that ends in the middle costs its last part a second look. Every step may be repeated, by two runs at
 * once too.
 * @returns what there was.
 */
export async function reconcile(services: ReconcilerServices, run: Run): Promise<Reconciliation> {
  const findings = { 'abandoned-key': 0, 'dead-lease': 0, 'missing-effect': 0, 'unanswered-risk': 0, 'overdue-expiry': 0 };
  const tally: Tally = { keys: 0, findings, failures: 0, completed: false };
  await reconcileExpiries(services, run, tally);
  try {
    await reconcileKeys(services, run, tally);
  } catch (error) {
    if (!run.signal.aborted) throw error;
  }
  return tally;
}

async function reconcileExpiries(services: ReconcilerServices, run: Run, tally: Tally): Promise<void> {
  const overdueBy = before(services.clock().toISOString(), expiryGraceMilliseconds);
  await settle(run, tally, shardNumbers(services.issuingGenerations, services.crlShardCount), shardsAtOnce, async (crlShard) => {
    const overdue = await services.expiries.listExpired(crlShard, overdueBy);
    await settle(run, tally, overdue, certificatesAtOnce, (certificate) => resolve(services, run, tally, { kind: 'overdue-expiry', certificate }));
  });
}

async function reconcileKeys(services: ReconcilerServices, run: Run, tally: Tally): Promise<void> {
  const { keys, progress, clock } = services;
  const { startedAt = clock().toISOString(), previousStartedAt, marker: reached, keysListed: listedBefore = 0, hasFailed: failedBefore = false } = await progress.get();
  const recordsFrom = previousStartedAt === undefined ? undefined : before(previousStartedAt, lateRecordMilliseconds);
  let marker = reached;
  let keysListed = marker === undefined ? 0 : listedBefore;
  let hasFailed = failedBefore;
  do {
    const part = await keys.listKeys(marker);
    const failures = await settle(run, tally, part.keyArns, keysAtOnce, async (keyArn) => {
      const key = await keys.readAgentKey(keyArn);
      if (key === undefined) return;
      tally.keys += 1;
      const finding = await judgeKey(services, key, clock().toISOString(), recordsFrom);
      if (finding !== undefined) await resolve(services, run, tally, finding);
    });
    if (run.signal.aborted) return;
    marker = part.marker;
    keysListed += part.keyArns.length;
    hasFailed ||= failures > 0;
    if (run.dryRun === true) continue;
    const previous = previousStartedAt !== undefined && { previousStartedAt };
    // A pass in which something failed may have left a risk unanswered: the next one must look as far back as it did.
    await progress.put(marker === undefined
      ? { ...(hasFailed ? previous : { previousStartedAt: startedAt }) }
      : { startedAt, marker, keysListed, ...(hasFailed && { hasFailed }), ...previous });
  } while (marker !== undefined);
  tally.completed = true;
  tally.keysInAccount = keysListed;
}

/**
 * Does the work on each item whatever becomes of the others. What fails because the run is over is no failure.
 * @returns how many failed.
 */
async function settle<Item>({ signal, onFailure }: Run, tally: Tally, items: Iterable<Item>, atOnce: number, work: (item: Item) => Promise<void>): Promise<number> {
  let failures = 0;
  for (const outcome of await sideBySide(items, atOnce, work)) {
    if (outcome.status === 'fulfilled' || signal.aborted) continue;
    failures += 1;
    onFailure(outcome.reason);
  }
  tally.failures += failures;
  return failures;
}

async function resolve(services: ReconcilerServices, { dryRun, onFinding }: Run, tally: Tally, finding: Finding): Promise<void> {
  if (dryRun !== true) await mend(services, finding);
  tally.findings[finding.kind] += 1;
  onFinding(finding);
}

/** Does what the finding calls for. @throws Error where it cannot be done. */
async function mend(services: ReconcilerServices, finding: Finding): Promise<void> {
  const { clock, replayEnd } = services;
  const now = clock().toISOString();
  switch (finding.kind) {
    case 'abandoned-key': case 'dead-lease':
      return retire(services, finding, now);
    case 'missing-effect':
      if (!(await replayEnd(finding.certificateId, now))) throw new Error(`Certificate ${finding.certificateId} has ended, and there is no outbox entry that says so.`);
      return;
    case 'unanswered-risk':
      return void (await autoRevoke(services, finding.risk));
    case 'overdue-expiry':
      return void (await noteExpiry(services, finding.certificate, now));
  }
}

/**
 * Hands the key over. The order matters: only after the lease is forgotten can its issuance no longer be committed, so only
 * then is it known whether a certificate has the key. One that is not handed over after that is found by its tags again.
 */
async function retire({ registry, sendKeys }: ReconcilerServices, { key, leaseId }: Extract<Finding, { readonly key: unknown }>, now: string): Promise<void> {
  const { arn: keyArn, certificateId, agentId, tenantId } = key;
  if (leaseId !== undefined) await registry.forgetDeadLease(agentId, leaseId, now);
  if ((await registry.getCertificate(certificateId))?.keyArn === keyArn) return;
  valuesOf([...await sendKeys([{ cause: 'abandoned', keyArn, certificateId, agentId, tenantId }])]);
}
