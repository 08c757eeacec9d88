import { DerError, type DerElement, readDer, TAG } from './der-reader.ts';
import { dottedOid } from './der-values.ts';
import { OID } from './object-identifiers.ts';

/** The fields of a TBSCertificate (RFC 5280 §4.1.2) as elements of its DER. */
export interface TbsFields {
  /** The INTEGER inside [0], undefined where the field is left out, which means v1. */
  readonly version: DerElement | undefined;
  readonly serialNumber: DerElement;
  readonly signature: DerElement;
  readonly issuer: DerElement;
  readonly notBefore: DerElement;
  readonly notAfter: DerElement;
  readonly subject: DerElement;
  readonly subjectPublicKeyInfo: DerElement;
  /** Whatever stands between the public key and the extensions: issuerUniqueID and subjectUniqueID. */
  readonly uniqueIds: readonly DerElement[];
  readonly extensions: readonly ExtensionFields[];
}

export interface ExtensionFields {
  readonly oid: string;
  readonly critical: boolean;
  /** `critical FALSE` written out, although it is the default and DER leaves defaults out (X.690 §11.5). */
  readonly defaultEncoded: boolean;
  /** What the OCTET STRING holds. */
  readonly value: Uint8Array;
}

/**
 * Takes a TBSCertificate apart without judging its values.
 * @throws DerError if it is not DER or lacks a field
 */
export function readTbsCertificate(tbsCertificateDer: Uint8Array): TbsFields {
  return fieldsOf(readDer(tbsCertificateDer));
}

/**
 * Takes the TBSCertificate inside a certificate apart.
 * @throws DerError if `certificateDer` is not DER or not a certificate
 */
export function readTbsOfCertificate(certificateDer: Uint8Array): TbsFields {
  const certificate = readDer(certificateDer);
  const tbsCertificate = certificate.children[0];
  if (certificate.tag !== TAG.sequence || certificate.children.length !== 3 || !tbsCertificate) {
    throw new DerError('The DER is not a Certificate (RFC 5280 §4.1).');
  }
  return fieldsOf(tbsCertificate);
}

/**
 * The SubjectPublicKeyInfo of a certificate, as verifyCertificateSignature takes its issuer's.
 * @returns a copy of its DER
 * @throws DerError if `certificateDer` is not DER or not a certificate
 */
export function subjectPublicKeyInfoOf(certificateDer: Uint8Array): Uint8Array {
  return readTbsOfCertificate(certificateDer).subjectPublicKeyInfo.encoded.slice();
}

/**
 * The octets of a CA certificate's subjectKeyIdentifier, a view of its bytes.
 * @throws DerError if it has none: every CA certificate must (RFC 5280 §4.2.1.2)
 */
export function subjectKeyIdentifierOf({ extensions }: TbsFields): Uint8Array {
  const found = extensions.find(({ oid }) => oid === OID.subjectKeyIdentifier);
  const value = found && readDer(found.value);
  if (value?.tag !== TAG.octetString) throw new DerError('The issuer certificate has no subjectKeyIdentifier (RFC 5280 §4.2.1.2).');
  return value.content;
}

function fieldsOf(tbsCertificate: DerElement): TbsFields {
  const fields = [...tbsCertificate.children];
  const version = fields[0]?.tag === 0xa0 ? onlyChild(fields.shift()) : undefined;
  const [serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, ...optional] = fields;
  const [notBefore, notAfter, ...beyond] = validity?.children ?? [];
  const expectedTags = [TAG.integer, TAG.sequence, TAG.sequence, TAG.sequence, TAG.sequence, TAG.sequence];
  const shaped = tbsCertificate.tag === TAG.sequence && expectedTags.every((tag, index) => fields[index]?.tag === tag) && beyond.length === 0;
  if (!shaped || !serialNumber || !signature || !issuer || !notBefore || !notAfter || !subject || !subjectPublicKeyInfo) {
    throw new DerError('The DER is not a TBSCertificate (RFC 5280 §4.1).');
  }
  const extensions = optional.at(-1)?.tag === 0xa3 ? optional.pop() : undefined;
  return {
    version, serialNumber, signature, issuer, notBefore, notAfter, subject, subjectPublicKeyInfo,
    uniqueIds: optional,
    extensions: extensions === undefined ? [] : extensionsOf(extensions),
  };
}

/** What an EXPLICIT tag stands around, which is one element (X.690 §8.14.2). */
function onlyChild(explicit: DerElement | undefined): DerElement {
  const [child, ...others] = explicit?.children ?? [];
  if (child === undefined || others.length > 0) throw new DerError('An EXPLICIT tag is not around one element (X.690 §8.14.2).');
  return child;
}

/**
 * Takes the Extensions under an EXPLICIT tag apart.
 * @throws DerError if they are none, or empty (RFC 5280 §4.1)
 */
export function extensionsOf(explicitExtensions: DerElement): ExtensionFields[] {
  const { tag, children } = onlyChild(explicitExtensions);
  if (tag !== TAG.sequence || children.length === 0) throw new DerError('Extensions are malformed: they are not a SEQUENCE of one or more (RFC 5280 §4.1).');
  return children.map(extensionOf);
}

/**
 * Takes one Extension apart.
 * @throws DerError if it is none
 */
export function extensionOf({ tag, children }: DerElement): ExtensionFields {
  const value = children.at(-1);
  const critical = children.length === 3 ? children[1] : undefined;
  const shaped = tag === TAG.sequence && (children.length === 2 || (children.length === 3 && critical?.tag === TAG.boolean));
  if (!shaped || children[0]?.tag !== TAG.objectIdentifier || value?.tag !== TAG.octetString) {
    throw new DerError('An extension is not { extnID, critical DEFAULT FALSE, extnValue } (RFC 5280 §4.1).');
  }
  const isCritical = critical?.content[0] === 0xff;
  return { oid: dottedOid(children[0].content), critical: isCritical, defaultEncoded: critical !== undefined && !isCritical, value: value.content };
}
