import { OID } from './object-identifiers.ts';
import { ProfileError } from './profile-error.ts';
import { parseUrl } from './url.ts';

/** What a deployment chooses about its certificates. Everything else of the profile is fixed. */
export interface ProfileSettings {
  /** The OID below which the private extensions stand, dotted. */
  readonly privateArc: string;
  /** The one certificate policy agents' certificates assert, dotted. */
  readonly policyOid?: string;
  /** How long agents' certificates hold, in days: 1 to 365, and 365 where nothing is said. */
  readonly agentValidityDays?: number;
  /** With it agents' certificates become X.509-SVIDs. */
  readonly spiffeTrustDomain?: string;
  /** Base of the CRL, OCSP and CA certificate URLs: plain http, no trailing slash. Without it certificates carry none. */
  readonly distributionUrl?: string;
}

/** The arc Kakunin publishes its extensions under. */
export const DEFAULT_PRIVATE_ARC = '1.3.6.1.4.1.61411.1';

// notAfter − notBefore. Both ends belong to the validity period (RFC 5280 §4.1.2.5), hence a second less than the days.
const DAY_SECONDS = 86_400;
/** Agents: 365 days at the most and as a rule, leap year or not. */
export const LONGEST_AGENT_VALIDITY_DAYS = 365;
export const agentValiditySeconds = ({ agentValidityDays = LONGEST_AGENT_VALIDITY_DAYS }: ProfileSettings) => agentValidityDays * DAY_SECONDS - 1;
/** Issuing CA: ten years of 365 days, cut short where the root ends earlier. */
export const ISSUING_VALIDITY_SECONDS = 10 * 365 * DAY_SECONDS - 1;
/** Root CA: 25 years of 365 days. */
export const ROOT_VALIDITY_SECONDS = 25 * 365 * DAY_SECONDS - 1;

/** What sets the certificate of one part of the service off from another's. */
export interface ServiceProfile {
  /** The one purpose of its key, for extKeyUsage. */
  readonly purpose: string;
  /** Cut short where the issuing CA ends earlier. */
  readonly validitySeconds: number;
  /** Whether clients are told not to ask whether it is revoked. */
  readonly noCheck: boolean;
}

/** The parts of the service itself that the issuing CA certifies, beside agents. */
export type ServiceRole = 'ocsp' | 'attestation';

export const SERVICE_PROFILES: Readonly<Record<ServiceRole, ServiceProfile>> = {
  /** The delegated OCSP responder (RFC 6960 §4.2.2.2): 30 days, since nobody can revoke it (§4.2.2.2.1). */
  ocsp: { purpose: OID.ocspSigning, validitySeconds: 30 * DAY_SECONDS - 1, noCheck: true },
  /** The attestation authority, which signs what the service states, evidence for people (RFC 9336): two years of 365 days. */
  attestation: { purpose: OID.documentSigning, validitySeconds: 2 * 365 * DAY_SECONDS - 1, noCheck: false },
};

/** RSA modulus lengths in bits, as KMS makes them; the public exponent is always 65537. */
export const RSA_BITS = { root: 4096, issuing: 3072, agent: 2048, service: 2048 } as const;

const DOTTED_OID = /^(?:[01]\.(?:[0-9]|[1-3][0-9])|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))+$/;
const OID_MAX_LENGTH = 128;
const OID_MAX_ARC = 0x7fff_ffff;
// SPIFFE-ID §2.1 and §2.2: lower-case trust domains of at most 255 octets; path segments of letters, digits, `.-_`.
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
const IDENTIFIER = /^[A-Za-z0-9._-]{1,64}$/;
const DISTRIBUTION_URL = /^http:\/\/[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:\/[A-Za-z0-9._~-]+)*$/;
const DISTRIBUTION_URL_MAX_LENGTH = 512;

/**
 * Checks a deployment's settings, once, before anything is issued under them.
 * @returns the same settings, for `const settings = validateProfileSettings({…})`
 * @throws ProfileError naming the setting and the rule it breaks
 */
export function validateProfileSettings(settings: ProfileSettings): ProfileSettings {
  assertOid('privateArc', settings.privateArc);
  if (settings.policyOid !== undefined) assertOid('policyOid', settings.policyOid);
  if (settings.spiffeTrustDomain !== undefined && !TRUST_DOMAIN.test(settings.spiffeTrustDomain)) {
    throw new ProfileError('spiffeTrustDomain must be 1–255 of a–z, 0–9, ".", "-", "_" (SPIFFE-ID §2.1).');
  }
  if (settings.distributionUrl !== undefined) assertDistributionUrl(settings.distributionUrl);
  const { agentValidityDays: days } = settings;
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= LONGEST_AGENT_VALIDITY_DAYS)) throw new ProfileError(`agentValidityDays must be a whole number of days from 1 to ${LONGEST_AGENT_VALIDITY_DAYS}.`);
  return settings;
}

/**
 * The one URI of an agent's subjectAltName: its SPIFFE ID where a trust domain is configured, else its URN.
 * @throws ProfileError if an id is not 1–64 of the letters, digits, `.`, `-`, `_` that URN and SPIFFE paths share
 */
export function agentUri(settings: ProfileSettings, tenantId: string, agentId: string): string {
  if (settings.spiffeTrustDomain === undefined) return agentUrn(agentId);
  assertIdentifier('tenant id', tenantId);
  assertIdentifier('agent id', agentId);
  return `spiffe://${settings.spiffeTrustDomain}/tenant/${tenantId}/agent/${agentId}`;
}

/**
 * An agent's URN (RFC 8141), the same under every configuration; private extension .1 carries it.
 * @throws ProfileError as {@link agentUri} does
 */
export function agentUrn(agentId: string): string {
  assertIdentifier('agent id', agentId);
  return `urn:kakunin:agent:${agentId}`;
}

function assertIdentifier(field: string, text: string): void {
  if (!IDENTIFIER.test(text) || text === '.' || text === '..') {
    throw new ProfileError(`The ${field} must be 1–64 of A–Z, a–z, 0–9, ".", "-", "_" (RFC 8141 §2, SPIFFE-ID §2.2).`);
  }
}

function assertOid(setting: string, oid: string): void {
  if (oid.length > OID_MAX_LENGTH || !DOTTED_OID.test(oid)) throw new ProfileError(`${setting} is not a dotted OID of three arcs or more.`);
  // Go and GnuTLS keep an arc in 31 bits and refuse the whole certificate where one is larger; an arc below 2.25 is a
  // UUID and always is.
  if (oid.startsWith('2.25.') || oid.split('.').some((arc) => Number(arc) > OID_MAX_ARC)) {
    throw new ProfileError(`${setting} has an arc above 2^31 − 1 or stands below 2.25, which Go and GnuTLS refuse.`);
  }
}

function assertDistributionUrl(url: string): void {
  // RFC 5280 §8: fetching revocation over https would need a certificate to be checked first.
  if (url.length > DISTRIBUTION_URL_MAX_LENGTH || !DISTRIBUTION_URL.test(url) || parseUrl(url) === undefined) {
    throw new ProfileError('distributionUrl must be a plain http URL without user, query, fragment or trailing slash (RFC 5280 §4.2.1.13, §8).');
  }
}
