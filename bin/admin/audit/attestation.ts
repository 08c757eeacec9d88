import { createPublicKey, type KeyObject } from 'node:crypto';
import { listIssuingAuthorities } from '../../../lambdas/authority/issuing-generations.ts';
import type { Authority, AuthorityRole, Registry } from '../../../lambdas/authority/ports.ts';
import { headStatement, type SignedHead } from '../../../lambdas/authority/chain-link.ts';
import { canonicalJson } from '../../../lambdas/pki/canonical-json.ts';
import { certificateToPem, describeCertificate, pemToDer } from '../../../lambdas/pki/certificate.ts';
import { verifyCertificateSignature, verifyRsaSha256 } from '../../../lambdas/pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../../../lambdas/pki/tbs-certificate.ts';
import { NotDone } from '../failures.ts';

/** What signatures are held against. */
export interface Attestation {
  /** Of the root certificate, SHA-256: whoever has it from elsewhere can tell whether this is it. */
  readonly rootFingerprint: string;
  /** What is wrong with the signature of a head, or with the certificate it came with; undefined where nothing is. */
  problemOf(head: SignedHead): string | undefined;
}

/**
 * The attestation authority, with its certificate verified up to the root's.
 * @throws NotDone where there is none, or its certificates do not hold together.
 */
export async function readAttestation(registry: Pick<Registry, 'getAuthority'>): Promise<Attestation> {
  const [attestation, root] = await Promise.all((['attestation', 'root'] as const).map(async (role) => derOf(await registry.getAuthority(role), role))) as [Uint8Array, Uint8Array];
  const issuing = (await listIssuingAuthorities(registry)).map(({ certificatePem }) => pemToDer(certificatePem));
  const [key, rootKey, ...issuingKeys] = [attestation, root, ...issuing].map(subjectPublicKeyInfoOf) as [Uint8Array, Uint8Array, ...Uint8Array[]];
  const isChain = [root, ...issuing].every((der) => verifyCertificateSignature(der, rootKey)) && isSignedByOne(attestation, issuingKeys);
  if (!isChain) {
    throw new NotDone('The certificates of the authority in the registry do not verify with one another, so nothing it signed can be judged: compare them with those of the distribution, ca/root.cer, ca/issuing.cer and ca/attestation.cer.');
  }
  const publicKey = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' });
  const certificates = new Map<string, string | undefined>();
  const certificateProblem = (pem: string) => {
    if (!certificates.has(pem)) certificates.set(pem, problemOfCertificate(pem, { key, issuingKeys }));
    return certificates.get(pem);
  };
  return {
    rootFingerprint: describeCertificate(root).fingerprintSha256,
    problemOf: (head) => certificateProblem(head.certificatePem) ?? (isSigned(head, publicKey) ? undefined : 'It is not signed by the attestation authority'),
  };
}

function derOf(authority: Authority | undefined, role: AuthorityRole): Uint8Array {
  if (authority === undefined) throw new NotDone(`The registry has no certificate of the ${role} authority: deploy it first, or name another table with --table.`);
  return pemToDer(authority.certificatePem);
}

/** The attestation authority is certified by the generation of the issuing CA that issues at the time. */
const isSignedByOne = (der: Uint8Array, issuingKeys: readonly Uint8Array[]) => issuingKeys.some((issuingKey) => verifyCertificateSignature(der, issuingKey));

function isSigned(head: SignedHead, publicKey: KeyObject): boolean {
  try {
    return verifyRsaSha256(publicKey, canonicalJson(headStatement(head)), head.signature);
  } catch {
    return false;
  }
}

function problemOfCertificate(pem: string, { key, issuingKeys }: { key: Uint8Array; issuingKeys: readonly Uint8Array[] }): string | undefined {
  try {
    const der = pemToDer(pem);
    if (!Buffer.from(subjectPublicKeyInfoOf(der)).equals(key)) return 'Its certificate is of another key than the attestation authority’s';
    if (certificateToPem(der) === pem && isSignedByOne(der, issuingKeys)) return undefined;
  } catch {
    // What cannot be read is no certificate.
  }
  return 'Its certificate is not one that the issuing authority signed';
}
