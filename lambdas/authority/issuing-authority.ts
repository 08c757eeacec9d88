import { Refusal } from './errors.ts';
import type { Authority, Registry } from './ports.ts';

/**
 * Reads the issuing authority once and keeps it for the life of the process: it is minted once and never changes. That
 * there is none yet is not kept, so the first request after minting succeeds.
 * @returns a function that rejects with CA_NOT_INITIALISED where none has been minted.
 */
export function rememberedIssuingAuthority(registry: Pick<Registry, 'getAuthority'>): () => Promise<Authority> {
  let remembered: Authority | undefined;
  return async () => {
    remembered ??= await registry.getAuthority('issuing');
    if (remembered === undefined) {
      throw new Refusal('CA_NOT_INITIALISED', 'The certificate authority has not been set up yet. Try again when the deployment has finished.');
    }
    return remembered;
  };
}
