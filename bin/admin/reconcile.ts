import { randomUUID } from 'node:crypto';
import type { AbandonedKey } from '../../lambdas/authority/certificate-end.ts';
import { listIssuingAuthorities } from '../../lambdas/authority/issuing-generations.ts';
import type { Finding } from '../../lambdas/authority/judge-key.ts';
import { paceOf } from '../../lambdas/authority/pace.ts';
import { reconcile, type ReconcilerServices } from '../../lambdas/authority/reconcile.ts';
import { sideBySide } from '../../lambdas/authority/side-by-side.ts';
import { effects } from '../../lambdas/aws/effects.ts';
import { expiries } from '../../lambdas/aws/expiries.ts';
import { keyInventory } from '../../lambdas/aws/key-inventory.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import { replayEnd } from '../../lambdas/aws/replay.ts';
import { severeRisks } from '../../lambdas/aws/severe-risks.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { UsageError } from './failures.ts';
import { renderTable } from './table.ts';

const kmsRequestsPerSecond = 100;

/** Looks at all keys, and all that their agents are said to have done, whatever the hourly function has come to, and mends what it finds or, in a dry run, says so. */
export async function reconcileNow(services: Services, _operand: string, options: CommandOptions): Promise<Outcome> {
  const dryRun = options['dry-run'] === true;
  const findings: Finding[] = [];
  const failures: string[] = [];
  const { keys } = await reconcile(await reconcilerServices(services, options), {
    dryRun,
    signal: new AbortController().signal,
    onFinding: (finding) => void findings.push(finding),
    onFailure: (error) => void failures.push(error instanceof Error ? error.message : String(error)),
  });
  const looked = `Looked at ${keys} ${keys === 1 ? 'key' : 'keys'} of agents.`;
  return {
    json: { dry_run: dryRun, keys, findings: findings.map(resourceOf), failures },
    lines: findings.length === 0
      ? [`${looked} ${failures.length === 0 ? 'Everything is as it should be.' : 'Nothing else was found.'}`]
      : [...renderTable(findings.map((finding) => [finding.kind, ...wordsOf(finding)]), { header: ['FOUND', 'ABOUT', 'WHICH MEANS'] }), '',
        `${looked} ${dryRun ? 'Nothing was changed: the same without --dry-run has it done.' : 'It was handed to the functions whose work it is.'}`],
    ...(failures.length > 0 && { undone: `${failures.length} could not be reconciled: ${[...new Set(failures)].join(' ')}` }),
  };
}

async function reconcilerServices({ registry, tables, deadLetterQueues: queues, environment }: Services, options: CommandOptions): Promise<ReconcilerServices> {
  const pace = paceOf(kmsRequestsPerSecond);
  const always = new AbortController().signal;
  const deployment = options.deployment ?? (environment['DEPLOYMENT'] || 'kakunin');
  return {
    registry,
    keys: keyInventory(kms(), { deployment, turn: () => pace.turn(always) }),
    effects: effects(tables.registry),
    risks: severeRisks(tables.risk),
    threshold: numberFrom(environment, 'RISK_THRESHOLD', 0.85),
    expiries: expiries(tables.registry),
    crlShardCount: numberFrom(environment, 'CRL_SHARDS', 16),
    issuingGenerations: (await listIssuingAuthorities(registry)).map(({ generation }) => generation),
    // Nothing of the hourly function's progress is read or changed.
    progress: { get: () => Promise.resolve({}), put: () => Promise.resolve() },
    sendKeys: (keys: readonly AbandonedKey[]) => sideBySide(keys, 1, (key) => queues.send('retire-keys', key, key.tenantId)),
    replayEnd: (certificateId, replayedAt) => replayEnd(tables.registry, certificateId, replayedAt),
    clock: () => new Date(),
    newId: () => randomUUID(),
  };
}

function numberFrom(environment: Services['environment'], name: string, otherwise: number): number {
  const value = Number(environment[name] || otherwise);
  if (!(value > 0)) throw new UsageError(`${name} is "${environment[name]}": give it a number above 0.`);
  return value;
}

/** What is found, and what it means that it is there. */
function wordsOf(finding: Finding): [string, string] {
  switch (finding.kind) {
    case 'abandoned-key':
      return [finding.key.arn, `no certificate has this key of agent ${finding.key.agentId}`];
    case 'dead-lease':
      return [finding.key.arn, `an issuance to agent ${finding.key.agentId} left it behind`];
    case 'missing-effect':
      return [`certificate ${finding.certificateId}`, `it has ended, without ${finding.missing.map((effect) => effectWords[effect]).join(' and ')}`];
    case 'unanswered-risk':
      return [`certificate ${finding.certificateId}`, `it is active in spite of risk record ${finding.risk.recordId}, score ${finding.risk.score}`];
    case 'overdue-expiry':
      return [`certificate ${finding.certificate.id}`, `that it expired at ${finding.certificate.expiresAt} is not noted`];
  }
}

const effectWords = { 'KEY-DELETION': 'its key’s deletion', CRL: 'its place on a CRL' } as const;

function resourceOf(finding: Finding): object {
  const { kind } = finding;
  switch (kind) {
    case 'abandoned-key': case 'dead-lease': {
      const { arn, certificateId, agentId, tenantId } = finding.key;
      return { kind, key_arn: arn, agent_id: agentId, tenant_id: tenantId, certificate_id: certificateId, created_at: finding.createdAt };
    }
    case 'missing-effect':
      return { kind, certificate_id: finding.certificateId, agent_id: finding.agentId, missing: finding.missing };
    case 'unanswered-risk':
      return { kind, certificate_id: finding.certificateId, agent_id: finding.risk.agentId, record_id: finding.risk.recordId, score: finding.risk.score, observed_at: finding.risk.observedAt };
    case 'overdue-expiry':
      return { kind, certificate_id: finding.certificate.id, agent_id: finding.certificate.agentId, expires_at: finding.certificate.expiresAt };
  }
}
