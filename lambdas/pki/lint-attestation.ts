import { readDer } from './der-reader.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { hexOf } from './hexadecimal.ts';
import { authorityRefusals, refusals } from './lint.ts';
import { authorityKeyIdentifier, basicConstraints, extensionRefusals, keyUsage, standard, subjectKeyIdentifier } from './lint-extensions.ts';
import * as fields from './lint-fields.ts';
import { OID } from './object-identifiers.ts';
import { ATTESTATION_VALIDITY_SECONDS, type ProfileSettings, RSA_BITS } from './profile.ts';
import { subjectPublicKeyOf } from './rsa-public-key.ts';
import { readTbsCertificate, readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';

export interface AttestationLintInput {
  readonly tbsCertificateDer: Uint8Array;
  /** The certified key as KMS holds it. */
  readonly subjectPublicKeyInfoDer: Uint8Array;
  readonly issuerCertificateDer: Uint8Array;
  /** 32 upper-case hexadecimal digits. */
  readonly serialNumber: string;
  readonly subject: DistinguishedName;
  readonly settings: ProfileSettings;
}

/**
 * Refuses the attestation authority's TBSCertificate for whatever is not as the profile has it.
 * @returns one sentence for each refusal; empty if it may be signed
 */
export function lintAttestationCertificate(input: AttestationLintInput): string[] {
  return refusals(function* () {
    const issuer = readTbsOfCertificate(input.issuerCertificateDer);
    const tbs = readTbsCertificate(input.tbsCertificateDer);
    yield* fields.versionRefusals(tbs);
    yield* fields.serialNumberRefusals(tbs, input.serialNumber);
    yield* fields.signatureAlgorithmRefusals(tbs);
    yield* authorityRefusals(issuer);
    yield* fields.issuerRefusals(tbs, issuer.subject);
    yield* fields.validityRefusals(tbs, { validitySeconds: ATTESTATION_VALIDITY_SECONDS, mayEndEarly: true }, issuer);
    yield* fields.subjectRefusals(tbs, input.subject);
    yield* fields.publicKeyRefusals(tbs, input.subjectPublicKeyInfoDer, RSA_BITS.attestation);
    yield* extensionRefusals(tbs.extensions, [
      basicConstraints('SEQUENCE {}'),
      keyUsage('BIT STRING 0780'),
      standard('extKeyUsage', `SEQUENCE { OID ${OID.documentSigning} }`, '4.2.1.12'),
      subjectKeyIdentifier(subjectPublicKeyOf(readDer(input.subjectPublicKeyInfoDer))),
      authorityKeyIdentifier(hexOf(subjectKeyIdentifierOf(issuer))),
    ]);
  });
}
