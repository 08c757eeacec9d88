import { findRevokedCertificate } from '../lambdas/pki/crl-search.ts';
import type { RevokedCertificate } from '../lambdas/pki/crl-entry.ts';
import { DerError } from '../lambdas/pki/der-reader.ts';
import { hexOf } from '../lambdas/pki/hexadecimal.ts';
import { equalOctets } from '../lambdas/pki/octets.ts';
import type { Certificate } from './certificate.ts';
import { hasBegun, isOver, type Moment, timeText } from './moment.ts';
import { Refusal } from './refusal.ts';
import type { Crl } from './trust.ts';

export interface RevocationStatus {
  readonly status: 'good' | 'unknown';
  /** Why each CRL that its issuer might have made for the certificate does not count; a clause each. */
  readonly doubts: readonly string[];
}

/** CRLReason (RFC 5280 §5.3.1). */
const REASON_NAME: Readonly<Record<number, string>> = {
  0: 'unspecified', 1: 'keyCompromise', 2: 'cACompromise', 3: 'affiliationChanged', 4: 'superseded', 5: 'cessationOfOperation', 6: 'certificateHold',
  9: 'privilegeWithdrawn', 10: 'aACompromise',
};

/**
 * Looks a certificate up on those CRLs that cover it (RFC 5280 §6.3.3), all of them.
 * @param issuer the CA that issued it, which must have signed the CRL as well
 * @param revokedReason of the refusal
 * @throws Refusal if it is revoked
 */
export async function revocationStatusOf(certificate: Certificate, issuer: Certificate, crls: readonly Crl[], moment: Moment, revokedReason: 'certificate_revoked' | 'issuer_revoked'): Promise<RevocationStatus> {
  const doubts: string[] = [];
  let status: RevocationStatus['status'] = 'unknown';
  for (const crl of crls) {
    if (!equalOctets(crl.issuerDer, issuer.subject.encoded)) continue;
    const doubt = await doubtAbout(crl, certificate, issuer);
    const entry = doubt === undefined ? entryOf(crl, certificate) : doubt;
    if (typeof entry === 'string') doubts.push(`${crlText(crl)} ${entry}`);
    else if (entry !== undefined && wasRevoked(entry, crl, moment)) throw new Refusal(revokedReason, revokedText(entry, certificate));
    else if (!hasBegun(moment, seconds(crl.thisUpdate))) doubts.push(`${crlText(crl)} is of a later moment, ${timeText(seconds(crl.thisUpdate))}`);
    else if (isOver(moment, seconds(crl.nextUpdate))) doubts.push(`${crlText(crl)} is out of date since ${timeText(seconds(crl.nextUpdate))}`);
    else status = 'good';
  }
  return { status, doubts };
}

/** Why the CRL says nothing about the certificate, if so. */
async function doubtAbout(crl: Crl, certificate: Certificate, issuer: Certificate): Promise<string | undefined> {
  const { issuingDistributionPoint } = crl;
  if (issuingDistributionPoint !== undefined && !certificate.crlUrls.includes(issuingDistributionPoint)) return 'covers other certificates';
  if (!issuer.maySignCrls) return 'is signed by a CA that may not sign CRLs (RFC 5280 §4.2.1.3)';
  const { subjectKeyIdentifier } = issuer;
  const isSameKey = subjectKeyIdentifier === undefined || crl.authorityKeyIdentifier === hexOf(subjectKeyIdentifier);
  if (!isSameKey || !(await crl.isSignedBy(issuer.subjectPublicKeyInfo))) return 'is not signed by its issuer';
  return undefined;
}

/** The entry, undefined where there is none, or what is wrong with the list. */
function entryOf(crl: Crl, { serialNumber }: Certificate): RevokedCertificate | string | undefined {
  try {
    return findRevokedCertificate(crl.entriesDer, serialNumber);
  } catch (error) {
    if (error instanceof DerError) return `is malformed: ${error.message}`;
    throw error;
  }
}

/**
 * Revocation is for good, so that an entry counts even where its CRL is out of date. Only what a CRL of a later moment
 * lists as revoked after the moment in question was not revoked yet.
 */
function wasRevoked({ revocationDate }: RevokedCertificate, { thisUpdate }: Crl, moment: Moment): boolean {
  return hasBegun(moment, seconds(thisUpdate)) || hasBegun(moment, seconds(revocationDate));
}

function revokedText({ revocationDate, reasonCode }: RevokedCertificate, { serialNumber, subjectName }: Certificate): string {
  const reason = REASON_NAME[reasonCode] ?? reasonCode;
  return `The certificate ${hexOf(serialNumber).toUpperCase()} of ${subjectName} was revoked at ${timeText(seconds(revocationDate))} (${reason}).`;
}

function crlText({ crlNumber, issuingDistributionPoint }: Crl): string {
  return issuingDistributionPoint === undefined ? `CRL ${crlNumber}` : `CRL ${crlNumber} of ${issuingDistributionPoint}`;
}

function seconds(date: Date): number {
  return date.getTime() / 1000;
}
