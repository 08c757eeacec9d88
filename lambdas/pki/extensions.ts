import { createHash } from 'node:crypto';
import * as asn1js from 'asn1js';
import { Extension } from 'pkijs';
import { octetsOf } from './hexadecimal.ts';
import { OID } from './object-identifiers.ts';
import { ownedBuffer } from './owned-buffer.ts';
import { ProfileError } from './profile-error.ts';

// The standard extensions (RFC 5280 §4.2), each value written as the ASN.1 it is. PKI.js has classes for them, but
// these encode `cA FALSE` and `pathLenConstraint 0` where nothing was asked for, and check no alphabet.

/** basicConstraints (§4.2.1.9), critical. The empty SEQUENCE says "not a CA": DER leaves `cA FALSE`, the default, out. */
export function basicConstraints(constraints: { readonly cA: boolean; readonly pathLength?: number }): Extension {
  const value = constraints.cA ? [new asn1js.Boolean({ value: true })] : [];
  const pathLength = constraints.pathLength === undefined ? [] : [new asn1js.Integer({ value: constraints.pathLength })];
  return extension(OID.basicConstraints, new asn1js.Sequence({ value: [...value, ...pathLength] }), { critical: true });
}

/** keyUsage (§4.2.1.3), critical: digitalSignature (bit 0) alone. */
export function digitalSignatureUsage(): Extension {
  return keyUsage('80', 7);
}

/** keyUsage (§4.2.1.3), critical: keyCertSign (bit 5) and cRLSign (bit 6). */
export function certificateAndCrlSigningUsage(): Extension {
  return keyUsage('06', 1);
}

/** extKeyUsage (§4.2.1.12) of these purposes, in this order. */
export function extKeyUsage(purposes: readonly string[]): Extension {
  return extension(OID.extKeyUsage, new asn1js.Sequence({ value: purposes.map((value) => new asn1js.ObjectIdentifier({ value })) }));
}

/**
 * subjectAltName (§4.2.1.6) of exactly one URI; not critical, as the subject is not empty.
 * @throws ProfileError if `uri` is not visible ASCII
 */
export function subjectAltName(uri: string): Extension {
  return extension(OID.subjectAltName, new asn1js.Sequence({ value: [uniformResourceIdentifier(uri)] }));
}

/** subjectKeyIdentifier (§4.2.1.2); `keyIdentifier` as {@link keyIdentifierOf} makes it. */
export function subjectKeyIdentifier(keyIdentifier: Uint8Array): Extension {
  return extension(OID.subjectKeyIdentifier, new asn1js.OctetString({ valueHex: ownedBuffer(keyIdentifier) }));
}

/** authorityKeyIdentifier (§4.2.1.1): the key id only, copied from the issuer's subjectKeyIdentifier. */
export function authorityKeyIdentifier(keyIdentifier: Uint8Array): Extension {
  return extension(OID.authorityKeyIdentifier, new asn1js.Sequence({ value: [contextPrimitive(0, keyIdentifier)] }));
}

/** certificatePolicies (§4.2.1.4): one policy, no qualifiers. */
export function certificatePolicies(policyOid: string): Extension {
  const policyInformation = new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: policyOid })] });
  return extension(OID.certificatePolicies, new asn1js.Sequence({ value: [policyInformation] }));
}

/**
 * cRLDistributionPoints (§4.2.1.13): one DistributionPoint whose fullName is `url`.
 * @throws ProfileError if `url` is not visible ASCII
 */
export function crlDistributionPoints(url: string): Extension {
  const fullName = contextConstructed(0, uniformResourceIdentifier(url));
  const distributionPoint = new asn1js.Sequence({ value: [contextConstructed(0, fullName)] });
  return extension(OID.cRLDistributionPoints, new asn1js.Sequence({ value: [distributionPoint] }));
}

/**
 * authorityInfoAccess (§4.2.2.1): the OCSP responder, where there is one, then the issuer's certificate.
 * @throws ProfileError if a URL is not visible ASCII
 */
export function authorityInfoAccess(access: { readonly ocsp?: string; readonly caIssuers: string }): Extension {
  const descriptions = [
    ...(access.ocsp === undefined ? [] : [accessDescription(OID.ocsp, access.ocsp)]),
    accessDescription(OID.caIssuers, access.caIssuers),
  ];
  return extension(OID.authorityInfoAccess, new asn1js.Sequence({ value: descriptions }));
}

/** id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1): an OCSP responder's certificate is taken without asking whether it is revoked. */
export function ocspNoCheck(): Extension {
  return extension(OID.ocspNoCheck, new asn1js.Null());
}

/**
 * The key identifier of a public key: SHA-1 of the subjectPublicKey bits (§4.2.1.2 method 1). It finds keys, it proves
 * nothing, and OCSP's responderID byKey is defined over SHA-1 (RFC 6960 §4.2.1), so one value serves both.
 * @param subjectPublicKey the BIT STRING's octets, without the count of unused bits
 * @returns 20 octets
 */
export function keyIdentifierOf(subjectPublicKey: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha1').update(subjectPublicKey).digest());
}

/** Wraps a value into an Extension; not critical unless asked for. */
export function extension(extnID: string, value: asn1js.BaseBlock, { critical = false } = {}): Extension {
  // `extnValue` and not `parsedValue`, from which PKI.js encodes an empty value.
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}

/** Named bits, minimal as X.690 §11.2.2 wants them: `unusedBits` trailing zeros are not part of the value. */
function keyUsage(bits: string, unusedBits: number): Extension {
  return extension(OID.keyUsage, new asn1js.BitString({ valueHex: octetsOf(bits), unusedBits }), { critical: true });
}

function accessDescription(accessMethod: string, url: string): asn1js.Sequence {
  return new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: accessMethod }), uniformResourceIdentifier(url)] });
}

/** GeneralName [6], an IA5String (§4.2.1.6); RFC 3986 leaves visible ASCII of it, which asn1js does not check. */
export function uniformResourceIdentifier(uri: string): asn1js.Primitive {
  if (!/^[\x21-\x7e]+$/.test(uri)) throw new ProfileError('A URI in a certificate is visible ASCII (RFC 5280 §4.2.1.6, RFC 3986 §2).');
  return contextPrimitive(6, Buffer.from(uri, 'latin1'));
}

function contextPrimitive(tagNumber: number, octets: Uint8Array): asn1js.Primitive {
  return new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: ownedBuffer(octets) });
}

export function contextConstructed(tagNumber: number, value: asn1js.BaseBlock): asn1js.Constructed {
  return new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [value] });
}
