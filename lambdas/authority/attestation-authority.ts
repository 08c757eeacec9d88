import { createHash } from 'node:crypto';
import { buildAttestationCertificate, lintAttestationCertificate } from '../pki/attestation-certificate.ts';
import { pemToDer } from '../pki/pem.ts';
import { verifyRsaSha256 } from '../pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import { authorityNotInitialised } from './errors.ts';
import type { Authority, KeyManagement, Registry } from './ports.ts';
import { renewServiceCertificate, type ServiceCertificatePlan, type ServiceCertificateServices } from './service-certificate.ts';

/*
 * The attestation authority signs what the service itself states, such as that it halted an agent. Its key is its own:
 * who may sign a receipt with it can sign no certificate, and no CRL.
 */

export interface AttestationPlan extends ServiceCertificatePlan {
  /** The attestation authority's own key, an RSA_2048. */
  readonly attestationKeyArn: string;
}

/**
 * Makes sure that the attestation authority has a certificate for the plan's key, of two years, with more than half of
 * them left. Whatever the key signed under the one before verifies with this one, for the key is the same.
 * @throws as renewServiceCertificate does
 */
export async function renewAttestationAuthority(services: ServiceCertificateServices, plan: AttestationPlan): Promise<{ attestation: Authority; renewed: boolean }> {
  const { authority: attestation, renewed } = await renewServiceCertificate(services, plan, {
    role: 'attestation',
    name: 'Attestation Signer',
    keyArn: plan.attestationKeyArn,
    build: buildAttestationCertificate,
    lint: lintAttestationCertificate,
  });
  return { attestation, renewed };
}

export interface AttestationServices {
  readonly registry: Pick<Registry, 'getAuthority'>;
  readonly keys: Pick<KeyManagement, 'signDigest'>;
}

/**
 * Signs a statement with the attestation authority's key, RSASSA-PKCS1-v1_5 with SHA-256: the same statement has the same
 * signature, however often it is signed. Two round trips.
 * @returns the signature, which verifies with the authority's certificate.
 * @throws Refusal CA_NOT_INITIALISED where there is no such authority yet, KMS_…, REGISTRY_UNAVAILABLE; Error where the
 *   signature does not verify.
 */
export async function attest({ registry, keys }: AttestationServices, statement: Uint8Array): Promise<Uint8Array> {
  const authority = await registry.getAuthority('attestation');
  if (authority === undefined) throw authorityNotInitialised();
  const signature = await keys.signDigest(authority.keyArn, createHash('sha256').update(statement).digest());
  if (!verifyRsaSha256(subjectPublicKeyInfoOf(pemToDer(authority.certificatePem)), statement, signature)) {
    throw new Error(`The signature that KMS made with ${authority.keyArn} does not verify with the attestation authority’s certificate.`);
  }
  return signature;
}
