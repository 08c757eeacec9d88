import { createHash } from 'node:crypto';
import * as asn1js from 'asn1js';
import { AlgorithmIdentifier, Certificate, type Extension, type PublicKeyInfo, RelativeDistinguishedNames } from 'pkijs';
import type { CertifiedAgent } from './certified-agent.ts';
import { TAG } from './der-reader.ts';
import { dateOfTime } from './der-values.ts';
import { derElement } from './der-writer.ts';
import { type DistinguishedName, encodeName } from './distinguished-name.ts';
import { crlShardUrl, issuingCertificateUrl, ocspUrl, rootCertificateUrl, rootCrlUrl } from './distribution-urls.ts';
import * as extensions from './extensions.ts';
import { octetsOf } from './hexadecimal.ts';
import { generationOfShard } from './issuing-generation.ts';
import { OID } from './object-identifiers.ts';
import { ownedBuffer } from './owned-buffer.ts';
import { privateExtensions } from './private-extensions.ts';
import { ProfileError } from './profile-error.ts';
import { agentUri, agentValiditySeconds, ISSUING_VALIDITY_SECONDS, type ProfileSettings, ROOT_VALIDITY_SECONDS } from './profile.ts';
import { serialNumberOf } from './serial-number.ts';
import { SHA256_WITH_RSA_DER } from './signature-algorithm.ts';
import { parseSubjectPublicKeyInfo } from './subject-public-key-info.ts';
import { readTbsOfCertificate, subjectKeyIdentifierOf } from './tbs-certificate.ts';
import { encodeTime, type Validity, validityOf } from './validity.ts';

// The certificate's other forms have files of their own and are part of this module's interface.
export { certificateBundlePkcs7 } from './certificate-bundle.ts';
export { type CertificateDescription, describeCertificate } from './certificate-description.ts';
export type { CertifiedAgent } from './certified-agent.ts';
export { certificateToPem, pemToDer } from './pem.ts';

/** A certificate that lacks its signature, because the key that makes it is in KMS. */
export interface UnsignedCertificate {
  /** What is signed (RFC 5280 §4.1.1.1). */
  readonly tbsCertificateDer: Uint8Array;
  /** SHA-256 of it: what KMS signs under MessageType DIGEST. */
  readonly digest: Uint8Array;
  /**
   * The certificate's DER.
   * @param signature RSASSA-PKCS1-v1_5 over `digest`; taken as it is, so verify it (signature.ts) before storing
   */
  withSignature(signature: Uint8Array): Uint8Array;
}

export interface RootCertificateRequest {
  readonly subject: DistinguishedName;
  /** As KMS GetPublicKey returns it. */
  readonly subjectPublicKeyInfoDer: Uint8Array;
  /** 32 upper-case hexadecimal digits, as serialNumberFromRandom makes them. */
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly settings: ProfileSettings;
}

export interface IssuingCertificateRequest extends RootCertificateRequest {
  readonly rootCertificateDer: Uint8Array;
}

export interface AgentCertificateRequest {
  readonly agent: CertifiedAgent;
  /** A UUID as certificateIdFromRandom makes them; the serial number is its 128 bits. */
  readonly certificateId: string;
  readonly subjectPublicKeyInfoDer: Uint8Array;
  readonly notBefore: Date;
  readonly issuerCertificateDer: Uint8Array;
  readonly settings: ProfileSettings;
  /** The CRL shard that covers the certificate for as long as it lives, one of its issuer's. Required where there is a distributionUrl. */
  readonly crlShard?: number;
}

/**
 * The self-signed root. It carries no URLs (nobody could revoke it by them), so that of the settings nothing enters it.
 * @throws ProfileError for a name, serial number or date outside the profile; DerError for a malformed public key
 */
export function buildRootCertificate(request: RootCertificateRequest): UnsignedCertificate {
  const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(request.subjectPublicKeyInfoDer);
  const subject = encodeName(request.subject);
  return unsignedCertificate({
    serialNumber: request.serialNumber,
    issuer: subject,
    validity: validityOf(request.notBefore, ROOT_VALIDITY_SECONDS),
    subject,
    subjectPublicKeyInfo,
    extensions: [
      extensions.basicConstraints({ cA: true }),
      extensions.certificateAndCrlSigningUsage(),
      extensions.subjectKeyIdentifier(keyIdentifierOf(subjectPublicKeyInfo)),
    ],
  });
}

/**
 * The CA that signs agents' certificates and nothing below it (pathLen 0). Its ten years end with the root's, should
 * those end earlier.
 * @throws ProfileError for a name, serial number or date outside the profile; DerError for a malformed public key or root
 */
export function buildIssuingCertificate(request: IssuingCertificateRequest): UnsignedCertificate {
  const root = readTbsOfCertificate(request.rootCertificateDer);
  const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(request.subjectPublicKeyInfoDer);
  const { distributionUrl } = request.settings;
  return unsignedCertificate({
    serialNumber: request.serialNumber,
    issuer: root.subject.encoded,
    validity: validityOf(request.notBefore, ISSUING_VALIDITY_SECONDS, dateOfTime(root.notAfter)),
    subject: encodeName(request.subject),
    subjectPublicKeyInfo,
    extensions: [
      extensions.basicConstraints({ cA: true, pathLength: 0 }),
      extensions.certificateAndCrlSigningUsage(),
      extensions.subjectKeyIdentifier(keyIdentifierOf(subjectPublicKeyInfo)),
      extensions.authorityKeyIdentifier(subjectKeyIdentifierOf(root)),
      ...(distributionUrl === undefined
        ? []
        : [
            extensions.crlDistributionPoints(rootCrlUrl(distributionUrl)),
            extensions.authorityInfoAccess({ caIssuers: rootCertificateUrl(distributionUrl) }),
          ]),
    ],
  });
}

/**
 * An agent's certificate: its days to the second, the agent's id as common name and in its one URI. The validity is not
 * fitted into the issuer's; lint.ts refuses what does not fit.
 * @throws ProfileError for text outside its type's alphabet, a date outside the profile or a missing CRL shard;
 *   RangeError for a certificate id that is not a UUID; DerError for a malformed public key or issuer certificate
 */
export function buildAgentCertificate(request: AgentCertificateRequest): UnsignedCertificate {
  const { agent, settings } = request;
  const issuer = readTbsOfCertificate(request.issuerCertificateDer);
  const subjectPublicKeyInfo = parseSubjectPublicKeyInfo(request.subjectPublicKeyInfoDer);
  const purposes = settings.spiffeTrustDomain === undefined ? [OID.clientAuth] : [OID.serverAuth, OID.clientAuth];
  return unsignedCertificate({
    serialNumber: serialNumberOf(request.certificateId),
    issuer: issuer.subject.encoded,
    validity: validityOf(request.notBefore, agentValiditySeconds(settings)),
    subject: encodeName({ organization: agent.operatorOrg ?? agent.tenantId, commonName: agent.id }),
    subjectPublicKeyInfo,
    extensions: [
      extensions.basicConstraints({ cA: false }),
      extensions.digitalSignatureUsage(),
      extensions.extKeyUsage(purposes),
      extensions.subjectKeyIdentifier(keyIdentifierOf(subjectPublicKeyInfo)),
      extensions.authorityKeyIdentifier(subjectKeyIdentifierOf(issuer)),
      extensions.subjectAltName(agentUri(settings, agent.tenantId, agent.id)),
      ...(settings.policyOid === undefined ? [] : [extensions.certificatePolicies(settings.policyOid)]),
      ...(settings.distributionUrl === undefined ? [] : revocationPointers(settings.distributionUrl, request.crlShard)),
      ...privateExtensions(settings.privateArc, agent),
    ],
  });
}

function revocationPointers(distributionUrl: string, crlShard: number | undefined): Extension[] {
  if (crlShard === undefined || !Number.isSafeInteger(crlShard) || crlShard < 0) {
    throw new ProfileError('A certificate with a distribution URL belongs to a CRL shard, numbered from 0.');
  }
  return [
    extensions.crlDistributionPoints(crlShardUrl(distributionUrl, crlShard)),
    extensions.authorityInfoAccess({ ocsp: ocspUrl(distributionUrl), caIssuers: issuingCertificateUrl(distributionUrl, generationOfShard(crlShard)) }),
  ];
}

export interface TbsCertificate {
  readonly serialNumber: string;
  /** DER, byte for byte the issuer's own subject: verifiers compare names by their bytes (RFC 5280 §4.1.2.4, §7.1). */
  readonly issuer: Uint8Array;
  readonly validity: Validity;
  readonly subject: Uint8Array;
  readonly subjectPublicKeyInfo: PublicKeyInfo;
  readonly extensions: Extension[];
}

/** Encodes what the functions above, and buildServiceCertificate, have put together; no profile is applied here. */
export function unsignedCertificate(fields: TbsCertificate): UnsignedCertificate {
  const tbsCertificate = new Certificate({
    version: 2, // v3 counts from zero.
    serialNumber: serialNumberInteger(fields.serialNumber),
    signature: sha256WithRsaEncryption(),
    issuer: nameFromDer(fields.issuer),
    notBefore: encodeTime(fields.validity.notBefore),
    notAfter: encodeTime(fields.validity.notAfter),
    subject: nameFromDer(fields.subject),
    subjectPublicKeyInfo: fields.subjectPublicKeyInfo,
    extensions: fields.extensions,
  }).encodeTBS();
  const tbsCertificateDer = new Uint8Array(tbsCertificate.toBER());
  return {
    tbsCertificateDer,
    digest: Uint8Array.from(createHash('sha256').update(tbsCertificateDer).digest()),
    // The TBSCertificate as it was signed, not encoded once more.
    withSignature: (signature) =>
      derElement(TAG.sequence, tbsCertificateDer, SHA256_WITH_RSA, derElement(TAG.bitString, Uint8Array.of(0), signature)),
  };
}

const SHA256_WITH_RSA = octetsOf(SHA256_WITH_RSA_DER);

/** RFC 4055 §5 wants the NULL written out, inside the TBSCertificate and outside alike (RFC 5280 §4.1.1.2). */
function sha256WithRsaEncryption(): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithmId: OID.sha256WithRSAEncryption, algorithmParams: new asn1js.Null() });
}

/** asn1js writes the octets as they are, so only what is minimal and positive may come here (RFC 5280 §4.1.2.2). */
function serialNumberInteger(serialNumber: string): asn1js.Integer {
  const octets = /^[0-9A-F]{32}$/.test(serialNumber) ? octetsOf(serialNumber) : new Uint8Array(1);
  const first = octets[0] ?? 0;
  if (first < 0x01 || first > 0x7f) {
    throw new ProfileError('A serial number is 16 octets, the first of them 0x01–0x7f (RFC 5280 §4.1.2.2).');
  }
  return new asn1js.Integer({ valueHex: octets });
}

/** PKI.js repeats `valueBeforeDecode` as it stands, which is what keeps a name's bytes. */
function nameFromDer(der: Uint8Array): RelativeDistinguishedNames {
  return new RelativeDistinguishedNames({ valueBeforeDecode: ownedBuffer(der) });
}

export function keyIdentifierOf(subjectPublicKeyInfo: PublicKeyInfo): Uint8Array {
  return extensions.keyIdentifierOf(subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView);
}
