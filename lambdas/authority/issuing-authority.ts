import { authorityNotInitialised } from './errors.ts';
import type { Authority, Registry } from './ports.ts';

/**
 * Reads the issuing authority once and keeps it for the life of the process: it is minted once and never changes. A
 * failure is not kept, so the first request after the minting succeeds.
 * @returns a function that rejects with CA_NOT_INITIALISED where none has been minted.
 */
export function rememberedIssuingAuthority(registry: Pick<Registry, 'getAuthority'>): () => Promise<Authority> {
  let remembered: Promise<Authority> | undefined;
  return () => {
    remembered ??= readIssuingAuthority(registry).catch((error: unknown) => {
      remembered = undefined;
      throw error;
    });
    return remembered;
  };
}

async function readIssuingAuthority(registry: Pick<Registry, 'getAuthority'>): Promise<Authority> {
  const authority = await registry.getAuthority('issuing');
  if (authority === undefined) throw authorityNotInitialised();
  return authority;
}
