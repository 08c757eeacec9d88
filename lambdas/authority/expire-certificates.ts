import type { Actor, AuditEntry } from './audit.ts';
import { certificateEnd, type EndingCertificate } from './certificate-end.ts';
import { shardNumbers } from './crl-scope.ts';
import type { Expiries } from './ports.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface ExpiryServices {
  readonly expiries: Expiries;
  readonly crlShardCount: number;
  readonly issuingGenerations: readonly number[];
  readonly clock: () => Date;
  readonly newId: () => string;
}

const actor: Actor = { type: 'system', id: 'expire-certificates' };

const shardsAtOnce = 4;
const certificatesAtOnce = 8;

/**
 * Notes the end of certificates that have expired since the last time, so that what it entails follows. They were
 * expired before, for everybody: that is decided by the clock and not by this.
 * @returns how many.
 * @throws Error that says what failed, after everything else is done; the rest is found the next time.
 */
export async function expireCertificates(services: ExpiryServices): Promise<number> {
  const now = services.clock().toISOString();
  const counts = await sideBySide(shardNumbers(services.issuingGenerations, services.crlShardCount), shardsAtOnce, async (crlShard) => {
    const expired = await services.expiries.listExpired(crlShard, now);
    const noted = valuesOf(await sideBySide(expired, certificatesAtOnce, (certificate) => noteExpiry(services, certificate, now)));
    return noted.filter(Boolean).length;
  });
  return valuesOf(counts).reduce((sum, count) => sum + count, 0);
}

/** Notes the end of one certificate that has expired; false where it was revoked or is noted already. */
export async function noteExpiry({ expiries, newId }: Pick<ExpiryServices, 'expiries' | 'newId'>, certificate: EndingCertificate, now: string): Promise<boolean> {
  const { id, agentId, tenantId, expiresAt } = certificate;
  const audit: AuditEntry = {
    id: newId(), tenantId, actor, eventType: 'certificate.expired', description: 'Certificate expired', affectedId: id,
    metadata: { agent_id: agentId, expires_at: expiresAt }, createdAt: now,
  };
  return expiries.noteExpiry(certificate, certificateEnd(certificate, 'expired', expiresAt), audit);
}
