import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  buildAgentCertificate, buildIssuingCertificate, buildRootCertificate, certificateBundlePkcs7, certificateToPem, describeCertificate, pemToDer,
} from '../../lambdas/pki/certificate.ts';
import { DerError, readDer } from '../../lambdas/pki/der-reader.ts';
import { hexOf } from '../../lambdas/pki/hexadecimal.ts';
import { lintAgentCertificate } from '../../lambdas/pki/lint.ts';
import { OID } from '../../lambdas/pki/object-identifiers.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { readTbsCertificate, readTbsOfCertificate } from '../../lambdas/pki/tbs-certificate.ts';
import { openssl } from '../support/openssl.ts';
import {
  agent, agentCertificate, certificateId, distributed, issuingName, notBefore, rootName, rootSerialNumber, rsaKey, settings, signed, type TestAuthority, testAuthority, type TestKey,
} from './authority-fixture.ts';
import { FIELD, fieldOf, hex, tlv, utf8, withExtension, withField } from './der-surgery.ts';

const SHA256_WITH_RSA = '300d06092a864886f70d01010b0500';

let authority: TestAuthority;
let key: TestKey;
let agentDer: Uint8Array;

beforeAll(() => {
  authority = testAuthority(distributed);
  key = rsaKey(2048);
  agentDer = signed(agentCertificate(authority, key, { settings: distributed, crlShard: 3 }), authority.issuingKey);
});

const extensionsOf = (der: Uint8Array): string[][] =>
  readTbsOfCertificate(der).extensions.map(({ oid, critical, value }) => [oid, critical ? 'critical' : '', hexOf(value)]);
const times = (der: Uint8Array): string[] => {
  const { notBefore: start, notAfter: end } = readTbsCertificate(der);
  return [start, end].map(({ tag, content }) => `${tag === 0x17 ? 'UTCTime' : 'GeneralizedTime'} ${Buffer.from(content).toString('latin1')}`);
};

describe('bytes', () => {
  it('of every extension and their order in an agent’s certificate', () => {
    const skid = hexOf(createHash('sha1').update(readTbsOfCertificate(agentDer).subjectPublicKeyInfo.children[1]?.content.subarray(1) ?? '').digest());
    const akid = hexOf(createHash('sha1').update(readTbsOfCertificate(authority.issuingCertificateDer).subjectPublicKeyInfo.children[1]?.content.subarray(1) ?? '').digest());
    const arc = settings.privateArc;
    const extensions = extensionsOf(agentDer);
    expect(extensions.slice(0, 5)).toEqual([
      [OID.basicConstraints, 'critical', '3000'],
      [OID.keyUsage, 'critical', '03020780'],
      [OID.extKeyUsage, '', '300a06082b06010505070302'],
      [OID.subjectKeyIdentifier, '', `0414${skid}`],
      [OID.authorityKeyIdentifier, '', `30168014${akid}`],
    ]);
    expect(extensions.map(([oid]) => oid).slice(5)).toEqual([
      OID.subjectAltName, OID.certificatePolicies, OID.cRLDistributionPoints, OID.authorityInfoAccess, `${arc}.1`, `${arc}.2`, `${arc}.3`, `${arc}.4`, `${arc}.5`,
    ]);
    expect(extensions.slice(5).every(([, critical]) => critical === '')).toBe(true);
  });

  it('of the extensions of both CAs', () => {
    expect(extensionsOf(authority.rootCertificateDer).map((extension) => extension.slice(0, 2))).toEqual([
      [OID.basicConstraints, 'critical'], [OID.keyUsage, 'critical'], [OID.subjectKeyIdentifier, ''],
    ]);
    expect(extensionsOf(authority.rootCertificateDer).slice(0, 2).map(([, , value]) => value)).toEqual(['30030101ff', '03020106']);
    expect(extensionsOf(authority.issuingCertificateDer).map(([oid]) => oid)).toEqual([
      OID.basicConstraints, OID.keyUsage, OID.subjectKeyIdentifier, OID.authorityKeyIdentifier, OID.cRLDistributionPoints, OID.authorityInfoAccess,
    ]);
    expect(extensionsOf(authority.issuingCertificateDer).slice(0, 2).map(([, , value]) => value)).toEqual(['30060101ff020100', '03020106']);
  });

  it('of version, serial number and both signature algorithms', () => {
    for (const [der, serial] of [[authority.rootCertificateDer, '01'.repeat(16)], [agentDer, certificateId.replaceAll('-', '')]] as const) {
      const [tbs, algorithm] = readDer(der).children;
      expect(hexOf(algorithm?.encoded ?? new Uint8Array())).toBe(SHA256_WITH_RSA);
      expect(tbs?.children.slice(0, 3).map(({ encoded }) => hexOf(encoded))).toEqual(['a003020102', `0210${serial}`, SHA256_WITH_RSA]);
    }
  });

  it('of issuer names, which are the issuer’s own', () => {
    const [root, issuing, leaf] = [authority.rootCertificateDer, authority.issuingCertificateDer, agentDer].map(readTbsOfCertificate);
    expect(hexOf(root?.issuer.encoded ?? new Uint8Array())).toBe(hexOf(root?.subject.encoded ?? new Uint8Array(1)));
    expect(hexOf(issuing?.issuer.encoded ?? new Uint8Array())).toBe(hexOf(root?.subject.encoded ?? new Uint8Array(1)));
    expect(hexOf(leaf?.issuer.encoded ?? new Uint8Array())).toBe(hexOf(issuing?.subject.encoded ?? new Uint8Array(1)));
  });

  it('that are signed are the bytes in the certificate, and their digest is SHA-256', () => {
    const unsigned = agentCertificate(authority, key);
    const certificate = unsigned.withSignature(new Uint8Array(384).fill(0xab));
    expect(hexOf(readDer(certificate).children[0]?.encoded ?? new Uint8Array())).toBe(hexOf(unsigned.tbsCertificateDer));
    expect(hexOf(unsigned.digest)).toBe(createHash('sha256').update(unsigned.tbsCertificateDer).digest('hex'));
    expect(hexOf(readDer(certificate).children[2]?.content ?? new Uint8Array())).toBe(`00${'ab'.repeat(384)}`);
  });

  it('of keys and issuers that come in a pooled Buffer', () => {
    const pooled = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from('pool'), bytes]).subarray(4);
    const built = agentCertificate(authority, key, {
      subjectPublicKeyInfoDer: pooled(key.subjectPublicKeyInfoDer), issuerCertificateDer: pooled(authority.issuingCertificateDer),
    });
    expect(built.tbsCertificateDer).toEqual(agentCertificate(authority, key).tbsCertificateDer);
  });
});

describe('validity', () => {
  const agentTimes = (start: string): string[] => times(agentCertificate(authority, key, { notBefore: new Date(start) }).tbsCertificateDer);

  it('of an agent is 365 days, both ends counted, in whole seconds', () => {
    expect(agentTimes('2026-03-01T12:34:56.789Z')).toEqual(['UTCTime 260301123456Z', 'UTCTime 270301123455Z']);
  });

  it('is not a calendar year across a leap day', () => {
    expect(agentTimes('2027-03-01T00:00:00Z')).toEqual(['UTCTime 270301000000Z', 'UTCTime 280228235959Z']);
    expect(agentTimes('2028-02-29T00:00:00.999Z')).toEqual(['UTCTime 280229000000Z', 'UTCTime 290227235959Z']);
  });

  it('turns to GeneralizedTime with 2050', () => {
    expect(agentTimes('2049-01-01T00:00:00Z')).toEqual(['UTCTime 490101000000Z', 'UTCTime 491231235959Z']);
    expect(agentTimes('2049-01-01T00:00:01Z')).toEqual(['UTCTime 490101000001Z', 'GeneralizedTime 20500101000000Z']);
    expect(agentTimes('2050-01-01T00:00:00Z')).toEqual(['GeneralizedTime 20500101000000Z', 'GeneralizedTime 20501231235959Z']);
  });

  it('of the root is 25 years, of the issuing CA ten, inside the root’s', () => {
    const rootTbs = fieldOf(authority.rootCertificateDer, 0);
    expect(times(rootTbs)).toEqual(['UTCTime 260301123456Z', 'GeneralizedTime 20510223123455Z']);
    expect(times(fieldOf(authority.issuingCertificateDer, 0))).toEqual(['UTCTime 260301123456Z', 'UTCTime 360227123455Z']);
    const late = buildIssuingCertificate({
      subject: issuingName, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, serialNumber: rootSerialNumber, notBefore: new Date('2045-01-01T00:00:00Z'),
      rootCertificateDer: authority.rootCertificateDer, settings,
    });
    expect(times(late.tbsCertificateDer)).toEqual(['UTCTime 450101000000Z', 'GeneralizedTime 20510223123455Z']);
  });

  it('is refused where ASN.1 has no time for it', () => {
    for (const date of [new Date(Number.NaN), new Date('1949-12-31T23:59:59Z'), new Date('9999-06-01T00:00:00Z')]) {
      expect(() => agentCertificate(authority, key, { notBefore: date })).toThrow(ProfileError);
    }
  });
});

describe('what an agent’s certificate says', () => {
  const described = (changes: Parameters<typeof agentCertificate>[2]): ReturnType<typeof describeCertificate> =>
    describeCertificate(agentCertificate(authority, key, changes).withSignature(new Uint8Array(384)));

  it('is what describeCertificate reads', () => {
    expect(describeCertificate(agentDer)).toEqual({
      subject: `CN=${agent.id},O=Müller & Söhne\\, Inc.`,
      issuer: 'CN=Kakunin Issuing CA,O=Kakunin,C=JP',
      serialNumber: '7A1B2C3D4E5F4A6B8C7D9E0F1A2B3C4D',
      notBefore: new Date('2026-03-01T12:34:56Z'),
      notAfter: new Date('2027-03-01T12:34:55Z'),
      publicKeyAlgorithm: 'RSA',
      publicKeyBits: 2048,
      isAuthority: false,
      pathLength: undefined,
      keyUsage: ['digitalSignature'],
      extKeyUsage: ['clientAuth'],
      subjectAltName: [`urn:kakunin:agent:${agent.id}`],
      skid: expect.stringMatching(/^[0-9a-f]{40}$/),
      akid: describeCertificate(authority.issuingCertificateDer).skid,
      certificatePolicies: [distributed.policyOid],
      crlDistributionPoints: ['http://pki.example.com/kakunin/crl/shard-3.crl'],
      ocsp: ['http://pki.example.com/kakunin/ocsp'],
      caIssuers: ['http://pki.example.com/kakunin/ca/issuing.cer'],
      agentUrn: `urn:kakunin:agent:${agent.id}`,
      model: 'claude:sha256:9f86d081',
      permittedActions: agent.permittedActions,
      tenant: agent.tenantId,
      financialScope: agent.financialScope,
      fingerprintSha256: createHash('sha256').update(agentDer).digest('hex'),
    });
    expect(describeCertificate(authority.issuingCertificateDer)).toMatchObject({
      isAuthority: true, pathLength: 0, publicKeyBits: 3072, keyUsage: ['keyCertSign', 'cRLSign'], extKeyUsage: [],
      crlDistributionPoints: ['http://pki.example.com/kakunin/crl/root.crl'], ocsp: [], caIssuers: ['http://pki.example.com/kakunin/ca/root.cer'],
    });
  });

  it('leaves out what the agent does not have', () => {
    const { operatorOrg: _, model: __, financialScope: ___, ...bare } = agent;
    expect(described({ agent: { ...bare, permittedActions: [] } })).toMatchObject({
      subject: `CN=${agent.id},O=${agent.tenantId}`, model: ':sha256:9f86d081', permittedActions: [], financialScope: undefined, crlDistributionPoints: [], caIssuers: [],
    });
    const { extensions } = readTbsCertificate(agentCertificate(authority, key, { agent: { ...bare, permittedActions: [] } }).tbsCertificateDer);
    expect(extensions.map(({ oid }) => oid)).not.toContain(`${settings.privateArc}.3`);
    expect(extensions.map(({ oid }) => oid)).not.toContain(`${settings.privateArc}.5`);
  });

  it('is an X.509-SVID where SPIFFE is configured, below another arc where that is', () => {
    const spiffe = { privateArc: '1.3.6.1.4.1.99999.7', spiffeTrustDomain: 'example.org' };
    const der = agentCertificate(authority, key, { settings: spiffe }).withSignature(new Uint8Array(384));
    expect(describeCertificate(der, spiffe.privateArc)).toMatchObject({
      extKeyUsage: ['serverAuth', 'clientAuth'],
      subjectAltName: [`spiffe://example.org/tenant/${agent.tenantId}/agent/${agent.id}`],
      agentUrn: `urn:kakunin:agent:${agent.id}`,
    });
    expect(describeCertificate(der).agentUrn).toBeUndefined();
  });

  it('writes the model in IA5String if it is ASCII, in UTF8String otherwise, and the scope as canonical JSON', () => {
    const valueAt = (arc: number, changes = agent): string =>
      hexOf(readTbsCertificate(agentCertificate(authority, key, { agent: changes }).tbsCertificateDer).extensions.find(({ oid }) => oid === `${settings.privateArc}.${arc}`)?.value ?? new Uint8Array());
    expect(valueAt(2)).toBe(`1616${Buffer.from('claude:sha256:9f86d081').toString('hex')}`);
    expect(valueAt(2, { ...agent, model: 'é', modelHash: 'x' })).toBe('0c04c3a93a78');
    expect(Buffer.from(valueAt(5), 'hex').subarray(2).toString()).toBe('{"daily_limit_usd":1e+21,"max_single_trade_usd":1000.5,"permitted_venues":["NYSE"]}');
  });

  it('is refused where it fits no certificate', () => {
    const refused = (changes: Parameters<typeof agentCertificate>[2]) => expect(() => agentCertificate(authority, key, changes));
    refused({ agent: { ...agent, id: 'a/b' } }).toThrow(ProfileError);
    refused({ agent: { ...agent, operatorOrg: 'x'.repeat(65) } }).toThrow(ProfileError);
    refused({ agent: { ...agent, modelHash: '\ud800' } }).toThrow(ProfileError);
    refused({ agent: { ...agent, permittedActions: ['\udc00'] } }).toThrow(ProfileError);
    refused({ agent: { ...agent, financialScope: { limit: Number.NaN } } }).toThrow(ProfileError);
    refused({ certificateId: 'ff1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d' }).toThrow(ProfileError);
    refused({ certificateId: '001b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d' }).toThrow(ProfileError);
    refused({ certificateId: 'x' }).toThrow(RangeError);
    refused({ settings: distributed }).toThrow(ProfileError);
    refused({ settings: distributed, crlShard: -1 }).toThrow(ProfileError);
    refused({ subjectPublicKeyInfoDer: new Uint8Array([0x30, 0]) }).toThrow(DerError);
    refused({ issuerCertificateDer: Uint8Array.from([...authority.issuingCertificateDer, 0]) }).toThrow(DerError);
    expect(() => buildRootCertificate({ subject: rootName, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, serialNumber: '1', notBefore, settings })).toThrow(ProfileError);
  });

  it('survives any text the registry may hold, and passes the linter with it', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const anyAgent = fc.record({ model: text, modelHash: text, permittedActions: fc.array(text, { maxLength: 4 }), financialScope: fc.dictionary(text, fc.jsonValue(), { noNullPrototype: true }) });
    fc.assert(fc.property(anyAgent, (changes) => {
      const request = {
        agent: { ...agent, ...changes }, certificateId, subjectPublicKeyInfoDer: key.subjectPublicKeyInfoDer, notBefore, issuerCertificateDer: authority.issuingCertificateDer, settings,
      };
      const unsigned = buildAgentCertificate(request);
      expect(lintAgentCertificate({ ...request, tbsCertificateDer: unsigned.tbsCertificateDer })).toEqual([]);
      const { model, permittedActions } = describeCertificate(unsigned.withSignature(new Uint8Array(384)));
      expect({ model, permittedActions }).toEqual({ model: `${changes.model}:${changes.modelHash}`, permittedActions: changes.permittedActions });
    }), { numRuns: 200 });
  });
});

describe('parsing', () => {
  it('takes exactly one certificate, out of a pooled Buffer too', () => {
    expect(describeCertificate(Buffer.concat([Buffer.from('xx'), agentDer]).subarray(2))).toEqual(describeCertificate(agentDer));
    for (const der of [Uint8Array.from([...agentDer, 0]), agentDer.subarray(1), agentDer.subarray(0, 100), new Uint8Array(), new Uint8Array([0x30, 0])]) {
      expect(() => describeCertificate(der)).toThrow(DerError);
    }
  });

  it('meets a key or a financial scope that is none with a DerError', () => {
    const { tbsCertificateDer } = agentCertificate(authority, key);
    const certificate = (tbs: Uint8Array): Uint8Array => withField(agentDer, 0, tbs);
    expect(describeCertificate(certificate(tbsCertificateDer)).publicKeyBits).toBe(2048);
    expect(() => describeCertificate(certificate(withField(tbsCertificateDer, FIELD.subjectPublicKeyInfo, hex('3000'))))).toThrow(/^The certificate’s key cannot be read/);
    expect(() => describeCertificate(certificate(withExtension(tbsCertificateDer, `${settings.privateArc}.5`, { value: tlv(0x0c, utf8('{')) })))).toThrow(/^The certificate’s financial scope is not JSON/);
  });

  it('reads the PEM it writes, and refuses what is none', () => {
    const pem = certificateToPem(agentDer);
    expect(pem).toBe(new X509Certificate(agentDer).toString());
    expect(pemToDer(pem)).toEqual(agentDer);
    expect(pemToDer(`subject=…\r\n${pem.replaceAll('\n', '\r\n')}${certificateToPem(authority.rootCertificateDer)}`)).toEqual(agentDer);
    for (const text of ['', pem.replace('BEGIN', 'BEGIM'), pem.slice(0, -20), pem.replace('M', '*'), pem.replace('\n-----END', 'A\n-----END')]) expect(() => pemToDer(text)).toThrow(DerError);
  });

  it('bundles certificates for openssl pkcs7, unchanged', () => {
    const bundle = certificateBundlePkcs7([authority.issuingCertificateDer, authority.rootCertificateDer]);
    const { status, stdout } = openssl(['pkcs7', '-inform', 'DER', '-in', 'ca.p7c', '-print_certs'], { 'ca.p7c': bundle });
    expect(status).toBe(0);
    for (const der of [authority.issuingCertificateDer, authority.rootCertificateDer]) expect(stdout).toContain(certificateToPem(der));
    expect(() => readDer(bundle)).not.toThrow();
    expect(() => certificateBundlePkcs7([new Uint8Array([0x30, 0])])).toThrow(DerError);
  });
});

it('leaves the field order of FIELD true', () => {
  expect(fieldOf(agentCertificate(authority, key).tbsCertificateDer, FIELD.subjectPublicKeyInfo)).toEqual(key.subjectPublicKeyInfoDer);
});
