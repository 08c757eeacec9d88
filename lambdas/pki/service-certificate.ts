import { keyIdentifierOf, type RootCertificateRequest, type UnsignedCertificate, unsignedCertificate } from './certificate.ts';
import { dateOfTime } from './der-values.ts';
import { encodeName } from './distinguished-name.ts';
import * as extensions from './extensions.ts';
import { SERVICE_PROFILES, type ServiceRole } from './profile.ts';
import { parseSubjectPublicKeyInfo } from './subject-public-key-info.ts';
import { readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';
import { validityOf } from './validity.ts';

export interface ServiceCertificateRequest extends RootCertificateRequest {
  readonly role: ServiceRole;
  readonly issuerCertificateDer: Uint8Array;
}

/**
 * The certificate that the issuing CA gives to a part of the service itself, for one purpose: without any it would be good
 * for all of them, and servers that let agents in by their certificates would let this one in (RFC 5280 §4.2.1.12). It
 * carries no URLs, so that of the settings nothing enters it: who checks one has the issuer's certificate already. It ends
 * with its issuer, should that end earlier.
 * @throws ProfileError for a name, serial number or date outside the profile; DerError for a malformed public key or
 *   issuer certificate
 */
export function buildServiceCertificate(request: ServiceCertificateRequest): UnsignedCertificate {
  const { purpose, validitySeconds, noCheck } = SERVICE_PROFILES[request.role];
  const issuer = readTbsOfCertificate(request.issuerCertificateDer);
  const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(request.subjectPublicKeyInfoDer);
  return unsignedCertificate({
    serialNumber: request.serialNumber,
    issuer: issuer.subject.encoded,
    validity: validityOf(request.notBefore, validitySeconds, dateOfTime(issuer.notAfter)),
    subject: encodeName(request.subject),
    subjectPublicKeyInfo,
    extensions: [
      extensions.basicConstraints({ cA: false }),
      extensions.digitalSignatureUsage(),
      extensions.extKeyUsage([purpose]),
      extensions.subjectKeyIdentifier(keyIdentifierOf(subjectPublicKeyInfo)),
      extensions.authorityKeyIdentifier(subjectKeyIdentifierOf(issuer)),
      ...(noCheck ? [extensions.ocspNoCheck()] : []),
    ],
  });
}
