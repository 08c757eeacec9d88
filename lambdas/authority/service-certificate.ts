import { certificateToPem, describeCertificate, pemToDer, type RootCertificateRequest, type UnsignedCertificate } from '../pki/certificate.ts';
import type { ProfileSettings } from '../pki/profile.ts';
import { serialNumberFromRandom } from '../pki/serial-number.ts';
import { verifyCertificateSignature } from '../pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import type { Authority, KeyManagement, Registry } from './ports.ts';

export interface ServiceCertificateServices {
  readonly registry: Pick<Registry, 'getAuthority' | 'replaceAuthority'>;
  readonly keys: Pick<KeyManagement, 'getPublicKey' | 'signDigest'>;
  readonly settings: ProfileSettings;
  readonly clock: () => Date;
  readonly random: (byteCount: number) => Uint8Array;
}

/** Whom the issuing CA certifies, beside agents. */
export interface ServiceCertificatePlan {
  readonly organization: string;
  readonly country?: string;
  /** The CA whose key signs the certificate. */
  readonly issuing: Authority;
}

interface Request extends RootCertificateRequest {
  readonly issuerCertificateDer: Uint8Array;
}

/** What one of the service's own certificates is. */
export interface ServiceCertificate {
  readonly role: 'ocsp' | 'attestation';
  /** What it is called, also in sentences: the common name is this after the organisation. */
  readonly name: string;
  readonly keyArn: string;
  readonly build: (request: Request) => UnsignedCertificate;
  /** Refuses what is not as the profile has it. */
  readonly lint: (request: Request & { readonly tbsCertificateDer: Uint8Array }) => string[];
}

/** A client whose clock is slow takes a certificate that has just been renewed all the same. */
const backdatingMilliseconds = 3_600_000;

/**
 * Makes sure that a part of the service has a certificate for its key with more than half of its life left. What is
 * stored is only ever replaced by what was made in knowledge of it, so never by something older: of two renewals at once
 * one wins, and both answer its certificate.
 * @throws Error where the profile refuses the certificate (such as a key of another size) or the signature does not
 *   verify; nothing was stored then. Refusal KMS_…, REGISTRY_UNAVAILABLE.
 */
export async function renewServiceCertificate(services: ServiceCertificateServices, plan: ServiceCertificatePlan, certificate: ServiceCertificate): Promise<{ authority: Authority; renewed: boolean }> {
  const { registry, clock } = services;
  const { role, name, keyArn } = certificate;
  const now = clock();
  const stored = await registry.getAuthority(role);
  if (stored?.keyArn === keyArn && hasMoreThanHalfLeft(stored, now)) return { authority: stored, renewed: false };
  const certificatePem = certificateToPem(await signCertificate(services, plan, certificate, now));
  const authority: Authority = { role, keyArn, certificatePem, createdAt: now.toISOString() };
  if (await registry.replaceAuthority(authority, stored)) return { authority, renewed: true };
  // Another renewal was faster, or this one's own write was repeated after its answer got lost.
  const winner = await registry.getAuthority(role);
  if (winner === undefined) throw new Error(`The ${name}’s certificate could be neither stored nor read; run the renewal again.`);
  return { authority: winner, renewed: winner.certificatePem === certificatePem };
}

function hasMoreThanHalfLeft({ certificatePem }: Authority, now: Date): boolean {
  const { notBefore, notAfter } = describeCertificate(pemToDer(certificatePem));
  return notAfter.getTime() - now.getTime() > (notAfter.getTime() - notBefore.getTime()) / 2;
}

/** Builds the certificate, checks it as a stranger would, has its digest signed, and checks the signature. */
async function signCertificate(
  { keys, settings, random }: ServiceCertificateServices, { organization, country, issuing }: ServiceCertificatePlan, { name, keyArn, build, lint }: ServiceCertificate, now: Date,
): Promise<Uint8Array> {
  const issuerCertificateDer = pemToDer(issuing.certificatePem);
  const issuerStart = describeCertificate(issuerCertificateDer).notBefore.getTime();
  const request: Request = {
    subject: { organization, commonName: `${organization} ${name}`, ...(country !== undefined && { country }) },
    subjectPublicKeyInfoDer: await keys.getPublicKey(keyArn),
    serialNumber: serialNumberFromRandom(random(16)),
    notBefore: new Date(Math.max(now.getTime() - backdatingMilliseconds, issuerStart)),
    issuerCertificateDer,
    settings,
  };
  const unsigned = build(request);
  const findings = lint({ ...request, tbsCertificateDer: unsigned.tbsCertificateDer });
  if (findings.length > 0) throw new Error(`The ${name}’s certificate to be signed violates the profile: ${findings.join('; ')}`);
  const certificateDer = unsigned.withSignature(await keys.signDigest(issuing.keyArn, unsigned.digest));
  if (!verifyCertificateSignature(certificateDer, subjectPublicKeyInfoOf(issuerCertificateDer))) {
    throw new Error(`The signature that KMS made with ${issuing.keyArn} does not verify with the issuing certificate.`);
  }
  return certificateDer;
}
