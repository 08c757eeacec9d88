import { dataOf, isDone, isRefused, type Deed, type DeedKind } from './history.ts';

/* What must be true of the service, whatever became of it in between, because of what it has answered. */

export interface IssuedCertificate {
  readonly id: string;
  readonly serial: string;
  readonly agentId: string;
  readonly keyArn: string;
  readonly pem: string;
  readonly issuedBy: Deed;
}

/**
 * What a certificate must be: `revoked` because that was answered, `revoked soon` because a risk was taken in that its agent is stopped
 * for, `active` because nobody asked for anything else, and `either` where somebody did without being answered.
 */
export type Fate = 'active' | 'revoked' | 'revoked soon' | 'either';

/** Every certificate that a client has been given, each once, however often its request was repeated. */
export function issuedCertificates(deeds: readonly Deed[]): IssuedCertificate[] {
  const certificates = new Map<string, IssuedCertificate>();
  for (const deed of deeds) {
    if ((deed.kind !== 'certify' && deed.kind !== 'renew') || !isDone(deed)) continue;
    const { id, serial_number: serial, agent_id: agentId, kms_key_arn: keyArn, certificate_pem: pem } = dataOf(deed);
    if (!certificates.has(id)) certificates.set(id, { id, serial, agentId, keyArn, pem, issuedBy: deed });
  }
  return [...certificates.values()];
}

const endsAtOnce: readonly DeedKind[] = ['halt', 'suspend', 'retire'];
const endsSoon: readonly DeedKind[] = ['severe event', 'severe score', 'severe record'];
const endsItsOwn: readonly DeedKind[] = ['revoke', 'renew'];

/**
 * @param deedsOfAgent all that concern the certificate's agent
 */
export function fateOf({ id, serial, issuedBy }: IssuedCertificate, deedsOfAgent: readonly Deed[]): Fate {
  const others = deedsOfAgent.filter((deed) => deed !== issuedBy);
  const isAbout = ({ certificateId }: Deed) => certificateId === id;
  // It was there when these began, so they have met it, or it had ended before.
  const later = others.filter((deed) => deed.sentAt > issuedBy.endedAt && isDone(deed));
  const isRevoked = later.some(({ kind }) => endsAtOnce.includes(kind) || kind === 'certify')
    || others.some((deed) => endsItsOwn.includes(deed.kind) && isAbout(deed) && (isDone(deed) || deed.reply?.body.code === 'CERTIFICATE_ALREADY_REVOKED'))
    || others.some((deed) => deed.kind === 'halt' && isDone(deed) && dataOf(deed).certificate_serial === serial);
  if (isRevoked) return 'revoked';
  if (later.some(({ kind }) => endsSoon.includes(kind))) return 'revoked soon';
  // What was over before the certificate was asked for is of no concern to it: a later certificate is untouched by an older risk.
  const mayHaveEnded = others.some((deed) => deed.endedAt > issuedBy.sentAt && !isRefused(deed)
    && (endsAtOnce.includes(deed.kind) || endsSoon.includes(deed.kind) || (endsItsOwn.includes(deed.kind) && isAbout(deed))));
  return mayHaveEnded ? 'either' : 'active';
}

/** The values of `version` that an agent may have: that of the last update, and of those that may have come after it. */
export function possibleVersions(deedsOfAgent: readonly Deed[]): Set<string> {
  const written = deedsOfAgent.filter((deed) => (deed.kind === 'register' && isDone(deed)) || (deed.kind === 'update' && !isRefused(deed)));
  const versionOf = ({ body }: Deed) => (body as { version: string }).version;
  const isOverwritten = (deed: Deed) => written.some((other) => isDone(other) && other.sentAt > deed.endedAt);
  return new Set(written.filter((deed) => !isOverwritten(deed)).map(versionOf));
}

/** By agent. Of those that were registered and answered for, the registration is among them. */
export function deedsByAgent(deeds: readonly Deed[]): Map<string, Deed[]> {
  const byAgent = new Map<string, Deed[]>();
  for (const deed of deeds) {
    const agentId = deed.agentId ?? (deed.kind === 'register' && isDone(deed) ? (dataOf(deed).id as string) : undefined);
    if (agentId === undefined) continue;
    const of = byAgent.get(agentId);
    if (of === undefined) byAgent.set(agentId, [deed]);
    else of.push(deed);
  }
  return byAgent;
}
