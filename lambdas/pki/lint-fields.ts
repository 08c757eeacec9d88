import { type DerElement, readDer, TAG } from './der-reader.ts';
import { derNotation, epochSecondsOf, textOf } from './der-values.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { nameAttributeProblem } from './name-attribute.ts';
import { hexOf } from './hexadecimal.ts';
import { isCountryCode } from './iso-3166.ts';
import { OID } from './object-identifiers.ts';
import { isRsaEncryption, rsaPublicKeyOf } from './rsa-public-key.ts';
import type { TbsFields } from './tbs-certificate.ts';

/** What a TBSCertificate must say, but for its extensions. */
export interface ExpectedFields {
  /** 32 upper-case hexadecimal digits. */
  readonly serialNumber: string;
  /** The certificate whose key signs; undefined for a root. */
  readonly issuer: TbsFields | undefined;
  /** What notAfter − notBefore must be. */
  readonly validitySeconds: number;
  /** Whether it may be less, where it ends with the issuer. */
  readonly mayEndEarly?: boolean;
  readonly subject: DistinguishedName;
  /** The certified key as KMS holds it. */
  readonly subjectPublicKeyInfoDer: Uint8Array;
  readonly rsaBits: number;
}

/** Refuses every field that is not as expected. */
export function* fieldRefusals(tbs: TbsFields, expected: ExpectedFields): Iterable<string> {
  const { issuer } = expected;
  yield* versionRefusals(tbs);
  yield* serialNumberRefusals(tbs, expected.serialNumber);
  yield* signatureAlgorithmRefusals(tbs);
  if (issuer !== undefined) yield* authorityRefusals(issuer);
  yield* issuerRefusals(tbs, issuer?.subject ?? tbs.subject);
  yield* validityRefusals(tbs, expected);
  yield* subjectRefusals(tbs, expected.subject);
  yield* publicKeyRefusals(tbs, expected.subjectPublicKeyInfoDer, expected.rsaBits);
}

// Each function refuses what is wrong with one field, with the reason and where it is written.

function* versionRefusals({ version, uniqueIds }: TbsFields): Iterable<string> {
  if (version === undefined || hexOf(version.encoded) !== '020102') yield 'version is not v3 (RFC 5280 §4.1.2.1)';
  if (uniqueIds.length > 0) yield 'issuerUniqueID or subjectUniqueID is present (RFC 5280 §4.1.2.8)';
}

/** @param expected hexadecimal digits, upper case */
function* serialNumberRefusals({ serialNumber: { content } }: TbsFields, expected: string): Iterable<string> {
  const first = content[0] ?? 0;
  if (first >= 0x80 || content.every((octet) => octet === 0)) yield 'serialNumber is not positive (RFC 5280 §4.1.2.2)';
  else if (content.length > 20) yield 'serialNumber is longer than 20 octets (RFC 5280 §4.1.2.2)';
  // 64 random bits cannot hide in fewer than 8 octets; whence they came no bytes can tell.
  else if (content.length < 8) yield 'serialNumber has no room for 64 random bits (CA/B Forum BR §7.1)';
  else if (hexOf(content).toUpperCase() !== expected) yield 'serialNumber is not that of the certificate id (certificate profile)';
}

function* signatureAlgorithmRefusals({ signature }: TbsFields): Iterable<string> {
  const expected = `SEQUENCE { OID ${OID.sha256WithRSAEncryption}, NULL }`;
  const found = derNotation(signature);
  if (found !== expected) yield `signature is ${found}, not ${expected} (RFC 4055 §5)`;
}

/** A wrong file configured as the issuer would otherwise show only in the first client's handshake. */
function* authorityRefusals(issuer: TbsFields): Iterable<string> {
  const basicConstraints = issuer.extensions.find(({ oid }) => oid === OID.basicConstraints);
  const isAuthority = basicConstraints !== undefined && readDer(basicConstraints.value).children[0]?.content[0] === 0xff;
  if (!isAuthority) yield 'the issuer certificate is not a CA certificate (RFC 5280 §4.2.1.9)';
}

function* issuerRefusals({ issuer }: TbsFields, issuerSubject: DerElement): Iterable<string> {
  if (hexOf(issuer.encoded) !== hexOf(issuerSubject.encoded)) yield "issuer is not byte for byte the CA's subject (RFC 5280 §4.1.2.4, §7.1)";
}

function* validityRefusals({ notBefore, notAfter }: TbsFields, { validitySeconds, mayEndEarly = false, issuer }: ExpectedFields): Iterable<string> {
  const start = epochSecondsOf(notBefore);
  const end = epochSecondsOf(notAfter);
  if (start === undefined || end === undefined) {
    yield 'validity is not two existing moments (RFC 5280 §4.1.2.5)';
    return;
  }
  yield* timeTypeRefusals('notBefore', notBefore, start);
  yield* timeTypeRefusals('notAfter', notAfter, end);
  const issuerStart = issuer && epochSecondsOf(issuer.notBefore);
  const issuerEnd = issuer && epochSecondsOf(issuer.notAfter);
  const endsWithIssuer = mayEndEarly && end === issuerEnd && end - start < validitySeconds && start <= end;
  if (end - start !== validitySeconds && !endsWithIssuer) {
    yield `validity is ${end - start} s, not ${validitySeconds} s (RFC 5280 §4.1.2.5, certificate profile)`;
  }
  if (issuer === undefined) return;
  if (issuerStart === undefined || start < issuerStart) yield "notBefore lies before the CA's (certificate profile, RFC 5280 §6.1.3)";
  if (issuerEnd === undefined || end > issuerEnd) yield "notAfter lies after the CA's (certificate profile, RFC 5280 §6.1.3)";
}

function* timeTypeRefusals(field: string, { tag }: DerElement, epochSeconds: number): Iterable<string> {
  const expected = new Date(epochSeconds * 1000).getUTCFullYear() < 2050 ? TAG.utcTime : TAG.generalizedTime;
  if (tag !== expected) yield `${field} is not ${expected === TAG.utcTime ? 'UTCTime before' : 'GeneralizedTime from'} 2050 (RFC 5280 §4.1.2.5)`;
}

/** Compares the subject with the expected name: a SEQUENCE of SETs of one attribute each, of the right string types. */
function* subjectRefusals({ subject }: TbsFields, { country, organization, commonName }: DistinguishedName): Iterable<string> {
  const rdn = (type: string, value: string): string => `SET { SEQUENCE { OID ${type}, ${value} } }`;
  const rdns = [
    ...(country === undefined ? [] : [rdn(OID.countryName, `PrintableString ${JSON.stringify(country)}`)]),
    rdn(OID.organizationName, `UTF8String ${JSON.stringify(organization)}`),
    rdn(OID.commonName, `UTF8String ${JSON.stringify(commonName)}`),
  ];
  const expected = `SEQUENCE { ${rdns.join(', ')} }`;
  const found = derNotation(subject);
  if (subject.children.some(({ tag, children }) => tag !== TAG.set || children.length !== 1)) {
    yield 'subject is not a SEQUENCE of SETs of one attribute each (RFC 5280 §4.1.2.4, §4.1.2.6)';
  } else if (found !== expected) yield `subject is ${found}, not ${expected} (RFC 5280 §4.1.2.6)`;
  for (const { children: [type, value] } of subject.children.flatMap(({ children }) => children)) {
    const text = textOf(value?.content ?? new Uint8Array());
    const isCountry = type !== undefined && derNotation(type) === `OID ${OID.countryName}`;
    const problem = isCountry && !isCountryCode(text) ? 'is not a country' : nameAttributeProblem(text);
    if (problem !== undefined) yield `a subject attribute ${problem} (X.520, RFC 5280 appendix A.1)`;
  }
}

/** @param expectedDer the key KMS holds */
function* publicKeyRefusals({ subjectPublicKeyInfo }: TbsFields, expectedDer: Uint8Array, bits: number): Iterable<string> {
  if (hexOf(subjectPublicKeyInfo.encoded) !== hexOf(expectedDer)) {
    yield 'subjectPublicKeyInfo is not the KMS key’s (certificate profile)';
    return;
  }
  if (!isRsaEncryption(subjectPublicKeyInfo)) {
    yield 'subjectPublicKeyInfo is not rsaEncryption with NULL parameters (RFC 3279 §2.3.1)';
    return;
  }
  const { modulusBits, exponent } = rsaPublicKeyOf(subjectPublicKeyInfo);
  if (modulusBits !== bits) yield `the RSA modulus has ${modulusBits} bits, not ${bits} (certificate profile)`;
  if (exponent !== '010001') yield 'the RSA exponent is not 65537 (certificate profile, FIPS 186-5 §A.1.1)';
}
