import * as asn1js from 'asn1js';
import { Extension, Extensions } from 'pkijs';
import { readDer } from './der-reader.ts';
import { derPositiveInteger } from './der-writer.ts';
import * as extensions from './extensions.ts';
import { octetsOf } from './hexadecimal.ts';
import { OID } from './object-identifiers.ts';
import { ownedBuffer } from './owned-buffer.ts';
import { ProfileError } from './profile-error.ts';

const CRL_NUMBER_MAX_OCTETS = 20;

/**
 * The extensions of a CRL (RFC 5280 §5.2): authorityKeyIdentifier and cRLNumber, which every CRL must have, and
 * issuingDistributionPoint for a CRL that does not cover all its issuer's certificates.
 * @returns the DER of the SEQUENCE
 * @throws ProfileError for a CRL number or URI outside the profile
 */
export function encodeCrlExtensions(input: {
  readonly authorityKeyIdentifier: Uint8Array;
  readonly crlNumber: bigint;
  readonly issuingDistributionPoint: string | undefined;
}): Uint8Array {
  const { authorityKeyIdentifier, crlNumber, issuingDistributionPoint } = input;
  const list = new Extensions({
    extensions: [
      extensions.authorityKeyIdentifier(authorityKeyIdentifier),
      cRLNumber(crlNumber),
      ...(issuingDistributionPoint === undefined ? [] : [issuingDistributionPointOf(issuingDistributionPoint)]),
    ],
  });
  return new Uint8Array(list.toSchema().toBER());
}

/** cRLNumber (§5.2.3): positive here, so that a counter never written shows. */
function cRLNumber(crlNumber: bigint): Extension {
  if (crlNumber < 1n) throw new ProfileError('A CRL number is positive (RFC 5280 §5.2.3).');
  const digits = crlNumber.toString(16);
  const der = derPositiveInteger(octetsOf(digits.padStart(digits.length + (digits.length % 2), '0')));
  const { content } = readDer(der);
  if (content.length > CRL_NUMBER_MAX_OCTETS) throw new ProfileError('A CRL number has at most 20 octets (RFC 5280 §5.2.3).');
  return new Extension({ extnID: OID.cRLNumber, critical: false, extnValue: ownedBuffer(der) });
}

/**
 * issuingDistributionPoint (§5.2.5), critical: the URI, byte for byte as the covered certificates' cRLDistributionPoints
 * have it, says alone which certificates are covered. onlyContainsUserCerts would repeat it: §5.2.5 asks for the flag or
 * for a distributionPoint, and no CA certificate names a shard's URI. Verifiers find the same with it and without.
 */
function issuingDistributionPointOf(uri: string): Extension {
  const fullName = extensions.contextConstructed(0, extensions.uniformResourceIdentifier(uri));
  const value = new asn1js.Sequence({ value: [extensions.contextConstructed(0, fullName)] });
  return extensions.extension(OID.issuingDistributionPoint, value, { critical: true });
}
