import { createHash } from 'node:crypto';
import { pemToDer } from '../pki/pem.ts';
import { verifyRsaSha256 } from '../pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import { authorityNotInitialised } from './errors.ts';
import type { KeyManagement, Registry } from './ports.ts';

export interface AttestationServices {
  readonly registry: Pick<Registry, 'getAuthority'>;
  readonly keys: Pick<KeyManagement, 'signDigest'>;
}

export interface Attestation {
  readonly signature: Uint8Array;
  /** Of the authority: with it the signature verifies. */
  readonly certificatePem: string;
}

/**
 * Signs what the service itself states, such as that it halted an agent, with the attestation authority's key. That key is
 * its own: who may sign a receipt with it can sign no certificate, and no CRL. RSASSA-PKCS1-v1_5 with SHA-256: the same
 * statement has the same signature, however often it is signed. Two round trips.
 * @throws Refusal CA_NOT_INITIALISED where there is no such authority yet, KMS_…, REGISTRY_UNAVAILABLE; Error where the
 *   signature does not verify.
 */
export async function attest({ registry, keys }: AttestationServices, statement: Uint8Array): Promise<Attestation> {
  const authority = await registry.getAuthority('attestation');
  if (authority === undefined) throw authorityNotInitialised();
  const signature = await keys.signDigest(authority.keyArn, createHash('sha256').update(statement).digest());
  if (!verifyRsaSha256(subjectPublicKeyInfoOf(pemToDer(authority.certificatePem)), statement, signature)) {
    throw new Error(`The signature that KMS made with ${authority.keyArn} does not verify with the attestation authority’s certificate.`);
  }
  return { signature, certificatePem: authority.certificatePem };
}
