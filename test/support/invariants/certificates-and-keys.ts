import { createHash, X509Certificate } from 'node:crypto';
import { verifyRsaSha256Digest } from '../../../lambdas/pki/digest-signature.ts';
import { openAftermath } from '../faults-aftermath.ts';
import { activeCertificates, grouped, type Item, type Service, type World } from './world.ts';

/** At most one active certificate an agent, the one that its agent points to; none of an agent that may have none. */
export function violationsOfUniqueness(world: World): string[] {
  const active = grouped(activeCertificates(world), ({ agentId }) => agentId as string);
  return [...world.agents.values()].flatMap(({ id, status, activeCertificate }) => {
    const ids = (active.get(id) ?? []).map((certificate) => certificate['id'] as string);
    const pointer = activeCertificate !== undefined && activeCertificate.expiresAt > world.now ? [activeCertificate.id as string] : [];
    const agent = `Agent ${id}, ${status},`;
    return [
      ...(ids.length > 1 ? [`${agent} has ${ids.length} active certificates: ${ids.join(', ')}.`] : []),
      ...(ids.length === 1 && ids[0] !== pointer[0] ? [`${agent} points to ${pointer[0] ?? 'no certificate'}, and its active one is ${ids[0]}.`] : []),
      ...(ids.length === 0 && pointer.length > 0 ? [`${agent} points to ${pointer[0]}, which is not active.`] : []),
      ...((status === 'active') !== (activeCertificate !== undefined) ? [`${agent} ${activeCertificate === undefined ? 'points to no certificate' : `points to ${activeCertificate.id}`}.`] : []),
    ];
  });
}

/** The key of each active certificate is there, usable, the certificate's, and no other's. */
export async function violationsOfUsableKeys(service: Service, world: World): Promise<string[]> {
  const aftermath = openAftermath(service);
  const digest = createHash('sha256').update('anything').digest();
  const owners = grouped(world.certificates.values(), ({ keyArn }) => keyArn as string);
  try {
    const checked = activeCertificates(world).map(async ({ id, agentId, keyArn, certificatePem }) => {
      const others = (owners.get(keyArn) ?? []).filter((other) => other['id'] !== id);
      const shared = others.map((other) => `Certificates ${id} and ${other['id']} of agent ${agentId} have the same key.`);
      try {
        const signature = await aftermath.sign(keyArn, digest);
        const spki = new X509Certificate(certificatePem).publicKey.export({ type: 'spki', format: 'der' });
        return verifyRsaSha256Digest(spki, digest, signature) ? shared : [...shared, `Certificate ${id} of agent ${agentId} is active, and its key signs what it does not verify.`];
      } catch (error) {
        return [...shared, `Certificate ${id} of agent ${agentId} is active, and its key cannot be used: ${String(error)}`];
      }
    });
    return (await Promise.all(checked)).flat();
  } finally {
    aftermath.close();
  }
}

/** Where a key stands that an agent was once given. */
export type Whereabouts = 'in use' | 'pending deletion' | 'noted on a lease' | 'in the outbox' | 'for the reconciler to find';

export function whereaboutsOf({ certificates, agents, outbox, effects, now }: World, { arn, agentId, certificateId, state }: { arn: string; agentId: string; certificateId: string; state: string }): Whereabouts {
  if (state === 'PendingDeletion') return 'pending deletion';
  const certificate = certificates.get(certificateId);
  if (certificate?.['keyArn'] === arn) {
    if (certificate['status'] === 'active' && (certificate['expiresAt'] > now || certificate['expiryNotedAt'] === undefined)) return 'in use';
    return outbox.has(certificateId) && !effects.has(`${certificateId} KEY-DELETION`) ? 'in the outbox' : 'for the reconciler to find';
  }
  const lease = agents.get(agentId)?.['lease'] as Item | undefined;
  return lease?.['keyArn'] === arn || lease?.['id'] === certificateId ? 'noted on a lease' : 'for the reconciler to find';
}

/** No key is lost: each is in use or on its way out, or something says so of it, or its tags lead the reconciler to it. */
export function violationsOfKeys(world: World, allowed: readonly Whereabouts[]): string[] {
  return [...world.keys.values()].flatMap((key) => {
    const whereabouts = whereaboutsOf(world, key);
    if (!allowed.includes(whereabouts)) return [`The key ${key.arn} of agent ${key.agentId} is ${whereabouts}.`];
    return world.agents.has(key.agentId) ? [] : [`The key ${key.arn} is tagged as that of agent ${key.agentId}, which there is not.`];
  });
}

/** What has ended is in the outbox and, where it was revoked, among the entries that CRLs are made of. */
export function violationsOfEnds({ certificates, outbox, crlEntries }: World): string[] {
  return [...certificates.values()].flatMap(({ id, agentId, status, expiryNotedAt }) => {
    const cause = status === 'revoked' ? 'revoked' : expiryNotedAt !== undefined ? 'expired' : undefined;
    return [
      ...(outbox.get(id)?.['cause'] === cause ? [] : [`Certificate ${id} of agent ${agentId} is ${cause ?? 'active'}, and the outbox says ${outbox.get(id)?.['cause'] ?? 'nothing'}.`]),
      ...(crlEntries.has(id) === (cause === 'revoked') ? [] : [`Certificate ${id} of agent ${agentId} is ${cause ?? 'active'}, and there is ${crlEntries.has(id) ? 'an' : 'no'} entry for CRLs.`]),
    ];
  });
}

/** What follows from a change has followed: once nothing is under way any more. */
export function violationsOfEffects(world: World): string[] {
  const { certificates, effects, keys } = world;
  return [...certificates.values()].flatMap(({ id, agentId, status, keyArn, expiryNotedAt }) => {
    const isRevoked = status === 'revoked';
    if (!isRevoked && expiryNotedAt === undefined) return [];
    return [
      // Gone, where its days are over.
      ...(keys.get(keyArn) === undefined || keys.get(keyArn)?.state === 'PendingDeletion' ? [] : [`Certificate ${id} of agent ${agentId} has ended, and its key is ${keys.get(keyArn)?.state}.`]),
      ...(effects.has(`${id} KEY-DELETION`) ? [] : [`Certificate ${id} of agent ${agentId} has ended, and it is not noted that its key is to be deleted.`]),
      ...(isRevoked && !effects.has(`${id} CRL`) ? [`Certificate ${id} of agent ${agentId} is revoked, and it is not noted on which CRL.`] : []),
    ];
  });
}

/** No agent goes on with a certificate under which it was found to be a risk. */
export function violationsOfRisk({ agents, riskRecords, now }: World, threshold: number): string[] {
  return riskRecords.flatMap(({ agent_id, record_id, score, observed_at }) => {
    const { activeCertificate } = agents.get(agent_id) ?? {};
    if (!(Number(score) >= threshold) || activeCertificate === undefined || activeCertificate.expiresAt <= now) return [];
    const observedAt = (observed_at ?? String(record_id).split('#')[0]) as string;
    // What claims to be of the future counts as observed when it was written, which it does not say.
    if (observedAt > now) return [];
    return (activeCertificate.activeSince ?? activeCertificate.issuedAt) <= observedAt ? [`Agent ${agent_id} has a risk record of ${score} from ${observedAt}, and goes on with certificate ${activeCertificate.id}.`] : [];
  });
}
