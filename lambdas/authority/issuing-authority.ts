import type { Certificate } from './certificate.ts';
import { authorityNotInitialised, authorityRevoked } from './errors.ts';
import type { Authority, Registry } from './ports.ts';

/** Answers the issuing authority of a generation; rejects with CA_NOT_INITIALISED where none has been minted. */
export type IssuingAuthorities = (generation: number) => Promise<Authority>;

/** They are minted once, and nothing of them changes but that one may be revoked: that is known everywhere after this. */
const rememberedMilliseconds = 60_000;

/** Reads each issuing authority that is asked for, and keeps it for a minute. A failure is not kept. */
export function rememberedIssuingAuthorities({ registry, clock }: { registry: Pick<Registry, 'getAuthority'>; clock: () => Date }): IssuingAuthorities {
  const remembered = new Map<number, { readonly reading: Promise<Authority>; readonly until: number }>();
  return (generation) => {
    const now = clock().getTime();
    const known = remembered.get(generation);
    if (known !== undefined && now < known.until) return known.reading;
    const reading = readIssuingAuthority(registry, generation).catch((error: unknown) => {
      if (remembered.get(generation)?.reading === reading) remembered.delete(generation);
      throw error;
    });
    remembered.set(generation, { reading, until: now + rememberedMilliseconds });
    return reading;
  };
}

async function readIssuingAuthority(registry: Pick<Registry, 'getAuthority'>, generation: number): Promise<Authority> {
  const authority = await registry.getAuthority('issuing', generation);
  if (authority === undefined) throw authorityNotInitialised();
  return authority;
}

/**
 * The authority, to issue with.
 * @throws Refusal CA_REVOKED
 */
export function trustedAuthority(authority: Authority): Authority {
  if (authority.revocation !== undefined) throw authorityRevoked();
  return authority;
}

/**
 * The certificate as its issuer lets it stand: what a CA that is revoked has issued, and was not over by then, is revoked
 * with it (RFC 6960 §2.7 admits that as an answer, RFC 5280 §6.1.3 comes to the same).
 */
export function underIssuer(certificate: Certificate, { revocation }: Authority): Certificate {
  if (revocation === undefined || certificate.status === 'revoked' || certificate.expiresAt <= revocation.revokedAt) return certificate;
  const { revokedAt, reasonCode } = revocation;
  return { ...certificate, status: 'revoked', revokedAt, reasonCode, revocationReason: `The CA that issued it was revoked: ${reasonCode}` };
}
