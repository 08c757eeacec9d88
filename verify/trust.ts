import { type CertificateRevocationList, parseCrl, readSignedCrl } from '../lambdas/pki/crl-reader.ts';
import { DerError } from '../lambdas/pki/der-reader.ts';
import { hexOf } from '../lambdas/pki/hexadecimal.ts';
import { equalOctets } from '../lambdas/pki/octets.ts';
import { DEFAULT_PRIVATE_ARC } from '../lambdas/pki/profile.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { dersOf, type Encoded } from './encoded.ts';
import { isSignedBy } from './signature.ts';

export interface TrustSource {
  /**
   * The CA certificates that are trusted, as `GET /v1/ca` serves them, from a source that is itself trusted. Roots among
   * them, which have signed themselves, are the trust anchors, and the others help to find the way to one; where there
   * is no root, each of them is an anchor (a pinned issuing CA), if all could be read: what could not may be the root.
   */
  readonly authorities: Encoded | readonly Encoded[];
  /** CRLs from wherever they came: the agents' shards or the complete one, and the root's. They are signed. */
  readonly crls?: readonly Encoded[];
  /** The OID below which the deployment's private extensions stand, where it is not Kakunin's own. */
  readonly privateArc?: string;
}

/** What verifications start from; made by readTrust alone. */
export interface Trust {
  /** What was given and could not be read, a sentence each; the rest is used all the same. Look at it when you start. */
  readonly problems: readonly string[];
}

export interface Crl extends CertificateRevocationList {
  /** Verifies the CRL's signature; once for each key, as a CRL may be long and is consulted often. */
  isSignedBy(subjectPublicKeyInfo: Uint8Array): Promise<boolean>;
}

export interface TrustContents {
  readonly authorities: readonly Certificate[];
  /** Those among the authorities that need nobody's signature. */
  readonly anchors: readonly Certificate[];
  readonly crls: readonly Crl[];
  readonly privateArc: string;
  readonly problems: readonly string[];
}

const contents = new WeakMap<Trust, TrustContents>();

/**
 * Reads the authorities and CRLs that verifications are to start from. Do it once for many verifications, and anew when
 * there are newer CRLs: a CRL of this service is good for 25 hours.
 * @throws TypeError if `authorities` are missing or `crls` is not an array. What cannot be read is told in `problems`.
 */
export function readTrust({ authorities, crls = [], privateArc = DEFAULT_PRIVATE_ARC }: TrustSource): Trust {
  if (authorities === undefined || authorities === null) throw new TypeError('`authorities` are missing: the CA certificates, as GET /v1/ca serves them.');
  if (!Array.isArray(crls)) throw new TypeError('`crls` must be an array.');
  const problems: string[] = [];
  const sources: readonly unknown[] = Array.isArray(authorities) ? authorities : [authorities];
  const certificates = readEach(sources, 'CERTIFICATE', readCertificate, 'authorities', problems);
  const roots = certificates.filter(isSelfIssued);
  const anchors = roots.length > 0 || problems.length > 0 ? roots : certificates;
  const readCrls = readEach(crls, 'X509 CRL', readCrl, 'crls', problems);
  const trust = Object.freeze({ problems: Object.freeze(problems) });
  contents.set(trust, { authorities: certificates, anchors, crls: readCrls, privateArc, problems });
  return trust;
}

/** @throws TypeError for anything that {@link readTrust} has not returned */
export function contentsOf(trust: Trust): TrustContents {
  const found = contents.get(trust);
  if (found === undefined) throw new TypeError('The trust to verify with must come from readTrust().');
  return found;
}

export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return equalOctets(subject.encoded, issuer.encoded);
}

function readEach<Value>(sources: readonly unknown[], label: 'CERTIFICATE' | 'X509 CRL', read: (der: Uint8Array) => Value, name: string, problems: string[]): Value[] {
  return sources.flatMap((source, index) => {
    const attempt = <Result>(what: () => Result): Result[] => {
      try {
        return [what()];
      } catch (error) {
        if (!(error instanceof DerError)) throw error;
        problems.push(`${name}[${index}] cannot be used. ${error.message}`);
        return [];
      }
    };
    return attempt(() => dersOf(source, label)).flat().flatMap((der) => attempt(() => read(der)));
  });
}

function readCrl(crlDer: Uint8Array): Crl {
  const { signed, signature } = readSignedCrl(crlDer);
  const answers = new Map<string, Promise<boolean>>();
  return {
    ...parseCrl(crlDer),
    isSignedBy: (subjectPublicKeyInfo) => {
      const key = hexOf(subjectPublicKeyInfo);
      const answer = answers.get(key) ?? isSignedBy(subjectPublicKeyInfo, signed, signature);
      answers.set(key, answer);
      return answer;
    },
  };
}
