import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildIssuingCertificate, buildRootCertificate } from '../../lambdas/pki/certificate.ts';
import { OID } from '../../lambdas/pki/object-identifiers.ts';
import { certificateToPem } from '../../lambdas/pki/pem.ts';
import { type CertificateInput, readTrust, type Reason, type Trust, verifyCertificate, type VerifyOptions } from '../../verify/index.ts';
import {
  agent, certificateId, distributed, issuingName, issuingSerialNumber, notBefore, rootName, rootSerialNumber, rsaKey, settings, signed, type TestKey, testAuthority,
} from '../pki/authority-fixture.ts';
import { FIELD, fieldOf, hex, oid, tlv, utf8, withExtension, withExtensions, withField } from '../pki/der-surgery.ts';
import { responderCertificate } from '../pki/revocation-fixture.ts';
import { makeWorld, options, signTbs, type World } from './verify-fixture.ts';

let world: World;
let otherKey: TestKey;
beforeAll(() => {
  world = makeWorld();
  otherKey = rsaKey(2048);
});

const verdictOn = (certificate: CertificateInput, trust: Trust = world.trust, changes: VerifyOptions = {}) => verifyCertificate(certificate, trust, { ...options, ...changes });
const refused = (reason: Reason, message: RegExp) => ({ valid: false, reason, message: expect.stringMatching(message) });
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');

describe('a certificate that holds', () => {
  it('tells who the agent is and what it may do', async () => {
    expect(await verdictOn(world.certificate)).toEqual({
      valid: true,
      agent: {
        id: agent.id,
        uri: `urn:kakunin:agent:${agent.id}`,
        tenantId: agent.tenantId,
        organization: agent.operatorOrg,
        modelText: 'claude:sha256:9f86d081',
        permittedActions: agent.permittedActions,
        financialScope: agent.financialScope,
      },
      serialNumber: certificateId.replaceAll('-', '').toUpperCase(),
      notBefore: new Date('2026-03-01T12:34:56Z'),
      notAfter: new Date('2027-03-01T12:34:55Z'),
      fingerprintSha256: createHash('sha256').update(world.certificateDer).digest('hex'),
      revocation: 'good',
      issuerRevocation: 'unknown',
    });
  });

  it('may say little, and in any alphabet', async () => {
    const { operatorOrg: _, model: __, financialScope: ___, ...bare } = agent;
    expect(await verdictOn(world.issue({ agent: { ...bare, permittedActions: [] } }))).toMatchObject({
      valid: true, agent: { organization: agent.tenantId, modelText: `:${agent.modelHash}`, permittedActions: [], financialScope: undefined },
    });
    const foreign = { ...agent, model: 'モデル', permittedActions: ['', '\ufeff"\\\u0000'], financialScope: { '': 1e20, __proto__: null } };
    expect(await verdictOn(world.issue({ agent: foreign }))).toMatchObject({
      valid: true, agent: { modelText: `モデル:${agent.modelHash}`, permittedActions: foreign.permittedActions, financialScope: { '': 1e20 } },
    });
  });

  it('may be an X.509-SVID', async () => {
    const svid = world.issue({ settings: { ...distributed, spiffeTrustDomain: 'example.org' } });
    expect(await verdictOn(svid)).toMatchObject({ valid: true, agent: { id: agent.id, uri: `spiffe://example.org/tenant/${agent.tenantId}/agent/${agent.id}` } });
  });

  it('may have its private extensions below another arc, which the verifier must know', async () => {
    const der = world.issue({ settings: { ...distributed, privateArc: '1.3.6.1.4.1.99999.7' } });
    expect(await verdictOn(der)).toEqual({ ...refused('agent_unnamed', /privateArc/), crlUrls: [] });
    expect(await verdictOn(der, world.trusting({ privateArc: '1.3.6.1.4.1.99999.7' }))).toMatchObject({ valid: true, agent: { id: agent.id } });
  });

  it.each<[string, () => CertificateInput]>([
    ['DER', () => world.certificateDer],
    ['a Buffer', () => Buffer.from(world.certificateDer)],
    ['PEM in octets', () => utf8(world.certificate)],
    ['PEM with text around it and CRLF', () => `Subject: agent\r\n${world.certificate.replaceAll('\n', '\r\n')}bye`],
    ['PEM of the whole chain', () => world.certificate + world.authorities],
    ['x5c', () => [world.certificateDer, world.authority.issuingCertificateDer].map(base64)],
  ])('is taken as %s', async (_, input) => {
    expect(await verdictOn(input())).toMatchObject({ valid: true, agent: { id: agent.id } });
  });
});

describe('the authorities', () => {
  it('may be the root alone, if the issuing CA comes along', async () => {
    const rootOnly = world.trusting({ authorities: world.authority.rootCertificateDer });
    expect(await verdictOn(world.certificate + certificateToPem(world.authority.issuingCertificateDer), rootOnly)).toMatchObject({ valid: true });
    expect(await verdictOn(world.certificate, rootOnly)).toEqual({ ...refused('issuer_unknown', /CN=Kakunin Issuing CA/), crlUrls: [] });
  });

  it('may be a pinned issuing CA', async () => {
    const pinned = world.trusting({ authorities: [certificateToPem(world.authority.issuingCertificateDer)] });
    expect(await verdictOn(world.certificate, pinned)).toMatchObject({ valid: true, issuerRevocation: 'unknown' });
  });

  it('are not the pinned issuing CA where the root among them cannot be read: its CRL would not be asked for', async () => {
    const { issuingCertificateDer, rootCertificateDer } = world.authority;
    const rootInBer = Buffer.concat([rootCertificateDer, Buffer.of(0)]);
    const trust = world.trusting({ authorities: certificateToPem(issuingCertificateDer) + certificateToPem(rootInBer) });
    expect(trust.problems).toEqual([expect.stringMatching(/^authorities\[0\] cannot be used\. /)]);
    expect(await verdictOn(world.certificate, trust)).toEqual({ ...refused('authorities_malformed', /trailing bytes/), crlUrls: [] });
  });

  it('never come from the counterparty', async () => {
    const { rootCertificateDer } = world.authority;
    const rootOnly = world.trusting({ authorities: rootCertificateDer });
    const stranger = testAuthority(distributed, notBefore, { root: otherKey, issuing: otherKey });
    const leaf = world.issue({ issuerCertificateDer: stranger.issuingCertificateDer }, otherKey);
    const chainWith = (issuing: Uint8Array): string[] => [leaf, issuing, stranger.rootCertificateDer].map(base64);
    // It holds under the stranger's root, and has the names of the trusted one.
    expect(await verdictOn(chainWith(stranger.issuingCertificateDer), world.trusting({ authorities: stranger.rootCertificateDer }))).toMatchObject(refused('issuer_unsuitable', /2048 bits/));
    expect(await verdictOn(chainWith(stranger.issuingCertificateDer), rootOnly)).toMatchObject(refused('issuer_unknown', /No authority/));
    // Nor does it help to claim the trusted root's key as well.
    const claiming = buildIssuingCertificate({
      subject: issuingName, subjectPublicKeyInfoDer: otherKey.subjectPublicKeyInfoDer, serialNumber: issuingSerialNumber, notBefore, settings: distributed, rootCertificateDer,
    });
    expect(await verdictOn(chainWith(signed(claiming, otherKey)), rootOnly)).toMatchObject(refused('issuer_unknown', /is not signed by CN=Kakunin Root CA/));
  });

  it.each<[string, () => string | Uint8Array]>([
    ['nothing', () => ''],
    ['an error page', () => '<html>503</html>'],
    ['a private key', () => '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['PEM that is cut off', () => world.authorities.slice(0, 500)],
    ['DER that is cut off', () => world.authority.rootCertificateDer.subarray(0, 500)],
  ])('are useless as %s, which is told, not thrown', async (_, authorities) => {
    const trust = world.trusting({ authorities: authorities() });
    expect(trust.problems).toEqual([expect.stringMatching(/^authorities\[0\] cannot be used\. /)]);
    expect(await verdictOn(world.certificate, trust)).toEqual({ ...refused('authorities_malformed', /authorities\[0\]/), crlUrls: [] });
  });

  it('are used as far as they can be', async () => {
    const trust = world.trusting({ authorities: ['garbage', world.authorities] });
    expect(trust.problems).toHaveLength(1);
    expect(await verdictOn(world.certificate, trust)).toMatchObject({ valid: true });
  });

  it('are refused where they are not as the profile has them', async () => {
    const { rootKey, issuingKey, rootCertificateDer } = world.authority;
    const issuingTbs = buildIssuingCertificate({
      subject: issuingName, subjectPublicKeyInfoDer: issuingKey.subjectPublicKeyInfoDer, serialNumber: issuingSerialNumber, notBefore, settings: distributed, rootCertificateDer,
    }).tbsCertificateDer;
    const rootTbs = buildRootCertificate({ subject: rootName, subjectPublicKeyInfoDer: rootKey.subjectPublicKeyInfoDer, serialNumber: rootSerialNumber, notBefore, settings: distributed }).tbsCertificateDer;
    const withIssuing = (tbs: Uint8Array) => verdictOn(world.certificate, world.trusting({ authorities: [signTbs(tbs, rootKey), rootCertificateDer] }));
    const withRoot = (tbs: Uint8Array) => verdictOn(world.certificate, world.trusting({ authorities: [world.authority.issuingCertificateDer, signTbs(tbs, rootKey)] }));
    expect(await withIssuing(issuingTbs)).toMatchObject({ valid: true });
    expect(await withRoot(rootTbs)).toMatchObject({ valid: true });
    const unsuitable: [string, Uint8Array][] = [
      ['is not a CA', withExtension(issuingTbs, OID.basicConstraints, { value: hex('3000') })],
      ['is not a CA', withExtension(issuingTbs, OID.basicConstraints, { critical: false })],
      ['is not a CA', withExtensions(issuingTbs, (all) => all.filter((one) => one.oid !== OID.basicConstraints))],
      ['may not sign certificates', withExtension(issuingTbs, OID.keyUsage, { value: hex('03020102') })],
      ['may not sign certificates', withExtension(issuingTbs, OID.keyUsage, { critical: false })],
      // nameConstraints, which RFC 5280 §4.2.1.10 wants critical
      ['critical extension 2\\.5\\.29\\.30', withExtensions(issuingTbs, (all) => [...all, { oid: '2.5.29.30', critical: true, value: hex('3000') }])],
    ];
    for (const [message, tbs] of unsuitable) expect(await withIssuing(tbs)).toMatchObject(refused('issuer_unsuitable', new RegExp(message)));
    expect(await withRoot(withExtension(rootTbs, OID.basicConstraints, { value: hex('30060101ff020100') }))).toMatchObject(refused('issuer_unsuitable', /may not certify other CAs/));
    expect(await withRoot(withExtension(rootTbs, OID.basicConstraints, { value: hex('30060101ff020101') }))).toMatchObject({ valid: true });
  });

  it('need keys of the profile’s sizes', async () => {
    const small = testAuthority(distributed, notBefore, { root: world.authority.rootKey, issuing: otherKey });
    const leaf = world.issue({ issuerCertificateDer: small.issuingCertificateDer });
    const trust = world.trusting({ authorities: [small.issuingCertificateDer, small.rootCertificateDer] });
    expect(await verdictOn(leaf, trust)).toMatchObject(refused('issuer_unsuitable', /2048 bits, fewer than 3072/));
  });

  it.each<[Reason, string]>([
    ['issuer_not_yet_valid', '2026-03-01T12:34:55Z'],
    ['certificate_expired', '2027-03-01T12:34:56Z'],
    ['issuer_expired', '2036-02-27T12:34:56Z'],
    ['issuer_expired', '2051-02-23T12:34:56Z'],
  ])('and the certificate have dates: %s at %s', async (reason, moment) => {
    expect(await verdictOn(world.certificate, world.trust, { at: new Date(moment) })).toMatchObject({ valid: false, reason });
  });
});

describe('a certificate’s dates', () => {
  const ifAvailable = (moment: string, clockToleranceSeconds = 0): VerifyOptions => ({ at: new Date(moment), clockToleranceSeconds, revocation: 'if available' });
  const later = () => world.issue({ notBefore: new Date('2026-04-01T00:00:00Z') });

  it('are whole seconds, both of which belong to it', async () => {
    expect(await verdictOn(later(), world.trust, ifAvailable('2026-03-31T23:59:59.999Z'))).toMatchObject(refused('certificate_not_yet_valid', /2026-04-01T00:00:00Z/));
    expect(await verdictOn(later(), world.trust, ifAvailable('2026-04-01T00:00:00Z'))).toMatchObject({ valid: true });
    expect(await verdictOn(later(), world.trust, ifAvailable('2027-03-31T23:59:59.999Z'))).toMatchObject({ valid: true });
    expect(await verdictOn(later(), world.trust, ifAvailable('2027-04-01T00:00:00Z'))).toMatchObject(refused('certificate_expired', /2027-03-31T23:59:59Z/));
  });

  it('begin for a clock that is a little behind, and end for every clock', async () => {
    expect(await verdictOn(later(), world.trust, ifAvailable('2026-03-31T23:59:00Z', 60))).toMatchObject({ valid: true });
    expect(await verdictOn(later(), world.trust, ifAvailable('2026-03-31T23:58:59Z', 60))).toMatchObject({ valid: false });
    expect(await verdictOn(later(), world.trust, ifAvailable('2027-04-01T00:00:00Z', 300))).toMatchObject({ valid: false });
  });

  it('are judged now, unless told otherwise', async () => {
    const now = new Date();
    const current = testAuthority(distributed, now, { root: world.authority.rootKey, issuing: world.authority.issuingKey });
    const trust = readTrust({ authorities: [current.issuingCertificateDer, current.rootCertificateDer] });
    expect(await verifyCertificate(world.issue({ notBefore: now }), trust, { revocation: 'if available' })).toMatchObject({ valid: true, revocation: 'unknown' });
  });
});

describe('a certificate is refused', () => {
  const CRITICAL_PRIVATE = '1.3.6.1.4.1.99999.1';
  const cases: [string, Reason, RegExp, () => Uint8Array][] = [
    ['that somebody else signed', 'certificate_signature_mismatch', /is not signed by CN=Kakunin Issuing CA/, () => world.issue({}, otherKey)],
    ['in which a bit was changed', 'certificate_signature_mismatch', /forged or damaged/, () => flipped(world.certificateDer, agent.id)],
    ['of another issuer', 'issuer_unknown', /CN=Other/, () => world.reissue((tbs) => withField(tbs, FIELD.issuer, tlv(0x30, tlv(0x31, tlv(0x30, oid(OID.commonName), tlv(0x0c, utf8('Other')))))))],
    ['whose issuer is the same in another string type', 'issuer_unknown', /CN=Kakunin Issuing CA/, () => world.reissue((tbs) => withField(tbs, FIELD.issuer, asPrintable(fieldOf(tbs, FIELD.issuer))))],
    ['of another issuing key', 'issuer_unknown', /No authority/, () => world.reissue((tbs) => withExtension(tbs, OID.authorityKeyIdentifier, { value: tlv(0x30, tlv(0x80, new Uint8Array(20))) }))],
    ['with a critical extension that is not known', 'certificate_unsuitable', /1\.3\.6\.1\.4\.1\.99999\.1/, () => world.reissue((tbs) => withExtensions(tbs, (all) => [...all, { oid: CRITICAL_PRIVATE, critical: true, value: hex('0500') }]))],
    ['with a critical policy', 'certificate_unsuitable', /2\.5\.29\.32/, () => world.reissue((tbs) => withExtension(tbs, OID.certificatePolicies, { critical: true }))],
    ['that is a CA’s', 'certificate_unsuitable', /is a CA/, () => world.reissue((tbs) => withExtension(tbs, OID.basicConstraints, { value: hex('30030101ff') }))],
    ['that may not sign', 'certificate_unsuitable', /digital signatures/, () => world.reissue((tbs) => withExtension(tbs, OID.keyUsage, { value: hex('03020520') }))],
    ['without keyUsage', 'certificate_unsuitable', /digital signatures/, () => world.reissue((tbs) => withExtensions(tbs, (all) => all.filter((one) => one.oid !== OID.keyUsage)))],
    ['without a purpose', 'certificate_unsuitable', /authenticating a client/, () => world.reissue((tbs) => withExtensions(tbs, (all) => all.filter((one) => one.oid !== OID.extKeyUsage)))],
    ['of the OCSP responder', 'certificate_unsuitable', /authenticating a client/, () => responderCertificate(world.authority, otherKey, new Date('2026-05-20T00:00:00Z'))],
    ['with a key of 1024 bits', 'certificate_unsuitable', /1024 bits, fewer than 2048/, () => world.issue({ subjectPublicKeyInfoDer: rsaKey(1024).subjectPublicKeyInfoDer })],
    ['with the exponent 3', 'certificate_unsuitable', /exponent/, () => world.issue({ subjectPublicKeyInfoDer: rsaKey(2048, 3).subjectPublicKeyInfoDer })],
    ['that is the issuing CA’s own', 'certificate_unsuitable', /is a CA/, () => world.authority.issuingCertificateDer],
    ['that is about two agents', 'agent_unnamed', /one agent/, () => world.reissue((tbs) => withExtension(tbs, OID.subjectAltName, { value: tlv(0x30, tlv(0x86, utf8('urn:kakunin:agent:another'))) }))],
    ['with two alternative names', 'agent_unnamed', /one agent/, () => world.reissue((tbs) => withExtension(tbs, OID.subjectAltName, { value: tlv(0x30, ...[1, 2].map(() => tlv(0x86, utf8(`urn:kakunin:agent:${agent.id}`)))) }))],
    ['whose SPIFFE ID is another tenant’s', 'agent_unnamed', /one agent/, () => world.reissue((tbs) => withExtension(tbs, OID.subjectAltName, { value: tlv(0x30, tlv(0x86, utf8(`spiffe://example.org/tenant/other/agent/${agent.id}`))) }))],
    ['whose agent URN is another’s', 'agent_unnamed', /one agent/, () => world.reissue((tbs) => withExtension(tbs, `${settings.privateArc}.1`, { value: tlv(0x0c, utf8('urn:kakunin:agent:another')) }))],
    ['without a model', 'agent_unnamed', /model is missing/, () => world.reissue((tbs) => withExtensions(tbs, (all) => all.filter((one) => one.oid !== `${settings.privateArc}.2`)))],
    ['whose scope is no JSON', 'agent_unnamed', /scope is not a JSON object/, () => world.reissue((tbs) => withExtension(tbs, `${settings.privateArc}.5`, { value: tlv(0x0c, utf8('{')) }))],

    ['of version 1', 'certificate_malformed', /not v3/, () => world.reissue((tbs) => withField(tbs, FIELD.version, hex('')))],
    ['with serial number zero', 'certificate_malformed', /serial number/, () => world.reissue((tbs) => withField(tbs, FIELD.serialNumber, hex('020100')))],
    ['with a unique id', 'certificate_malformed', /UniqueID/, () => world.reissue((tbs) => withField(tbs, FIELD.extensions, Buffer.concat([hex('81020055'), fieldOf(tbs, FIELD.extensions)])))],
    ['whose key is for RSASSA-PSS', 'certificate_malformed', /rsaEncryption/, () => world.reissue((tbs) => withField(tbs, FIELD.subjectPublicKeyInfo, hex(Buffer.from(fieldOf(tbs, FIELD.subjectPublicKeyInfo)).toString('hex').replace('2a864886f70d010101', '2a864886f70d01010a'))))],
    ['whose key is no RSAPublicKey', 'certificate_malformed', /RSAPublicKey/, () => world.reissue((tbs) => withField(tbs, FIELD.subjectPublicKeyInfo, tlv(0x30, hex('300d06092a864886f70d0101010500'), tlv(0x03, hex('00'), hex('3003020101')))))],
    ['that encodes critical FALSE', 'certificate_malformed', /the default/, () => world.reissue((tbs) => hex(Buffer.from(withExtension(tbs, OID.extKeyUsage, { critical: true })).toString('hex').replace('0603551d250101ff', '0603551d25010100')))],
    ['with an extension twice', 'certificate_malformed', /twice/, () => world.reissue((tbs) => withExtensions(tbs, (all) => [...all, ...all.filter((one) => one.oid === OID.keyUsage)]))],
    ['with another algorithm inside than outside', 'certificate_malformed', /sha256WithRSAEncryption/, () => world.reissue((tbs) => withField(tbs, FIELD.signature, hex('300d06092a864886f70d01010c0500')))],
    ['with bytes after it', 'certificate_malformed', /trailing/, () => Buffer.concat([world.certificateDer, Buffer.of(0)])],
    ['whose arc no computer counts', 'certificate_malformed', /arc above/, () => world.reissue((tbs) => withField(tbs, FIELD.issuer, tlv(0x30, tlv(0x31, tlv(0x30, hex('060a6982ffffffffffffff7f'), tlv(0x0c, utf8('x')))))))],
    ['that is longer than any', 'certificate_malformed', /longer than/, () => Buffer.concat([hex('3083030000'), Buffer.alloc(0x30000)])],
  ];

  it.each(cases)('%s', async (_, reason, message, der) => {
    expect(await verdictOn(der())).toEqual({ ...refused(reason, message), crlUrls: [] });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['an object', {}],
    ['an empty text', ''],
    ['empty octets', new Uint8Array()],
    ['no certificates', []],
    ['x5c of other things', [7]],
    ['x5c in PEM', ['-----BEGIN CERTIFICATE-----']],
    ['PEM of nothing', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['PEM without an end', '-----BEGIN CERTIFICATE-----\nMAA='],
    ['octets of another kind', new Uint16Array(8)],
  ])('that is %s', async (_, input) => {
    expect(await verdictOn(input as CertificateInput)).toMatchObject({ valid: false, reason: 'certificate_malformed' });
  });

  it('with more than four in its chain', async () => {
    expect(await verdictOn(world.certificate.repeat(5))).toMatchObject(refused('certificate_malformed', /more than 4/));
  });

  it('for any octets, and for any octet changed, without an exception', async () => {
    await fc.assert(fc.asyncProperty(fc.oneof(fc.uint8Array(), fc.uint8Array().map((octets) => tlv(0x30, octets))), async (octets) => {
      expect(await verdictOn(octets)).toMatchObject({ valid: false, reason: 'certificate_malformed' });
    }));
    await fc.assert(fc.asyncProperty(fc.nat(world.certificateDer.length - 1), fc.integer({ min: 1, max: 255 }), async (offset, change) => {
      const octets = Uint8Array.from(world.certificateDer);
      octets[offset] = (octets[offset] ?? 0) ^ change;
      const { valid } = await verdictOn(octets);
      expect(valid).toBe(false);
    }), { numRuns: 300 });
  });
});

describe('a call that is wrong', () => {
  it.each<[string, () => unknown]>([
    ['a trust of one’s own making', () => verifyCertificate(world.certificate, { problems: [] })],
    ['no trust', () => verifyCertificate(world.certificate, undefined as unknown as Trust)],
    ['an invalid date', () => verdictOn(world.certificate, world.trust, { at: new Date(Number.NaN) })],
    ['an unknown policy', () => verdictOn(world.certificate, world.trust, { revocation: 'optional' as 'required' })],
    ['a clock that is hours ahead', () => verdictOn(world.certificate, world.trust, { clockToleranceSeconds: 3600 })],
  ])('throws a TypeError: %s', async (_, call) => {
    await expect(call()).rejects.toThrow(TypeError);
  });

  it('throws a TypeError: no authorities, CRLs that are no list', () => {
    expect(() => readTrust({} as { authorities: string })).toThrow(TypeError);
    expect(() => readTrust({ authorities: '', crls: '' as unknown as string[] })).toThrow(TypeError);
  });
});

/** The certificate with one bit of the text changed where it stands. */
function flipped(der: Uint8Array, text: string): Uint8Array {
  const octets = Buffer.from(der);
  const offset = octets.lastIndexOf(text);
  octets[offset] = (octets[offset] ?? 0) ^ 0x01;
  return Uint8Array.from(octets);
}

function asPrintable(name: Uint8Array): Uint8Array {
  return hex(Buffer.from(name).toString('hex').replace(/0c(..)(4b616b756e696e20)/g, '13$1$2'));
}
