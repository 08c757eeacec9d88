import * as asn1js from 'asn1js';
import { keyIdentifierOf, type RootCertificateRequest, type UnsignedCertificate, unsignedCertificate } from './certificate.ts';
import { dateOfTime } from './der-values.ts';
import { encodeName } from './distinguished-name.ts';
import * as extensions from './extensions.ts';
import { OID } from './object-identifiers.ts';
import { ProfileError } from './profile-error.ts';
import { OCSP_RESPONDER_MAX_VALIDITY_SECONDS } from './profile.ts';
import { parseSubjectPublicKeyInfo } from './subject-public-key-info.ts';
import { readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';
import { validityOf } from './validity.ts';

export { lintOcspResponderCertificate, type OcspResponderLintInput } from './lint-ocsp-responder.ts';

export interface OcspResponderCertificateRequest extends RootCertificateRequest {
  /** notAfter − notBefore, 1 to {@link OCSP_RESPONDER_MAX_VALIDITY_SECONDS}. */
  readonly validitySeconds: number;
  readonly issuerCertificateDer: Uint8Array;
}

/**
 * The delegated OCSP responder's certificate, issued by the CA whose certificates it answers for (RFC 6960 §4.2.2.2).
 * Clients are told not to ask whether it is revoked (id-pkix-ocsp-nocheck), which is why it lives for days only; it ends
 * with its issuer, should that end earlier. It carries no URLs, so that of the settings nothing enters it: every answer
 * repeats it, and who checks one has the issuer's certificate already.
 * @throws ProfileError for a name, serial number, date or validity outside the profile; DerError for a malformed public
 *   key or issuer certificate
 */
export function buildOcspResponderCertificate(request: OcspResponderCertificateRequest): UnsignedCertificate {
  const { validitySeconds } = request;
  if (!Number.isSafeInteger(validitySeconds) || validitySeconds < 1 || validitySeconds > OCSP_RESPONDER_MAX_VALIDITY_SECONDS) {
    throw new ProfileError(`An OCSP responder’s certificate is valid for 1 to ${OCSP_RESPONDER_MAX_VALIDITY_SECONDS} s (RFC 6960 §4.2.2.2.1).`);
  }
  const issuer = readTbsOfCertificate(request.issuerCertificateDer);
  const issuerEnd = dateOfTime(issuer.notAfter);
  const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(request.subjectPublicKeyInfoDer);
  const { notBefore, notAfter } = validityOf(request.notBefore, validitySeconds);
  return unsignedCertificate({
    serialNumber: request.serialNumber,
    issuer: issuer.subject.encoded,
    validity: { notBefore, notAfter: notAfter < issuerEnd ? notAfter : issuerEnd },
    subject: encodeName(request.subject),
    subjectPublicKeyInfo,
    extensions: [
      extensions.basicConstraints({ cA: false }),
      extensions.digitalSignatureUsage(),
      extensions.extKeyUsage([OID.ocspSigning]),
      extensions.subjectKeyIdentifier(keyIdentifierOf(subjectPublicKeyInfo)),
      extensions.authorityKeyIdentifier(subjectKeyIdentifierOf(issuer)),
      extensions.extension(OID.ocspNoCheck, new asn1js.Null()),
    ],
  });
}
