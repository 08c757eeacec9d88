import { certificateToPem, describeCertificate, pemToDer } from '../pki/certificate.ts';
import { buildOcspResponderCertificate, lintOcspResponderCertificate } from '../pki/ocsp-responder-certificate.ts';
import { OCSP_RESPONDER_MAX_VALIDITY_SECONDS, type ProfileSettings } from '../pki/profile.ts';
import { serialNumberFromRandom } from '../pki/serial-number.ts';
import { verifyCertificateSignature } from '../pki/signature.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import type { Authority, KeyManagement, Registry } from './ports.ts';

export interface OcspRenewalServices {
  readonly registry: Pick<Registry, 'getAuthority' | 'replaceAuthority'>;
  readonly keys: Pick<KeyManagement, 'getPublicKey' | 'signDigest'>;
  readonly settings: ProfileSettings;
  readonly clock: () => Date;
  readonly random: (byteCount: number) => Uint8Array;
}

export interface OcspResponderPlan {
  readonly organization: string;
  readonly country?: string;
  /** The CA whose certificates the responder answers for, and whose key signs the responder's. */
  readonly issuing: Authority;
  /** The responder's own key, an RSA_2048. */
  readonly ocspKeyArn: string;
}

/** A client whose clock is slow takes a certificate that has just been renewed all the same. */
const backdatingMilliseconds = 3_600_000;

/**
 * Makes sure that the OCSP responder has a certificate for the plan's key with more than half of its life left. What is
 * stored is only ever replaced by what was made in knowledge of it, so never by something older: of two renewals at once
 * one wins, and both answer its certificate.
 * @throws Error where the profile refuses the certificate (such as a key that is no RSA_2048) or the signature does not
 *   verify; nothing was stored then. Refusal KMS_…, REGISTRY_UNAVAILABLE.
 */
export async function renewOcspResponder(services: OcspRenewalServices, plan: OcspResponderPlan): Promise<{ responder: Authority; renewed: boolean }> {
  const { registry, clock } = services;
  const now = clock();
  const stored = await registry.getAuthority('ocsp');
  if (stored?.keyArn === plan.ocspKeyArn && hasMoreThanHalfLeft(stored, now)) return { responder: stored, renewed: false };
  const certificatePem = certificateToPem(await signCertificate(services, plan, now));
  const responder: Authority = { role: 'ocsp', keyArn: plan.ocspKeyArn, certificatePem, createdAt: now.toISOString() };
  if (await registry.replaceAuthority(responder, stored)) return { responder, renewed: true };
  // Another renewal was faster, or this one's own write was repeated after its answer got lost.
  const winner = await registry.getAuthority('ocsp');
  if (winner === undefined) throw new Error('The OCSP responder’s certificate could be neither stored nor read; run the renewal again.');
  return { responder: winner, renewed: winner.certificatePem === certificatePem };
}

function hasMoreThanHalfLeft({ certificatePem }: Authority, now: Date): boolean {
  const { notBefore, notAfter } = describeCertificate(pemToDer(certificatePem));
  return notAfter.getTime() - now.getTime() > (notAfter.getTime() - notBefore.getTime()) / 2;
}

/** Builds the certificate, checks it as a stranger would, has its digest signed, and checks the signature. */
async function signCertificate({ keys, settings, random }: OcspRenewalServices, plan: OcspResponderPlan, now: Date): Promise<Uint8Array> {
  const { organization, country, issuing } = plan;
  const issuerCertificateDer = pemToDer(issuing.certificatePem);
  const issuerStart = describeCertificate(issuerCertificateDer).notBefore.getTime();
  const parameters = {
    subject: { organization, commonName: `${organization} OCSP Responder`, ...(country !== undefined && { country }) },
    subjectPublicKeyInfoDer: await keys.getPublicKey(plan.ocspKeyArn),
    serialNumber: serialNumberFromRandom(random(16)),
    validitySeconds: OCSP_RESPONDER_MAX_VALIDITY_SECONDS,
    issuerCertificateDer,
    settings,
  };
  const unsigned = buildOcspResponderCertificate({ ...parameters, notBefore: new Date(Math.max(now.getTime() - backdatingMilliseconds, issuerStart)) });
  const findings = lintOcspResponderCertificate({ ...parameters, tbsCertificateDer: unsigned.tbsCertificateDer });
  if (findings.length > 0) throw new Error(`The OCSP responder’s certificate to be signed violates the profile: ${findings.join('; ')}`);
  const certificateDer = unsigned.withSignature(await keys.signDigest(issuing.keyArn, unsigned.digest));
  if (!verifyCertificateSignature(certificateDer, subjectPublicKeyInfoOf(issuerCertificateDer))) {
    throw new Error(`The signature that KMS made with ${issuing.keyArn} does not verify with the issuing certificate.`);
  }
  return certificateDer;
}
