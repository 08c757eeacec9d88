import type { ObservedRisk } from './auto-revoke.ts';
import type { EndingCertificate } from './certificate-end.ts';
import { statusAt, type Certificate } from './certificate.ts';
import type { Effects, Registry } from './ports.ts';
import type { AgentKey, KeyInventory, SevereRisks } from './reconciler-ports.ts';

/** Something that is not as it should be, and what is known of it. */
export type Finding =
  /** A key that no certificate has. With a lease, which nobody can issue under any more, that still holds it. */
  | { readonly kind: 'abandoned-key' | 'dead-lease'; readonly key: AgentKey; readonly createdAt: string; readonly leaseId?: string }
  | { readonly kind: 'missing-effect'; readonly certificateId: string; readonly agentId: string; readonly missing: readonly ('KEY-DELETION' | 'CRL')[] }
  | { readonly kind: 'unanswered-risk'; readonly certificateId: string; readonly risk: ObservedRisk }
  | { readonly kind: 'overdue-expiry'; readonly certificate: EndingCertificate };

export interface JudgementServices {
  readonly registry: Pick<Registry, 'getAgent' | 'getCertificate'>;
  readonly keys: Pick<KeyInventory, 'describeKey'>;
  readonly effects: Pick<Effects, 'listEffects'>;
  readonly risks: SevereRisks;
  /** A score of exactly this revokes. */
  readonly threshold: number;
}

/** Far longer than a lease lives and a Lambda runs: whoever created a key by then has committed, or never will. */
const issuanceGraceMilliseconds = 3_600_000;

/** What follows from a change is given this long to follow; a queue that is longer than that is only given the same once more. */
const effectGraceMilliseconds = 15 * 60_000;

/**
 * What is wrong with a key, its certificate or its agent; undefined where nothing is. Nothing is changed.
 * @param recordsFrom only risk records with an id not less than this are looked at, as others were before; all without it.
 * @throws Error where the registry knows no agent that the key could be of.
 */
export async function judgeKey(services: JudgementServices, key: AgentKey, now: string, recordsFrom = ''): Promise<Finding | undefined> {
  const certificate = await services.registry.getCertificate(key.certificateId);
  // A CreateKey that was repeated makes two keys for one certificate, and one of them has none.
  if (certificate?.keyArn !== key.arn) return judgeUnowned(services, key, now);
  return statusAt(certificate, now) === 'active' ? judgeActive(services, certificate, now, recordsFrom) : judgeEnded(services, certificate, now);
}

async function judgeUnowned({ registry, keys }: JudgementServices, key: AgentKey, now: string): Promise<Finding | undefined> {
  const description = await keys.describeKey(key.arn);
  if (description === undefined || description.createdAt > before(now, issuanceGraceMilliseconds)) return undefined;
  const agent = await registry.getAgent(key.agentId);
  // Agents are never deleted, so this is the wrong registry, or one that was restored: nobody's key may go for that.
  if (agent === undefined) throw new Error(`The key ${key.arn} is tagged as that of agent ${key.agentId}, which the registry does not have: it is left alone.`);
  const { activeCertificate, lease } = agent;
  const isLeased = lease !== undefined && (lease.keyArn === key.arn || lease.id === key.certificateId);
  if (activeCertificate?.keyArn === key.arn || (isLeased && lease.expiresAt > now)) return undefined;
  const { createdAt, isPendingDeletion } = description;
  if (isLeased) return { kind: 'dead-lease', key, createdAt, leaseId: lease.id };
  return isPendingDeletion ? undefined : { kind: 'abandoned-key', key, createdAt };
}

async function judgeEnded({ effects }: JudgementServices, { id, agentId, status, revokedAt, expiryNotedAt }: Certificate, now: string): Promise<Finding | undefined> {
  const isRevoked = status === 'revoked';
  const handedOverAt = isRevoked ? revokedAt : expiryNotedAt;
  if (handedOverAt === undefined || handedOverAt > before(now, effectGraceMilliseconds)) return undefined;
  const done = await effects.listEffects(id);
  const missing = (['KEY-DELETION', ...(isRevoked ? ['CRL' as const] : [])] as const).filter((effect) => !done.has(effect));
  return missing.length === 0 ? undefined : { kind: 'missing-effect', certificateId: id, agentId, missing };
}

async function judgeActive({ registry, risks, threshold }: JudgementServices, { id, agentId }: Certificate, now: string, recordsFrom: string): Promise<Finding | undefined> {
  const agent = await registry.getAgent(agentId);
  const active = agent?.activeCertificate;
  if (agent === undefined || active?.id !== id) return undefined;
  const since = active.activeSince ?? active.issuedAt;
  const range = { recordsFrom: recordsFrom > since ? recordsFrom : since, since, until: before(now, effectGraceMilliseconds) };
  const risk = await risks.find(agent, threshold, range);
  return risk && { kind: 'unanswered-risk', certificateId: id, risk };
}

export const before = (time: string, milliseconds: number) => new Date(Date.parse(time) - milliseconds).toISOString();
