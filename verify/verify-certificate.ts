import { hexOf } from '../lambdas/pki/hexadecimal.ts';
import { agentOf } from './agent.ts';
import { type Certificate, type CertificateInput, readChain } from './certificate.ts';
import { type Moment, momentOf } from './moment.ts';
import { findPath, type Path } from './path.ts';
import { readOrRefuse, Refusal, verdictOf } from './refusal.ts';
import { revocationStatusOf } from './revocation.ts';
import { sha256 } from './signature.ts';
import { contentsOf, type Trust, type TrustContents } from './trust.ts';
import type { Verdict, VerifiedCertificate } from './verdict.ts';

export interface VerifyOptions {
  /** The moment to judge at; now, unless given. */
  readonly at?: Date;
  /**
   * `required`, the default: a certificate that no current CRL covers is not valid. `if available`: it may be, and the
   * verdict says `revocation: 'unknown'`. One that a CRL lists as revoked never is.
   */
  readonly revocation?: 'required' | 'if available';
  /** How far the clocks of those who date things may be ahead of this one: 0–300, 60 unless given. Nothing lives longer by it. */
  readonly clockToleranceSeconds?: number;
}

/** A certificate that was proved, with what the signatures made by its key need. */
export interface ProvedCertificate {
  readonly certificate: Certificate;
  readonly verified: VerifiedCertificate;
  readonly moment: Moment;
}

const POLICIES: readonly unknown[] = ['required', 'if available'];

/**
 * Verifies an agent's certificate: the path to an authority, its dates, purposes and form, and its revocation, as
 * RFC 5280 §6 has it for the certificate profile of this service.
 * @param certificate PEM (the agent's first; others help to find the way, and are not trusted), DER, or an x5c array
 * @returns the agent, or why not; never an exception for anything that `certificate` may be
 * @throws TypeError for a trust that is not from readTrust and for malformed options
 */
export function verifyCertificate(certificate: CertificateInput, trust: Trust, options: VerifyOptions = {}): Promise<Verdict<VerifiedCertificate>> {
  return verdictOf(async () => (await proveCertificate(certificate, trust, options)).verified);
}

/**
 * The same, for those who go on with the certificate's key.
 * @throws Refusal if it is not valid; TypeError as {@link verifyCertificate}
 */
export async function proveCertificate(input: unknown, trust: Trust, options: VerifyOptions): Promise<ProvedCertificate> {
  const { at = new Date(), revocation = 'required', clockToleranceSeconds = 60 } = options;
  const trusted = contentsOf(trust);
  const moment = momentOf(at, clockToleranceSeconds);
  if (!POLICIES.includes(revocation)) throw new TypeError("`revocation` must be 'required' or 'if available'.");
  if (trusted.anchors.length === 0) throw new Refusal('authorities_malformed', `There is no authority to trust. ${trusted.problems.join(' ')}`.trimEnd());
  const [leaf, ...untrusted] = readOrRefuse('certificate_malformed', () => readChain(input));
  const path = await findPath(leaf, untrusted, trusted, moment);
  const statuses = await revocationStatuses(path, trusted, moment, revocation === 'required');
  const verified = {
    agent: agentOf(leaf, trusted.privateArc),
    serialNumber: hexOf(leaf.serialNumber).toUpperCase().padStart(32, '0'),
    notBefore: new Date(leaf.notBefore * 1000),
    notAfter: new Date(leaf.notAfter * 1000),
    fingerprintSha256: hexOf(await sha256(leaf.der)),
    ...statuses,
  };
  return { certificate: leaf, verified, moment };
}

/** The issuing CA first: what a revoked CA has signed, CRLs included, says nothing. */
async function revocationStatuses({ leaf, issuing, root }: Path, { crls, problems }: TrustContents, moment: Moment, isRequired: boolean): Promise<Pick<VerifiedCertificate, 'revocation' | 'issuerRevocation'>> {
  const ofIssuing = root && (await revocationStatusOf(issuing, root, crls, moment, 'issuer_revoked'));
  const { status, doubts } = await revocationStatusOf(leaf, issuing, crls, moment, 'certificate_revoked');
  if (isRequired && status === 'unknown') {
    const why = [...doubts.map((doubt) => `${doubt}.`), ...problems].join(' ');
    const where = leaf.crlUrls.length === 0 ? 'the complete CRL, GET /v1/crl' : leaf.crlUrls.join(' or ');
    throw new Refusal('revocation_unknown', `No current CRL that was given covers the certificate. Get ${where}. ${why}`.trimEnd(), leaf.crlUrls);
  }
  return { revocation: status, issuerRevocation: ofIssuing?.status ?? 'unknown' };
}
