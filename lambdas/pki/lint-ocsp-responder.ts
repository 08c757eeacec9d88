import { readDer } from './der-reader.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { hexOf } from './hexadecimal.ts';
import { authorityRefusals, refusals } from './lint.ts';
import {
  authorityKeyIdentifier, basicConstraints, type ExpectedExtension, extensionRefusals, keyUsage, standard, subjectKeyIdentifier,
} from './lint-extensions.ts';
import * as fields from './lint-fields.ts';
import { OID } from './object-identifiers.ts';
import { OCSP_RESPONDER_MAX_VALIDITY_SECONDS, type ProfileSettings, RSA_BITS } from './profile.ts';
import { subjectPublicKeyOf } from './rsa-public-key.ts';
import { readTbsCertificate, readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';

export interface OcspResponderLintInput {
  readonly tbsCertificateDer: Uint8Array;
  /** The responder's key as KMS holds it. */
  readonly subjectPublicKeyInfoDer: Uint8Array;
  readonly issuerCertificateDer: Uint8Array;
  /** 32 upper-case hexadecimal digits. */
  readonly serialNumber: string;
  readonly subject: DistinguishedName;
  /** notAfter − notBefore, unless the issuer ends earlier. */
  readonly validitySeconds: number;
  readonly settings: ProfileSettings;
}

/**
 * Refuses an OCSP responder's TBSCertificate for whatever is not as the profile has it.
 * @returns one sentence for each refusal; empty if it may be signed
 */
export function lintOcspResponderCertificate(input: OcspResponderLintInput): string[] {
  return refusals(function* () {
    const issuer = readTbsOfCertificate(input.issuerCertificateDer);
    const tbs = readTbsCertificate(input.tbsCertificateDer);
    yield* fields.versionRefusals(tbs);
    yield* fields.serialNumberRefusals(tbs, input.serialNumber);
    yield* fields.signatureAlgorithmRefusals(tbs);
    yield* authorityRefusals(issuer);
    yield* fields.issuerRefusals(tbs, issuer.subject);
    if (input.validitySeconds > OCSP_RESPONDER_MAX_VALIDITY_SECONDS) yield 'validity is longer than 30 days (certificate profile, RFC 6960 §4.2.2.2.1)';
    yield* fields.validityRefusals(tbs, { validitySeconds: input.validitySeconds, mayEndEarly: true }, issuer);
    yield* fields.subjectRefusals(tbs, input.subject);
    yield* fields.publicKeyRefusals(tbs, input.subjectPublicKeyInfoDer, RSA_BITS.ocspResponder);
    yield* extensionRefusals(tbs.extensions, [
      basicConstraints('SEQUENCE {}'),
      keyUsage('BIT STRING 0780'),
      standard('extKeyUsage', `SEQUENCE { OID ${OID.ocspSigning} }`, '4.2.1.12'),
      subjectKeyIdentifier(subjectPublicKeyOf(readDer(input.subjectPublicKeyInfoDer))),
      authorityKeyIdentifier(hexOf(subjectKeyIdentifierOf(issuer))),
      NO_CHECK,
    ]);
  });
}

const NO_CHECK: ExpectedExtension = { name: 'id-pkix-ocsp-nocheck', oid: OID.ocspNoCheck, critical: false, value: 'NULL', source: 'RFC 6960 §4.2.2.2.1' };
