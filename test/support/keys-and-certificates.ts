import type { Aftermath } from './faults-aftermath.ts';

export interface KeysAndCertificates {
  /** The id of each agent's active certificate. */
  readonly active: ReadonlyMap<string, string>;
  /** How many keys are enabled that no certificate has, but that a lease names, so that the next issuance or the reconciler finds them. */
  readonly noted: number;
  /** What must never be, in sentences. */
  readonly faults: readonly string[];
}

/** Compares what the registry and KMS have: certificates without a usable key, keys that nobody has, agents with two certificates. */
export async function compareKeysAndCertificates(aftermath: Aftermath): Promise<KeysAndCertificates> {
  const [items, keys] = await Promise.all([aftermath.registry(), aftermath.agentKeys()]);
  const agents = new Map(items.filter(({ sk }) => sk === 'AGENT').map((item) => [String(item['pk']).slice('AGENT#'.length), item]));
  const certificates = items.filter(({ sk, status }) => sk === 'CERT' && status === 'active');
  const enabled = new Set(keys.filter(({ state }) => state === 'Enabled').map(({ arn }) => arn));
  const active = new Map<string, string>();
  const faults: string[] = [];

  for (const certificate of certificates) {
    const [id, agentId] = [String(certificate['pk']).slice('CERT#'.length), String(certificate['agentId'])];
    if (active.has(agentId)) faults.push(`Agent ${agentId} has two active certificates.`);
    active.set(agentId, id);
    if (agents.get(agentId)?.['activeCertificate']?.id !== id) faults.push(`Certificate ${id} is active, and its agent does not point to it.`);
    if (!enabled.has(String(certificate['keyArn']))) faults.push(`Certificate ${id} is active, and its key cannot be used.`);
  }
  const owned = new Set(certificates.map(({ keyArn }) => String(keyArn)));
  const nobodys = keys.filter(({ arn }) => enabled.has(arn) && !owned.has(arn));
  const noted = nobodys.filter(({ arn, agentId }) => agents.get(agentId)?.['lease']?.keyArn === arn);
  for (const { arn } of nobodys.filter((key) => !noted.includes(key))) faults.push(`Key ${arn} is enabled, and neither a certificate nor a lease has it.`);
  return { active, noted: noted.length, faults };
}
