import { keyIdentifierOf, type RootCertificateRequest, type UnsignedCertificate, unsignedCertificate } from './certificate.ts';
import { dateOfTime } from './der-values.ts';
import { encodeName } from './distinguished-name.ts';
import * as extensions from './extensions.ts';
import { OID } from './object-identifiers.ts';
import { ATTESTATION_VALIDITY_SECONDS } from './profile.ts';
import { parseSubjectPublicKeyInfo } from './subject-public-key-info.ts';
import { readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';
import { validityOf } from './validity.ts';

export { lintAttestationCertificate, type AttestationLintInput } from './lint-attestation.ts';

export interface AttestationCertificateRequest extends RootCertificateRequest {
  readonly issuerCertificateDer: Uint8Array;
}

/**
 * The certificate of the attestation authority, which signs what the service itself states: evidence for people, whence
 * the purpose of document signing (RFC 9336). Without any purpose it would be good for all of them, and servers that let
 * agents in by their certificates would let this one in (RFC 5280 §4.2.1.12). It carries no URLs, so that of the settings
 * nothing enters it, and ends with its issuer, should that end earlier.
 * @throws ProfileError for a name, serial number or date outside the profile; DerError for a malformed public key or
 *   issuer certificate
 */
export function buildAttestationCertificate(request: AttestationCertificateRequest): UnsignedCertificate {
  const issuer = readTbsOfCertificate(request.issuerCertificateDer);
  const issuerEnd = dateOfTime(issuer.notAfter);
  const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(request.subjectPublicKeyInfoDer);
  const { notBefore, notAfter } = validityOf(request.notBefore, ATTESTATION_VALIDITY_SECONDS);
  return unsignedCertificate({
    serialNumber: request.serialNumber,
    issuer: issuer.subject.encoded,
    validity: { notBefore, notAfter: notAfter < issuerEnd ? notAfter : issuerEnd },
    subject: encodeName(request.subject),
    subjectPublicKeyInfo,
    extensions: [
      extensions.basicConstraints({ cA: false }),
      extensions.digitalSignatureUsage(),
      extensions.extKeyUsage([OID.documentSigning]),
      extensions.subjectKeyIdentifier(keyIdentifierOf(subjectPublicKeyInfo)),
      extensions.authorityKeyIdentifier(subjectKeyIdentifierOf(issuer)),
    ],
  });
}
