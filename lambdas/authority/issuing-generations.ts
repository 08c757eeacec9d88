import { shardNumbers } from './crl-scope.ts';
import type { Authority, Expiries, Registry } from './ports.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

/** Every issuing authority there has been, from the first generation on: they are numbered without a gap, and none is ever removed. */
export async function listIssuingAuthorities(registry: Pick<Registry, 'getAuthority'>): Promise<Authority[]> {
  const authorities: Authority[] = [];
  for (let next = await registry.getAuthority('issuing', 1); next !== undefined; next = await registry.getAuthority('issuing', authorities.length + 1)) authorities.push(next);
  return authorities;
}

export interface GenerationServices {
  readonly registry: Pick<Registry, 'getAuthority'>;
  readonly expiries: Pick<Expiries, 'hasUnexpired'>;
  readonly crlShardCount: number;
}

const shardsAtOnce = 8;

/** Whether there are certificates of a generation that have not expired, be they revoked: their CRLs and OCSP answers are owed. */
export async function hasUnexpired({ expiries, crlShardCount }: Omit<GenerationServices, 'registry'>, generation: number): Promise<boolean> {
  return valuesOf(await sideBySide(shardNumbers([generation], crlShardCount), shardsAtOnce, (crlShard) => expiries.hasUnexpired(crlShard))).includes(true);
}

/**
 * Refuses a deployment that leaves a generation out which still serves. One that was revoked serves nobody any more, once the
 * root's CRL says so.
 * @param generations those that the deployment has
 * @param issuedUntilNow the generation that issued before it: a certificate of it may be on its way
 * @throws Error that says which, and what to do
 */
export async function assertNoneServes(services: GenerationServices, generations: readonly number[], issuedUntilNow?: number): Promise<void> {
  for (const { generation, revocation } of await listIssuingAuthorities(services.registry)) {
    if (generations.includes(generation) || revocation?.publishedAt !== undefined) continue;
    const name = `Generation ${generation} of the issuing CA`;
    if (revocation !== undefined) throw new Error(`${name} was revoked, and the root’s CRL does not say so yet: run mint-authority, and then deploy without it.`);
    if (generation === issuedUntilNow) throw new Error(`${name} issues until this deployment: have another one issue first, by putting it before ${generation} in issuingGenerations.`);
    if (await hasUnexpired(services, generation)) {
      throw new Error(`${name} still serves: there are certificates of it that have not expired. Leave ${generation} in issuingGenerations, behind the one that issues, until \`npm run admin -- authority list\` shows none.`);
    }
  }
}
