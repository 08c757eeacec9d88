import { beforeAll, describe, expect, it } from '@jest/globals';
import { type AgentLintInput, lintAgentCertificate, lintAuthorityCertificate } from '../../lambdas/pki/lint.ts';
import { readDer } from '../../lambdas/pki/der-reader.ts';
import { OID } from '../../lambdas/pki/object-identifiers.ts';
import { buildIssuingCertificate, buildRootCertificate } from '../../lambdas/pki/certificate.ts';
import {
  agent, agentCertificate, certificateId, distributed, issuingName, issuingSerialNumber, notBefore, rootName, rootSerialNumber, rsaKey, settings, type TestAuthority,
  testAuthority, type TestKey,
} from './authority-fixture.ts';
import { FIELD, fieldOf, hex, oid, tlv, utf8, withExtension, withExtensions, withField } from './der-surgery.ts';

let authority: TestAuthority;
let key: TestKey;
let tbs: Uint8Array;
let good: AgentLintInput;

beforeAll(() => {
  authority = testAuthority(distributed);
  key = rsaKey(2048);
  tbs = agentCertificate(authority, key, { settings: distributed, crlShard: 3 }).tbsCertificateDer;
  good = {
    tbsCertificateDer: tbs, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, issuerCertificateDer: authority.issuingCertificateDer,
    certificateId, settings: distributed, crlShard: 3, agent,
  };
});

const lint = (tbsCertificateDer: Uint8Array, changes: Partial<AgentLintInput> = {}): string[] => lintAgentCertificate({ ...good, ...changes, tbsCertificateDer });
const utcTime = (text: string): Uint8Array => tlv(0x17, utf8(text));
const generalizedTime = (text: string): Uint8Array => tlv(0x18, utf8(text));
const validity = (start: Uint8Array, end: Uint8Array): Uint8Array => withField(tbs, FIELD.validity, tlv(0x30, start, end));
const attribute = (type: string, value: Uint8Array): Uint8Array => tlv(0x30, oid(type), value);
const organization = (): Uint8Array => attribute(OID.organizationName, tlv(0x0c, utf8(agent.operatorOrg ?? '')));
const commonName = (): Uint8Array => attribute(OID.commonName, tlv(0x0c, utf8(agent.id)));
const subject = (...rdns: Uint8Array[]): Uint8Array => withField(tbs, FIELD.subject, tlv(0x30, ...rdns));
const withExtensionList = (change: (list: Uint8Array[]) => Uint8Array[]): Uint8Array =>
  withField(tbs, FIELD.extensions, tlv(0xa3, tlv(0x30, ...change((readDer(fieldOf(tbs, FIELD.extensions)).children[0]?.children ?? []).map(({ encoded }) => encoded)))));
const privateOid = (arc: number): string => `${settings.privateArc}.${arc}`;

it('has nothing against what the builder builds', () => {
  expect(lint(tbs)).toEqual([]);
  const { operatorOrg: _, model: __, financialScope: ___, ...bare } = agent;
  for (const [plainSettings, plainAgent] of [
    [settings, agent],
    [settings, { ...bare, permittedActions: [] }],
    [{ ...settings, spiffeTrustDomain: 'example.org' }, { ...agent, model: 'モデル', permittedActions: ['', '\ufeff"\\\u0000'] }],
  ] as const) {
    const built = agentCertificate(authority, key, { agent: plainAgent, settings: plainSettings });
    expect(lint(built.tbsCertificateDer, { agent: plainAgent, settings: plainSettings })).toEqual([]);
  }
});

describe('refuses, and says so in exactly one sentence,', () => {
  // A case each: what is wrong, the sentence's beginning, the TBSCertificate, and what else the linter is told.
  const cases: [string, RegExp, () => Uint8Array, (() => Partial<AgentLintInput>)?][] = [
    ['version 1 (left out)', /^version is not v3 .*4\.1\.2\.1/, () => withField(tbs, FIELD.version, hex(''))],
    ['version 2', /^version is not v3/, () => withField(tbs, FIELD.version, hex('a003020101'))],
    ['a unique id', /^issuerUniqueID .*4\.1\.2\.8/, () => withField(tbs, FIELD.extensions, Buffer.concat([hex('81020055'), fieldOf(tbs, FIELD.extensions)]))],

    ['a negative serial', /^serialNumber is not positive .*4\.1\.2\.2/, () => withField(tbs, FIELD.serialNumber, hex(`0210 80${'11'.repeat(15)}`))],
    ['serial zero', /^serialNumber is not positive/, () => withField(tbs, FIELD.serialNumber, hex('020100'))],
    ['a serial of 21 octets', /^serialNumber is longer than 20 octets/, () => withField(tbs, FIELD.serialNumber, hex(`0215 ${'11'.repeat(21)}`))],
    ['a short serial', /^serialNumber has no room for 64/, () => withField(tbs, FIELD.serialNumber, hex('020712345678123456'))],
    ['another serial', /^serialNumber is not that of the certificate id/, () => tbs, () => ({ certificateId: certificateId.replace('7a', '7b') })],
    ['a padded serial', /^An INTEGER is empty or not minimal/, () => withField(tbs, FIELD.serialNumber, hex(`0211 00 7a ${'11'.repeat(15)}`))],

    ['SHA-1', /^signature is .*1\.1\.5.*RFC 4055/, () => withField(tbs, FIELD.signature, tlv(0x30, oid('1.2.840.113549.1.1.5'), hex('0500')))],
    ['an algorithm without NULL', /^signature is /, () => withField(tbs, FIELD.signature, tlv(0x30, oid(OID.sha256WithRSAEncryption)))],

    ['an issuer of the same text in another string type', /^issuer is not byte for byte/, () =>
      withField(tbs, FIELD.issuer, tlv(0x30, ...[[OID.countryName, 0x13, 'JP'], [OID.organizationName, 0x13, 'Kakunin'], [OID.commonName, 0x0c, 'Kakunin Issuing CA']]
        .map(([type, tag, text]) => tlv(0x31, attribute(String(type), tlv(Number(tag), utf8(String(text))))))))],

    ['365 days and a second', /^validity is 31536000 s, not 31535999/, () => validity(utcTime('260301123456Z'), utcTime('270301123456Z'))],
    ['a second less than 365 days', /^validity is 31535998 s/, () => validity(utcTime('260301123456Z'), utcTime('270301123454Z'))],
    ['GeneralizedTime before 2050', /^notAfter is not UTCTime/, () => validity(utcTime('260301123456Z'), generalizedTime('20270301123455Z'))],
    ['a start before the CA', /^notBefore lies before the CA/, () => validity(utcTime('260301123455Z'), utcTime('270301123454Z'))],
    ['an end after the CA', /^notAfter lies after the CA/, () => validity(utcTime('350302000000Z'), utcTime('360229235959Z'))],
    ['a day that does not exist', /^validity is not two existing moments/, () => validity(utcTime('270230000000Z'), utcTime('280229235959Z'))],
    ['milliseconds', /^A GeneralizedTime is not YYYYMMDDHHMMSSZ/, () => validity(utcTime('260301123456Z'), generalizedTime('20270301123455.789Z'))],
    ['a time zone', /^A UTCTime is not YYMMDDHHMMSSZ/, () => validity(utcTime('260301123456+0000'), utcTime('270301123455Z'))],

    ['a multi-valued RDN', /^subject is not a SEQUENCE of SETs of one/, () => subject(tlv(0x31, ...[organization(), commonName()].sort((a, b) => Buffer.compare(a, b))))],
    ['attributes in another order', /^subject is SEQUENCE/, () => subject(tlv(0x31, commonName()), tlv(0x31, organization()))],
    ['another name', /^subject is /, () => tbs, () => ({ agent: { ...agent, operatorOrg: 'Someone Else' } })],
    ['a PrintableString where UTF8String belongs', /^subject is /, () => subject(tlv(0x31, organization()), tlv(0x31, attribute(OID.commonName, tlv(0x13, utf8(agent.id)))))],
    ['a PrintableString outside its alphabet', /^A PrintableString leaves/, () => subject(tlv(0x31, attribute(OID.organizationName, tlv(0x13, utf8('a&b')))), tlv(0x31, commonName()))],
    ['text that is not UTF-8', /^A UTF8String is not UTF-8/, () => subject(tlv(0x31, attribute(OID.organizationName, tlv(0x0c, hex('c328')))), tlv(0x31, commonName()))],
    ['a control character', /^a subject attribute contains a control/, () => subject(tlv(0x31, attribute(OID.organizationName, tlv(0x0c, utf8('a\u0007b')))), tlv(0x31, commonName())), () => ({ agent: { ...agent, operatorOrg: 'a\u0007b' } })],
    ['an organization of 65 characters', /^a subject attribute is longer than 64/, () => subject(tlv(0x31, attribute(OID.organizationName, tlv(0x0c, utf8('é'.repeat(65))))), tlv(0x31, commonName())), () => ({ agent: { ...agent, operatorOrg: 'é'.repeat(65) } })],

    ['no extKeyUsage', /^extKeyUsage is missing .*4\.2\.1\.12/, () => withExtensions(tbs, (all) => all.filter((one) => one.oid !== OID.extKeyUsage))],
    ['an extension that is no SEQUENCE', /^An extension is not \{ extnID/, () => withExtensionList((list) => [Uint8Array.from([0x60, ...(list[0] ?? []).slice(1)]), ...list.slice(1)])],
    ['extensions that are a SET', /^Extensions are malformed/, () => withField(tbs, FIELD.extensions, tlv(0xa3, tlv(0x31)))],
    ['no extension in [3]', /^Extensions are malformed/, () => withField(tbs, FIELD.extensions, tlv(0xa3, tlv(0x30)))],
    ['something beside the extensions', /^An EXPLICIT tag is not around one element/, () => withField(tbs, FIELD.extensions, tlv(0xa3, fieldOf(fieldOf(tbs, FIELD.extensions), 0), hex('0500')))],
    ['something beside the version', /^An EXPLICIT tag is not around one element/, () => withField(tbs, FIELD.version, hex('a006020102020102'))],
    ['an extension of no profile', /^extension 1\.2\.3 is not part/, () => withExtensions(tbs, (all) => [...all, { oid: '1.2.3', critical: false, value: hex('0500') }])],
    ['an extension twice', /^extension 2\.5\.29\.37 appears more than once/, () => withExtensions(tbs, (all) => [...all, ...all.filter((one) => one.oid === OID.extKeyUsage)])],
    ['critical FALSE written out', /^subjectAltName encodes critical FALSE/, () => writeCriticalFalse(OID.subjectAltName)],
    ['keyUsage that is not critical', /^keyUsage is not critical/, () => withExtension(tbs, OID.keyUsage, { critical: false })],
    ['basicConstraints that is not critical', /^basicConstraints is not critical/, () => withExtension(tbs, OID.basicConstraints, { critical: false })],
    ['a critical subjectAltName', /^subjectAltName is critical/, () => withExtension(tbs, OID.subjectAltName, { critical: true })],
    ['a critical private extension', /^tenant is critical/, () => withExtension(tbs, privateOid(4), { critical: true })],
    ['keyUsage in seven bits too many', /^keyUsage is BIT STRING 0080/, () => withExtension(tbs, OID.keyUsage, { value: hex('03020080') })],
    ['nonRepudiation', /^keyUsage is BIT STRING 06c0/, () => withExtension(tbs, OID.keyUsage, { value: hex('030206c0') })],
    ['unused bits that are set', /^keyUsage is not DER/, () => withExtension(tbs, OID.keyUsage, { value: hex('03020781') })],
    ['cA FALSE written out', /^basicConstraints is SEQUENCE { BOOLEAN 00 }/, () => withExtension(tbs, OID.basicConstraints, { value: hex('3003010100') })],
    ['cA TRUE', /^basicConstraints is SEQUENCE { BOOLEAN ff }/, () => withExtension(tbs, OID.basicConstraints, { value: hex('30030101ff') })],
    ['a BOOLEAN of 01', /^basicConstraints is not DER/, () => withExtension(tbs, OID.basicConstraints, { value: hex('3003010101') })],
    ['serverAuth without SPIFFE', /^extKeyUsage is .*3\.1,/, () => withExtension(tbs, OID.extKeyUsage, { value: tlv(0x30, oid(OID.serverAuth), oid(OID.clientAuth)) })],
    ['a second URI', /^subjectAltName is /, () => withExtension(tbs, OID.subjectAltName, { value: tlv(0x30, ...[agent.id, 'b'].map((id) => tlv(0x86, utf8(`urn:kakunin:agent:${id}`)))) })],
    ['a DNS name', /^subjectAltName is .*\[2\]/, () => withExtension(tbs, OID.subjectAltName, { value: tlv(0x30, tlv(0x82, utf8('example.com'))) })],
    ['a URI outside ASCII', /^subjectAltName is /, () => withExtension(tbs, OID.subjectAltName, { value: tlv(0x30, tlv(0x86, utf8('urn:kakunin:agent:é'))) })],
    ['another subjectKeyIdentifier', /^subjectKeyIdentifier is /, () => withExtension(tbs, OID.subjectKeyIdentifier, { value: tlv(0x04, new Uint8Array(20)) })],
    ['another authorityKeyIdentifier', /^authorityKeyIdentifier is /, () => withExtension(tbs, OID.authorityKeyIdentifier, { value: tlv(0x30, tlv(0x80, new Uint8Array(20))) })],
    ['another policy', /^certificatePolicies is /, () => withExtension(tbs, OID.certificatePolicies, { value: tlv(0x30, tlv(0x30, oid('2.5.29.32.0'))) })],
    ['another CRL shard', /^cRLDistributionPoints is .*shard-3/, () => tbs, () => ({ crlShard: 4 })],
    ['AIA without OCSP', /^authorityInfoAccess is /, () => withExtension(tbs, OID.authorityInfoAccess, { value: tlv(0x30, tlv(0x30, oid(OID.caIssuers), tlv(0x86, utf8(`${distributed.distributionUrl}/ca/issuing.cer`)))) })],
    ['another agent URN', /^agent URN is /, () => withExtension(tbs, privateOid(1), { value: tlv(0x0c, utf8('urn:kakunin:agent:other')) })],
    ['an ASCII model in UTF8String', /^model is UTF8String/, () => withExtension(tbs, privateOid(2), { value: tlv(0x0c, utf8(`${agent.model}:${agent.modelHash}`)) })],
    ['an IA5String outside ASCII', /^model is not DER/, () => withExtension(tbs, privateOid(2), { value: tlv(0x16, utf8('é')) })],
    ['actions in another order', /^permitted actions is /, () => tbs, () => ({ agent: { ...agent, permittedActions: agent.permittedActions.toReversed() } })],
    ['another tenant', /^tenant is /, () => tbs, () => ({ agent: { ...agent, tenantId: 'other' } })],
    ['a scope that is not canonical', /^financial scope is /, () => withExtension(tbs, privateOid(5), { value: tlv(0x0c, utf8(JSON.stringify(agent.financialScope))) })],
    ['an arc no verifier reads', /^An OBJECT IDENTIFIER has an arc above/, () => withExtensions(tbs, (all) => [...all, { oid: '2.25.99999999999', critical: false, value: hex('0500') }])],
    ['trailing bytes in an extension', /^keyUsage is not DER.*trailing/, () => withExtension(tbs, OID.keyUsage, { value: hex('0302078000') })],

    ['trailing bytes', /^1 trailing bytes/, () => Uint8Array.from([...tbs, 0])],
    ['a cut', /^The DER ends before/, () => tbs.subarray(0, -1)],
    ['a length that is not minimal', /^A length is not minimal/, () => withField(tbs, FIELD.version, hex('a08103020102'))],
    ['an indefinite length', /^A length is indefinite/, () => withField(tbs, FIELD.version, hex('a0800201020000'))],
    ['something else', /^The DER is not a TBSCertificate/, () => hex('3000')],
    ['nothing', /^The DER ends before/, () => hex('')],
    ['an issuer that is no CA', /^the issuer certificate is not a CA/, () => tbs, () => ({ issuerCertificateDer: agentAsIssuer() })],
    ['an issuer that is no certificate', /^The DER is not a Certificate/, () => tbs, () => ({ issuerCertificateDer: hex('3000') })],
  ];
  it.each(cases)('%s', (_name, sentence, mutated, changes) => {
    const found = lint(mutated(), changes?.());
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });

  function writeCriticalFalse(extensionOid: string): Uint8Array {
    const marker = Buffer.from(oid(extensionOid));
    const critical = withExtension(tbs, extensionOid, { critical: true });
    const at = Buffer.from(critical).indexOf(marker) + marker.length;
    return critical.with(at + 2, 0x00);
  }

  /** The issuing CA's certificate without its right to be one. */
  function agentAsIssuer(): Uint8Array {
    const marker = hex('30060101ff020100');
    const at = Buffer.from(authority.issuingCertificateDer).indexOf(marker);
    return authority.issuingCertificateDer.with(at + 4, 0x00);
  }
});

describe('refuses a public key', () => {
  const withKey = (other: TestKey | Uint8Array): string[] => {
    const subjectPublicKeyInfoDer = other instanceof Uint8Array ? other : other.subjectPublicKeyInfoDer;
    return lint(agentCertificate(authority, key, { settings: distributed, crlShard: 3, subjectPublicKeyInfoDer }).tbsCertificateDer, { subjectPublicKeyInfoDer });
  };

  it('of 3072, 1024 and 2047 bits', () => {
    expect(withKey(rsaKey(3072))).toEqual([expect.stringMatching(/^the RSA modulus has 3072 bits, not 2048/)]);
    expect(withKey(rsaKey(1024))).toEqual([expect.stringMatching(/^the RSA modulus has 1024 bits/)]);
    expect(withKey(rsaKey(2047))).toEqual([expect.stringMatching(/^the RSA modulus has 2047 bits/)]);
  });

  it('with exponent 3', () => {
    expect(withKey(rsaKey(2048, 3))).toEqual([expect.stringMatching(/^the RSA exponent is not 65537/)]);
  });

  it('of another algorithm, or without its NULL', () => {
    const bits = hex('0304003000ff');
    expect(withKey(tlv(0x30, tlv(0x30, oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bits))).toEqual([expect.stringMatching(/not rsaEncryption with NULL/)]);
    expect(withKey(tlv(0x30, tlv(0x30, oid(OID.rsaEncryption)), bits))).toEqual([expect.stringMatching(/not rsaEncryption with NULL/)]);
  });

  it('that is not the one in KMS', () => {
    const found = lint(tbs, { subjectPublicKeyInfoDer: rsaKey(2048).subjectPublicKeyInfoDer });
    expect(found).toEqual([expect.stringMatching(/^subjectPublicKeyInfo is not the KMS key/), expect.stringMatching(/^subjectKeyIdentifier is/)]);
  });
});

describe('authority certificates', () => {
  const rootInput = () => ({ subjectPublicKeyInfoDer: authority.rootKey.subjectPublicKeyInfoDer, serialNumber: rootSerialNumber, subject: rootName, settings: distributed });
  const issuingInput = () => ({
    subjectPublicKeyInfoDer: authority.issuingKey.subjectPublicKeyInfoDer, serialNumber: issuingSerialNumber, subject: issuingName, settings: distributed,
    issuerCertificateDer: authority.rootCertificateDer,
  });
  const rootTbs = (): Uint8Array => buildRootCertificate({ ...rootInput(), notBefore }).tbsCertificateDer;
  const issuingTbs = (issuingNotBefore = notBefore): Uint8Array =>
    buildIssuingCertificate({ ...issuingInput(), rootCertificateDer: authority.rootCertificateDer, notBefore: issuingNotBefore }).tbsCertificateDer;

  it('has nothing against what the builder builds', () => {
    expect(lintAuthorityCertificate({ ...rootInput(), tbsCertificateDer: rootTbs() })).toEqual([]);
    expect(lintAuthorityCertificate({ ...issuingInput(), tbsCertificateDer: issuingTbs() })).toEqual([]);
  });

  it('lets an issuing CA end with its root, but not begin before it', () => {
    expect(lintAuthorityCertificate({ ...issuingInput(), tbsCertificateDer: issuingTbs(new Date('2045-01-01T00:00:00Z')) })).toEqual([]);
    expect(lintAuthorityCertificate({ ...issuingInput(), tbsCertificateDer: issuingTbs(new Date('2026-03-01T12:34:55Z')) })).toEqual([
      expect.stringMatching(/^notBefore lies before the CA/),
    ]);
  });

  it.each<[string, RegExp, (tbsCertificateDer: Uint8Array) => Uint8Array]>([
    ['no pathLen', /^basicConstraints is SEQUENCE { BOOLEAN ff }, not .*INTEGER 00/, (der) => withExtension(der, OID.basicConstraints, { value: hex('30030101ff') })],
    ['digitalSignature', /^keyUsage is BIT STRING 0186/, (der) => withExtension(der, OID.keyUsage, { value: hex('03020186') })],
    ['an extKeyUsage', /^extension 2\.5\.29\.37 is not part/, (der) => withExtensions(der, (all) => [...all, { oid: OID.extKeyUsage, critical: false, value: tlv(0x30, oid(OID.clientAuth)) }])],
    ['a country in UTF8String', /^subject is .*UTF8String "JP"/, (der) => withField(der, FIELD.subject, hex(Buffer.from(fieldOf(der, FIELD.subject)).toString('hex').replace('13024a50', '0c024a50')))],
    ['no CRL pointer', /^cRLDistributionPoints is missing/, (der) => withExtensions(der, (all) => all.filter((one) => one.oid !== OID.cRLDistributionPoints))],
  ])('refuses an issuing CA with %s', (_name, sentence, mutate) => {
    expect(lintAuthorityCertificate({ ...issuingInput(), tbsCertificateDer: mutate(issuingTbs()) })).toEqual([expect.stringMatching(sentence)]);
  });

  it('refuses a country that is none', () => {
    const european = Buffer.from(fieldOf(issuingTbs(), FIELD.subject)).toString('hex').replace('13024a50', '13024555');
    const tbsCertificateDer = withField(issuingTbs(), FIELD.subject, hex(european));
    expect(lintAuthorityCertificate({ ...issuingInput(), subject: { ...issuingName, country: 'EU' }, tbsCertificateDer })).toEqual([
      expect.stringMatching(/^a subject attribute is not a country/),
    ]);
  });

  it('refuses a root whose issuer is not itself, whose key is too small, or that ends early', () => {
    const otherIssuer = withField(rootTbs(), FIELD.issuer, tlv(0x30, tlv(0x31, attribute(OID.commonName, tlv(0x0c, utf8('Other'))))));
    expect(lintAuthorityCertificate({ ...rootInput(), tbsCertificateDer: otherIssuer })).toEqual([expect.stringMatching(/^issuer is not byte for byte/)]);
    const small = { ...rootInput(), subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer };
    expect(lintAuthorityCertificate({ ...small, tbsCertificateDer: buildRootCertificate({ ...small, notBefore }).tbsCertificateDer })).toEqual([
      expect.stringMatching(/^the RSA modulus has 2048 bits, not 4096/),
    ]);
    const short = withField(rootTbs(), FIELD.validity, tlv(0x30, utcTime('260301123456Z'), utcTime('270301123455Z')));
    expect(lintAuthorityCertificate({ ...rootInput(), tbsCertificateDer: short })).toEqual([expect.stringMatching(/^validity is 31535999 s/)]);
  });
});
