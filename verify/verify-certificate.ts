import { hexOf } from '../lambdas/pki/hexadecimal.ts';
import { agentOf } from './agent.ts';
import { type Certificate, type CertificateInput, readChain } from './certificate.ts';
import { type Moment, momentOf } from './moment.ts';
import { findPath, type Path } from './path.ts';
import { readOrRefuse, Refusal, verdictOf } from './refusal.ts';
import { type RevocationStatus, revocationStatusOf } from './revocation.ts';
import { sha256 } from './signature.ts';
import { contentsOf, type Trust, type TrustContents } from './trust.ts';
import type { Verdict, VerifiedCertificate } from './verdict.ts';

export interface VerifyOptions {
  /** The moment to judge at; now, unless given. */
  readonly at?: Date;
  /**
   * `required`, the default: a certificate that no current CRL covers is not valid. `required for all`: nor is one whose
   * issuing CA no current CRL of the root covers. `if available`: it may be, and the verdict says `revocation: 'unknown'`.
   * One that a CRL lists as revoked never is, nor is one whose issuing CA is listed.
   */
  readonly revocation?: RevocationPolicy;
  /** How far the clocks of those who date things may be ahead of this one: 0–300, 60 unless given. Nothing lives longer by it. */
  readonly clockToleranceSeconds?: number;
}

export type RevocationPolicy = 'required' | 'required for all' | 'if available';

/** A certificate that was proved, with what the signatures made by its key need. */
export interface ProvedCertificate {
  readonly certificate: Certificate;
  readonly verified: VerifiedCertificate;
  readonly moment: Moment;
}

const POLICIES: readonly unknown[] = ['required', 'required for all', 'if available'] satisfies RevocationPolicy[];

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
  if (!POLICIES.includes(revocation)) throw new TypeError("`revocation` must be 'required', 'required for all' or 'if available'.");
  if (trusted.anchors.length === 0) throw new Refusal('authorities_malformed', `There is no authority to trust. ${trusted.problems.join(' ')}`.trimEnd());
  const [leaf, ...untrusted] = readOrRefuse('certificate_malformed', () => readChain(input));
  const path = await findPath(leaf, untrusted, trusted, moment);
  const statuses = await revocationStatuses(path, trusted, moment, revocation);
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
async function revocationStatuses({ leaf, issuing, root }: Path, { crls, problems }: TrustContents, moment: Moment, policy: RevocationPolicy): Promise<Pick<VerifiedCertificate, 'revocation' | 'issuerRevocation'>> {
  const ofIssuing = root && (await revocationStatusOf(issuing, root, crls, moment, 'issuer_revoked'));
  const ofLeaf = await revocationStatusOf(leaf, issuing, crls, moment, 'certificate_revoked');
  const uncovered: Uncovered[] = [];
  if (policy === 'required for all' && ofIssuing?.status === 'unknown') uncovered.push({ ...ofIssuing, name: issuing.subjectName, crlUrls: issuing.crlUrls });
  if (policy !== 'if available' && ofLeaf.status === 'unknown') uncovered.push({ ...ofLeaf, name: 'the certificate', crlUrls: leaf.crlUrls });
  if (uncovered.length > 0) throw revocationUnknown(uncovered, problems);
  return { revocation: ofLeaf.status, issuerRevocation: ofIssuing?.status ?? 'unknown' };
}

/** A certificate that a CRL had to cover, and none did. */
interface Uncovered extends Pick<RevocationStatus, 'doubts'> {
  readonly name: string;
  readonly crlUrls: readonly string[];
}

function revocationUnknown(uncovered: readonly Uncovered[], problems: readonly string[]): Refusal {
  const names = uncovered.map(({ name }) => name).join(' and ');
  const where = uncovered.map(({ crlUrls }) => (crlUrls.length === 0 ? 'the complete CRL, GET /v1/crl' : crlUrls.join(' or '))).join(' and ');
  const why = [...uncovered.flatMap(({ doubts }) => doubts).map((doubt) => `${doubt}.`), ...problems].join(' ');
  return new Refusal('revocation_unknown', `No current CRL that was given covers ${names}. Get ${where}. ${why}`.trimEnd(), uncovered.flatMap(({ crlUrls }) => crlUrls));
}
