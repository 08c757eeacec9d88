import { createHash } from 'node:crypto';
import { canonicalJson } from '../pki/canonical-json.ts';

/** What a signature is over: a JSON object, in its canonical form, or whatever it is that has this SHA-256. */
export type SignedContent =
  | { readonly kind: 'payload'; readonly payload: Readonly<Record<string, unknown>> }
  | { readonly kind: 'digest'; readonly digestSha256: Uint8Array };

/** The SHA-256 that is signed and verified: here alone, so that both sides have the same. */
export function digestSha256Of(content: SignedContent): Uint8Array {
  return content.kind === 'digest' ? content.digestSha256 : sha256(canonicalJson(content.payload));
}

export function sha256(data: Uint8Array | string): Uint8Array {
  return createHash('sha256').update(data).digest();
}
