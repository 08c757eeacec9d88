import { createHash, createPublicKey } from 'node:crypto';
import { DerError, type DerElement, readDer, TAG } from './der-reader.ts';
import { dateOfTime, dottedOid, textOf } from './der-values.ts';
import { hexOf } from './hexadecimal.ts';
import { nameText } from './name-text.ts';
import { OID, PRIVATE_EXTENSION_ARC } from './object-identifiers.ts';
import { DEFAULT_PRIVATE_ARC } from './profile.ts';
import { readTbsOfCertificate } from './tbs-certificate.ts';

/** A certificate in words. Absent extensions leave lists empty and texts undefined. */
export interface CertificateDescription {
  /** RFC 4514: most specific attribute first, `CN=…,O=…,C=…`. */
  readonly subject: string;
  readonly issuer: string;
  /** Upper-case hexadecimal digits of the INTEGER's octets. */
  readonly serialNumber: string;
  /** Whole seconds. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKeyAlgorithm: string;
  /** Modulus length. */
  readonly publicKeyBits: number;
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  /** RFC 5280 §4.2.1.3 names. */
  readonly keyUsage: readonly string[];
  /** `clientAuth`, `serverAuth`, or the dotted OID of another purpose. */
  readonly extKeyUsage: readonly string[];
  /** URIs. */
  readonly subjectAltName: readonly string[];
  /** Key identifiers in lower-case hexadecimal digits. */
  readonly skid: string | undefined;
  readonly akid: string | undefined;
  readonly certificatePolicies: readonly string[];
  readonly crlDistributionPoints: readonly string[];
  readonly ocsp: readonly string[];
  readonly caIssuers: readonly string[];
  /** The private extensions .1 to .5. */
  readonly agentUrn: string | undefined;
  readonly model: string | undefined;
  readonly permittedActions: readonly string[];
  readonly tenant: string | undefined;
  readonly financialScope: unknown;
  /** SHA-256 of the DER, lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
}

const KEY_USAGE_BITS = [
  'digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement', 'keyCertSign', 'cRLSign', 'encipherOnly', 'decipherOnly',
];
const PURPOSE_NAME: Readonly<Record<string, string>> = { [OID.clientAuth]: 'clientAuth', [OID.serverAuth]: 'serverAuth' };
const URI_TAG = 0x86; // GeneralName uniformResourceIdentifier [6]

/**
 * Describes a certificate of this service.
 * @param privateArc below which its private extensions stand
 * @throws DerError if `certificateDer` is not a certificate in DER, its key is none, or its financial scope is not JSON; a
 *   certificate of other origin may use ASN.1 types this service does not read
 */
export function describeCertificate(certificateDer: Uint8Array, privateArc = DEFAULT_PRIVATE_ARC): CertificateDescription {
  const tbs = readTbsOfCertificate(certificateDer);
  const publicKey = orDerError('The certificate’s key cannot be read (RFC 5280 §4.1.2.7).', () => createPublicKey({ key: Buffer.from(tbs.subjectPublicKeyInfo.encoded), format: 'der', type: 'spki' }));
  const valueOf = (oid: string): DerElement | undefined => {
    const found = tbs.extensions.find((extension) => extension.oid === oid);
    return found && readDer(found.value);
  };
  const privateValueOf = (name: keyof typeof PRIVATE_EXTENSION_ARC): DerElement | undefined => valueOf(`${privateArc}.${PRIVATE_EXTENSION_ARC[name]}`);
  const textOrUndefined = (element: DerElement | undefined): string | undefined => element && textOf(element.content);
  const basicConstraints = valueOf(OID.basicConstraints)?.children ?? [];
  const pathLength = basicConstraints.find(({ tag }) => tag === TAG.integer);
  const keyIdentifier = valueOf(OID.subjectKeyIdentifier);
  const authorityKeyIdentifier = valueOf(OID.authorityKeyIdentifier)?.children.find(({ tag }) => tag === 0x80);
  const accessDescriptions = valueOf(OID.authorityInfoAccess)?.children ?? [];
  const accessUrls = (method: string): string[] =>
    accessDescriptions.filter(({ children: [id] }) => id !== undefined && dottedOid(id.content) === method).flatMap(urisIn);
  const scope = textOrUndefined(privateValueOf('financialScope'));
  return {
    subject: nameText(tbs.subject),
    issuer: nameText(tbs.issuer),
    serialNumber: hexOf(tbs.serialNumber.content).toUpperCase(),
    notBefore: dateOfTime(tbs.notBefore),
    notAfter: dateOfTime(tbs.notAfter),
    publicKeyAlgorithm: (publicKey.asymmetricKeyType ?? 'unknown').toUpperCase(),
    publicKeyBits: publicKey.asymmetricKeyDetails?.modulusLength ?? 0,
    isAuthority: basicConstraints[0]?.content[0] === 0xff,
    pathLength: pathLength && Number.parseInt(hexOf(pathLength.content), 16),
    keyUsage: namedBits(valueOf(OID.keyUsage)),
    extKeyUsage: (valueOf(OID.extKeyUsage)?.children ?? []).map(({ content }) => dottedOid(content)).map((oid) => PURPOSE_NAME[oid] ?? oid),
    subjectAltName: urisIn(valueOf(OID.subjectAltName)),
    skid: keyIdentifier && hexOf(keyIdentifier.content),
    akid: authorityKeyIdentifier && hexOf(authorityKeyIdentifier.content),
    certificatePolicies: (valueOf(OID.certificatePolicies)?.children ?? []).flatMap(({ children: [id] }) => (id ? [dottedOid(id.content)] : [])),
    crlDistributionPoints: urisIn(valueOf(OID.cRLDistributionPoints)),
    ocsp: accessUrls(OID.ocsp),
    caIssuers: accessUrls(OID.caIssuers),
    agentUrn: textOrUndefined(privateValueOf('agentUrn')),
    model: textOrUndefined(privateValueOf('model')),
    permittedActions: (privateValueOf('permittedActions')?.children ?? []).map(({ content }) => textOf(content)),
    tenant: textOrUndefined(privateValueOf('tenant')),
    financialScope: scope === undefined ? undefined : orDerError('The certificate’s financial scope is not JSON.', () => JSON.parse(scope) as unknown),
    fingerprintSha256: createHash('sha256').update(certificateDer).digest('hex'),
  };
}

function orDerError<Value>(message: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw new DerError(message, { cause });
  }
}

function namedBits(bitString: DerElement | undefined): string[] {
  const octets = bitString?.content.subarray(1) ?? new Uint8Array();
  return KEY_USAGE_BITS.filter((_, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

function urisIn(element: DerElement | undefined): string[] {
  if (element === undefined) return [];
  return element.tag === URI_TAG ? [textOf(element.content)] : element.children.flatMap(urisIn);
}
