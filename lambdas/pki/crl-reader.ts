import type { SignedOctets } from './certificate-reader.ts';
import { decodeRevokedCertificate, type RevokedCertificate } from './crl-entry.ts';
import { DerError, type DerElement, readDer, readHeader, TAG } from './der-reader.ts';
import { dateOfTime, textOf } from './der-values.ts';
import { readLayer, readShallow, type ShallowElement, shallowElements } from './der-shallow.ts';
import { hexOf } from './hexadecimal.ts';
import { nameText } from './name-text.ts';
import { OID } from './object-identifiers.ts';
import { SHA256_WITH_RSA_DER } from './signature-algorithm.ts';
import { type ExtensionFields, extensionsOf } from './tbs-certificate.ts';

/** A CRL of this service, read. Its signature is for others to judge, over what {@link readSignedCrl} returns. */
export interface CertificateRevocationList {
  /** RFC 4514: most specific attribute first. */
  readonly issuer: string;
  /** The same as DER, a view of the CRL: compare it with the issuer certificate's subject. */
  readonly issuerDer: Uint8Array;
  /** Whole seconds. */
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly crlNumber: bigint;
  /** The issuer's key identifier in lower-case hexadecimal digits. */
  readonly authorityKeyIdentifier: string;
  /** The URI of the shard; undefined for a CRL that covers every certificate of its issuer. */
  readonly issuingDistributionPoint: string | undefined;
  readonly entryCount: number;
  /** The content of revokedCertificates, a view of the CRL, for findRevokedCertificate. */
  readonly entriesDer: Uint8Array;
  /**
   * The entries in the CRL's order, each decoded when it is asked for.
   * @throws DerError, while iterating, at an entry that is malformed
   */
  revokedCertificates(): Generator<RevokedCertificate, void, undefined>;
}

/** Two million entries, more or less: what is longer is not ours, and not worth the time. */
const CRL_MAX_OCTETS = 128 * 2 ** 20;
/** Of the issuer's name and of the extensions together. */
const SMALL_MAX_OCTETS = 64 * 2 ** 10;
const CRL_EXTENSIONS = 0xa0;

/**
 * Reads a CRL strictly: v2, with nextUpdate, authorityKeyIdentifier and cRLNumber, and with no critical extension but an
 * issuingDistributionPoint of one URI and nothing else. Entries are counted, and decoded only while iterating.
 * @throws DerError for anything else
 */
export function parseCrl(crlDer: Uint8Array): CertificateRevocationList {
  const { tbsCertList } = partsOf(crlDer);
  const [version, signature, issuer, thisUpdate, nextUpdate, ...optional] = readLayer(tbsCertList.content, 7);
  const revoked = optional[0]?.tag === TAG.sequence ? optional.shift() : undefined;
  const [explicitExtensions, ...beyond] = optional;
  if (!version || !signature || !issuer || !thisUpdate || !nextUpdate || explicitExtensions?.tag !== CRL_EXTENSIONS || beyond.length > 0) {
    throw new DerError('The DER is not a v2 TBSCertList with nextUpdate and extensions (RFC 5280 §5.1.2).');
  }
  if (issuer.encoded.length + explicitExtensions.encoded.length > SMALL_MAX_OCTETS) throw new DerError('The CRL’s issuer or extensions are not of this service.');
  if (hexOf(version.encoded) !== '020101') throw new DerError('The CRL is not v2 (RFC 5280 §5.1.2.1).');
  if (revoked?.content.length === 0) throw new DerError('The CRL has an empty revokedCertificates (RFC 5280 §5.1.2.6).');
  const extensions = crlExtensionsOf(explicitExtensions);
  const name = readDer(issuer.encoded);
  const entriesDer = revoked?.content ?? new Uint8Array();
  return {
    issuer: nameText(name),
    issuerDer: name.encoded,
    thisUpdate: dateOfTime(readDer(thisUpdate.encoded)),
    nextUpdate: dateOfTime(readDer(nextUpdate.encoded)),
    ...extensions,
    entryCount: countElements(entriesDer),
    entriesDer,
    *revokedCertificates() {
      for (const { encoded } of shallowElements(entriesDer)) yield decodeRevokedCertificate(encoded);
    },
  };
}

/**
 * Takes a CRL's three parts apart, and holds it to say the same algorithm, sha256WithRSAEncryption with NULL, inside and
 * outside (RFC 5280 §5.1.1.2). The signature is for others to judge.
 * @returns the octets of the TBSCertList and the signature over them, views of `crlDer`
 * @throws DerError for anything else
 */
export function readSignedCrl(crlDer: Uint8Array): SignedOctets {
  const { tbsCertList, signatureValue } = partsOf(crlDer);
  return { signed: tbsCertList.encoded, signature: signatureValue.content.subarray(1) };
}

/** CertificateList (§5.1.1), with sha256WithRSAEncryption and NULL inside and outside (§5.1.1.2). */
function partsOf(crlDer: Uint8Array): { tbsCertList: ShallowElement; signatureValue: ShallowElement } {
  if (crlDer.length > CRL_MAX_OCTETS) throw new DerError(`The CRL is longer than ${CRL_MAX_OCTETS} octets.`);
  const certificateList = readShallow(crlDer);
  const [tbsCertList, signatureAlgorithm, signatureValue] = readLayer(certificateList.content, 3);
  const isSequence = certificateList.tag === TAG.sequence && tbsCertList?.tag === TAG.sequence;
  if (!isSequence || !signatureAlgorithm || signatureValue?.tag !== TAG.bitString || signatureValue.content[0] !== 0) {
    throw new DerError('The DER is not a CertificateList (RFC 5280 §5.1).');
  }
  const [, signature] = readLayer(tbsCertList.content, 7);
  if ([signature, signatureAlgorithm].some((algorithm) => algorithm === undefined || hexOf(algorithm.encoded) !== SHA256_WITH_RSA_DER)) {
    throw new DerError('The CRL’s algorithm is not sha256WithRSAEncryption with NULL in both places (RFC 5280 §5.1.1.2).');
  }
  return { tbsCertList, signatureValue };
}

function crlExtensionsOf(explicitExtensions: ShallowElement): Pick<CertificateRevocationList, 'crlNumber' | 'authorityKeyIdentifier' | 'issuingDistributionPoint'> {
  const extensions = extensionsOf(readDer(explicitExtensions.encoded));
  const take = (oid: string, critical: boolean): DerElement | undefined => {
    const found = extensions.filter((extension: ExtensionFields) => extension.oid === oid);
    if (found.length > 1 || found.some((extension) => extension.critical !== critical)) {
      throw new DerError(`Extension ${oid} appears twice, or its criticality is wrong (RFC 5280 §5.2).`);
    }
    return found[0] && readDer(found[0].value);
  };
  const keyIdentifier = take(OID.authorityKeyIdentifier, false)?.children[0];
  const number = take(OID.cRLNumber, false);
  const point = take(OID.issuingDistributionPoint, true);
  if (keyIdentifier?.tag !== 0x80 || number?.tag !== TAG.integer) throw new DerError('The CRL has no authorityKeyIdentifier or no cRLNumber (RFC 5280 §5.2).');
  if ((number.content[0] ?? 0x80) >= 0x80 || number.content.length > 20) throw new DerError('The CRL number is negative or above 20 octets (RFC 5280 §5.2.3).');
  if (extensions.some(({ oid, critical }) => critical && oid !== OID.issuingDistributionPoint)) {
    throw new DerError('The CRL has a critical extension that is not known here (RFC 5280 §5.2).');
  }
  return {
    crlNumber: BigInt(`0x${hexOf(number.content)}`),
    authorityKeyIdentifier: hexOf(keyIdentifier.content),
    issuingDistributionPoint: point && uriOfDistributionPoint(point),
  };
}

/**
 * The URI of a distribution point, of the CRL's own or of a certificate's: SEQUENCE { [0] { fullName [0] {
 * uniformResourceIdentifier [6] } } } and no further field (RFC 5280 §4.2.1.13, §5.2.5).
 * @throws DerError if it is anything else
 */
export function uriOfDistributionPoint(distributionPoint: DerElement): string {
  const only = (element: DerElement | undefined, tag: number): DerElement | undefined =>
    element?.children.length === 1 && element.children[0]?.tag === tag ? element.children[0] : undefined;
  const uri = only(only(only(distributionPoint, 0xa0), 0xa0), 0x86);
  if (uri === undefined) throw new DerError('A distribution point is not one URI alone (RFC 5280 §4.2.1.13, §5.2.5).');
  // Octets that are no text would all read as the same one, and URIs are compared.
  if (uri.content.some((octet) => octet >= 0x80)) throw new DerError('The URI of a distribution point is not an IA5String (RFC 5280 §4.2.1.6).');
  return textOf(uri.content);
}

function countElements(content: Uint8Array): number {
  let count = 0;
  for (let offset = 0; offset < content.length; count++) offset = readHeader(content, offset).end;
  return count;
}
