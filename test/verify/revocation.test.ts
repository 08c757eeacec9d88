import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeRevokedCertificate } from '../../lambdas/pki/crl.ts';
import { OID } from '../../lambdas/pki/object-identifiers.ts';
import { crlToPem } from '../../lambdas/pki/pem.ts';
import { type Encoded, readTrust, type Reason, verifyCertificate, type VerifyOptions } from '../../verify/index.ts';
import { agent, distributed, issuingSerialNumber, rsaKey, settings, testAuthority } from '../pki/authority-fixture.ts';
import { FIELD, fieldOf, hex, oid, tlv, withExtension, withField } from '../pki/der-surgery.ts';
import { serialNumbers, signedCrl } from '../pki/revocation-fixture.ts';
import { makeWorld, options, revokedEntry, shardUrl, signTbs, type World } from './verify-fixture.ts';

let world: World;
beforeAll(() => {
  world = makeWorld();
});

const verdictWith = (crls: Encoded[], changes: VerifyOptions = {}, certificate: Encoded = world.certificate) => verifyCertificate(certificate, world.trusting({ crls }), { ...options, ...changes });
const refused = (reason: Reason, message: RegExp) => ({ valid: false, reason, message: expect.stringMatching(message) });
const shard = (changes: Parameters<typeof signedCrl>[1] = {}) => signedCrl(world.authority, { issuingDistributionPoint: shardUrl, ...changes });
const rootCrl = (changes: Parameters<typeof signedCrl>[1] = {}) => signedCrl(world.authority, { issuerCertificateDer: world.authority.rootCertificateDer, ...changes }, world.authority.rootKey);

describe('without a CRL that fits', () => {
  it('a certificate is not valid, and the verdict says where to get one', async () => {
    expect(await verdictWith([])).toEqual({ ...refused('revocation_unknown', /Get http:\/\/pki\.example\.com\/kakunin\/crl\/shard-3\.crl\./), crlUrls: [shardUrl] });
    expect(await verdictWith([], {}, world.issue({ settings }))).toEqual({ ...refused('revocation_unknown', /GET \/v1\/crl/), crlUrls: [] });
  });

  it('it is valid if the caller takes that upon himself', async () => {
    expect(await verdictWith([], { revocation: 'if available' })).toMatchObject({ valid: true, revocation: 'unknown', issuerRevocation: 'unknown' });
  });

  it.each<[string, RegExp, () => Encoded]>([
    ['of another shard', /shard-33\.crl covers other certificates/, () => shard({ issuingDistributionPoint: shardUrl.replace('3.crl', '33.crl') })],
    ['of a shard spelt otherwise', /covers other certificates/, () => shard({ issuingDistributionPoint: shardUrl.replace('http', 'HTTP') })],
    ['of the root', /No current CRL/, () => rootCrl()],
    ['signed by another key', /not signed by its issuer/, () => signedCrl(world.authority, { issuingDistributionPoint: shardUrl }, world.agentKey)],
    ['of another issuer with the same key', /No current CRL/, () => shard({ issuerCertificateDer: renamed(world.authority.issuingCertificateDer) })],
    ['changed since', /not signed by its issuer/, () => Buffer.from(Buffer.from(world.shardCrl).toString('latin1').replace('260602010000Z', '260702010000Z'), 'latin1')],
    ['of tomorrow', /is of a later moment, 2026-06-01T12:00:01Z/, () => shard({ thisUpdate: new Date('2026-06-01T12:00:01Z') })],
    ['of yesterday', /is out of date since 2026-06-01T11:59:59Z/, () => shard({ thisUpdate: new Date('2026-05-31T00:00:00Z'), nextUpdate: new Date('2026-06-01T11:59:59Z') })],
    ['that is none', /crls\[0\] cannot be used/, () => 'garbage'],
    ['that is a certificate', /crls\[0\] cannot be used/, () => world.certificateDer],
    ['that is cut off', /crls\[0\] cannot be used/, () => world.shardCrl.subarray(0, 300)],
    ['with bytes after it', /crls\[0\] cannot be used/, () => Buffer.concat([world.shardCrl, Buffer.of(0)])],
    ['with a critical extension in an entry', /is malformed/, () => shard({ entries: [strangeEntry(true)] })],
    ['with an entry of another form', /is malformed/, () => shard({ entries: [tlv(0x30, hex('02020100'))] })],
    ['with a very long entry', /is malformed/, () => shard({ entries: [tlv(0x30, hex('020101'), new Uint8Array(200))] })],
  ])('the reason is told: %s', async (_, reason, crl) => {
    const given = [crl()];
    expect(await verdictWith(given)).toEqual({ ...refused('revocation_unknown', reason), crlUrls: [shardUrl] });
    expect(await verdictWith(given, { revocation: 'if available' })).toMatchObject({ valid: true, revocation: 'unknown' });
    // Nor does one that is of no use stand in the way of one that is.
    expect(await verdictWith([...given, world.shardCrl])).toMatchObject({ valid: true, revocation: 'good' });
  });

  it('a CRL counts to the second, and begins for a clock that is a little behind', async () => {
    const crl = shard({ thisUpdate: new Date('2026-06-01T12:00:30Z'), nextUpdate: new Date('2026-06-02T12:00:30Z') });
    expect(await verdictWith([crl])).toMatchObject({ valid: false });
    expect(await verdictWith([crl], { clockToleranceSeconds: 30 })).toMatchObject({ valid: true });
    expect(await verdictWith([crl], { at: new Date('2026-06-02T12:00:30.999Z') })).toMatchObject({ valid: true });
    expect(await verdictWith([crl], { at: new Date('2026-06-02T12:00:31Z'), clockToleranceSeconds: 300 })).toMatchObject({ valid: false });
  });

  it('nor does one count that a CA signed which may not', async () => {
    const { rootKey, issuingCertificateDer, rootCertificateDer } = world.authority;
    const keyCertSign = hex('03020204'); // Bit 5 alone.
    const mute = signTbs(withExtension(fieldOf(issuingCertificateDer, 0), OID.keyUsage, { value: keyCertSign }), rootKey);
    const trust = world.trusting({ authorities: [mute, rootCertificateDer] });
    expect(await verifyCertificate(world.certificate, trust, options)).toMatchObject(refused('revocation_unknown', /may not sign CRLs/));
  });
});

describe('with a CRL that fits', () => {
  it.each<[string, () => Encoded]>([
    ['the shard’s, in DER', () => world.shardCrl],
    ['the shard’s, in PEM', () => Buffer.from(crlToPem(world.shardCrl)).toString()],
    ['the complete one', () => signedCrl(world.authority)],
    ['one that lists others', () => shard({ entries: serialNumbers(50, 'others').map((serialNumber) => encodeRevokedCertificate({ serialNumber, revocationDate: new Date('2026-05-01T00:00:00Z'), reasonCode: 0 })) })],
    ['one whose entries have an extension that does not matter', () => shard({ entries: [revokedOther(), revokedOther(4)] })],
  ])('a certificate that it does not list is good: %s', async (_, crl) => {
    expect(await verdictWith([crl()])).toMatchObject({ valid: true, revocation: 'good' });
  });

  it.each<[string, () => Encoded[]]>([
    ['the shard’s', () => [shard({ entries: [revokedEntry()] })]],
    ['the complete one', () => [signedCrl(world.authority, { entries: [revokedOther(), revokedEntry(), revokedOther(3)] })]],
    ['one of two', () => [world.shardCrl, signedCrl(world.authority, { entries: [revokedEntry()] })]],
    ['one that is out of date', () => [shard({ entries: [revokedEntry()], thisUpdate: new Date('2026-05-05T00:00:00Z'), nextUpdate: new Date('2026-05-06T00:00:00Z') }), world.shardCrl]],
    ['one of later, of a revocation before', () => [shard({ entries: [revokedEntry()], thisUpdate: new Date('2026-06-05T00:00:00Z'), nextUpdate: new Date('2026-06-06T00:00:00Z') })]],
    ['one that dates it in the future', () => [shard({ entries: [revokedEntry(new Date('2026-12-24T00:00:00Z'))] })]],
  ])('a certificate that it lists is revoked, whatever the policy: %s', async (_, crls) => {
    for (const revocation of ['required', 'if available'] as const) {
      expect(await verdictWith(crls(), { revocation })).toEqual({ ...refused('certificate_revoked', /^The certificate 7A1B2C3D4E5F4A6B8C7D9E0F1A2B3C4D of CN=.* was revoked at .*Z \(keyCompromise\)\.$/), crlUrls: [] });
    }
  });

  it('what was revoked after the moment in question was not revoked then', async () => {
    const later = shard({ entries: [revokedEntry(new Date('2026-06-04T00:00:00Z'))], thisUpdate: new Date('2026-06-05T00:00:00Z'), nextUpdate: new Date('2026-06-06T00:00:00Z') });
    expect(await verdictWith([later, world.shardCrl])).toMatchObject({ valid: true, revocation: 'good' });
    expect(await verdictWith([later])).toMatchObject(refused('revocation_unknown', /later moment/));
    expect(await verdictWith([later], { at: new Date('2026-06-05T00:00:00Z') })).toMatchObject({ valid: false, reason: 'certificate_revoked' });
  });

  it('a list that is signed but malformed behind the entry sought is not believed by halves', async () => {
    expect(await verdictWith([shard({ entries: [revokedEntry(), strangeEntry(true)] })])).toMatchObject(refused('revocation_unknown', /is malformed/));
    expect(await verdictWith([shard({ entries: [strangeEntry(true), revokedEntry()] })])).toMatchObject(refused('revocation_unknown', /is malformed/));
  });
});

describe('the issuing CA', () => {
  it('is good if a current CRL of the root does not list it', async () => {
    expect(await verdictWith([world.shardCrl, rootCrl()])).toMatchObject({ valid: true, revocation: 'good', issuerRevocation: 'good' });
    expect(await verdictWith([world.shardCrl, rootCrl({ nextUpdate: new Date('2026-06-01T00:00:01Z') })])).toMatchObject({ valid: true, issuerRevocation: 'unknown' });
    // Signed by the issuing CA, it is not the root's, whatever it says.
    expect(await verdictWith([world.shardCrl, signedCrl(world.authority, { issuerCertificateDer: world.authority.rootCertificateDer })])).toMatchObject({ valid: true, issuerRevocation: 'unknown' });
  });

  it('must be covered as well, where the caller wants it, unless it is the anchor', async () => {
    const rootCrlUrl = 'http://pki.example.com/kakunin/crl/root.crl';
    const strict: VerifyOptions = { revocation: 'required for all' };
    expect(await verdictWith([world.shardCrl, rootCrl()], strict)).toMatchObject({ valid: true, revocation: 'good', issuerRevocation: 'good' });
    expect(await verdictWith([world.shardCrl], strict)).toEqual({ ...refused('revocation_unknown', /covers CN=Kakunin Issuing CA[^.]*\. Get http:\S+root\.crl\.$/), crlUrls: [rootCrlUrl] });
    expect(await verdictWith([world.shardCrl, rootCrl({ nextUpdate: new Date('2026-06-01T00:00:01Z') })], strict)).toEqual({ ...refused('revocation_unknown', /is out of date/), crlUrls: [rootCrlUrl] });
    expect(await verdictWith([], strict)).toEqual({ ...refused('revocation_unknown', /covers CN=Kakunin Issuing CA.* and the certificate\. Get \S+root\.crl and \S+shard-3\.crl\./), crlUrls: [rootCrlUrl, shardUrl] });
    expect(await verdictWith([rootCrl()], strict)).toEqual({ ...refused('revocation_unknown', /covers the certificate\./), crlUrls: [shardUrl] });
    const pinned = world.trusting({ authorities: world.authority.issuingCertificateDer });
    expect(await verifyCertificate(world.certificate, pinned, { ...options, ...strict })).toMatchObject({ valid: true, issuerRevocation: 'unknown' });
  });

  it('takes what it has issued with it, once it is revoked', async () => {
    const entry = encodeRevokedCertificate({ serialNumber: issuingSerialNumber, revocationDate: new Date('2026-05-30T00:00:00Z'), reasonCode: 2 });
    expect(await verdictWith([world.shardCrl, rootCrl({ entries: [entry] })], { revocation: 'if available' })).toEqual({ ...refused('issuer_revoked', /CN=Kakunin Issuing CA.*\(cACompromise\)/), crlUrls: [] });
  });

  it('is the only one whose CRLs count for its certificates', async () => {
    const stranger = testAuthority(distributed, undefined, { root: rsaKey(2048), issuing: rsaKey(2048) });
    const forged = signedCrl(stranger, { issuingDistributionPoint: shardUrl });
    expect(await verdictWith([forged])).toMatchObject(refused('revocation_unknown', /not signed by its issuer/));
  });
});

it('a CRL that is changed after it was read does not change the verdict', async () => {
  const crl = Buffer.from(shard({ entries: [revokedEntry()] }));
  const trust = readTrust({ authorities: world.authorities, crls: [crl] });
  crl.fill(0);
  expect(await verifyCertificate(world.certificate, trust, options)).toMatchObject({ valid: false, reason: 'certificate_revoked' });
});

it('any octets for a CRL are a problem that is told, and nothing worse', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array(), async (octets) => {
    const trust = world.trusting({ crls: [octets, tlv(0x30, octets)] });
    expect(trust.problems).toHaveLength(2);
    expect(await verifyCertificate(world.certificate, trust, options)).toMatchObject({ valid: false, reason: 'revocation_unknown' });
  }));
  await fc.assert(fc.asyncProperty(fc.nat(world.shardCrl.length - 1), fc.integer({ min: 1, max: 255 }), async (offset, change) => {
    const crl = Uint8Array.from(world.shardCrl, (octet, index) => (index === offset ? octet ^ change : octet));
    expect(await verdictWith([crl])).toMatchObject({ valid: false, reason: 'revocation_unknown' });
  }));
});

it('100,000 entries are looked through in milliseconds', async () => {
  const entries = serialNumbers(100_000, 'many').map((serialNumber) => encodeRevokedCertificate({ serialNumber, revocationDate: new Date('2026-05-01T00:00:00Z'), reasonCode: 4 }));
  const without = world.trusting({ crls: [shard({ entries })] });
  const withIt = world.trusting({ crls: [shard({ entries: [...entries, revokedEntry()] })] });
  for (const [trust, verdict] of [[without, { valid: true, revocation: 'good', agent: { id: agent.id } }], [withIt, { valid: false, reason: 'certificate_revoked' }]] as const) {
    expect(await verifyCertificate(world.certificate, trust, options)).toMatchObject(verdict); // Reads and hashes it once.
    const begin = performance.now();
    for (let i = 0; i < 10; i++) expect(await verifyCertificate(world.certificate, trust, options)).toMatchObject(verdict);
    expect((performance.now() - begin) / 10).toBeLessThan(100);
  }
});

/** The CA's certificate under another name. */
function renamed(certificateDer: Uint8Array): Uint8Array {
  const subject = tlv(0x30, tlv(0x31, tlv(0x30, oid(OID.commonName), tlv(0x0c, Buffer.from('Other')))));
  return signTbs(withField(fieldOf(certificateDer, 0), FIELD.subject, subject), world.authority.rootKey);
}

function revokedOther(reasonCode = 0): Uint8Array {
  const [serialNumber = ''] = serialNumbers(1, `other ${reasonCode}`);
  return encodeRevokedCertificate({ serialNumber, revocationDate: new Date('2050-01-01T00:00:00Z'), reasonCode });
}

/** An entry with an extension that this service does not use. */
function strangeEntry(critical: boolean): Uint8Array {
  const extension = tlv(0x30, oid('2.5.29.29'), ...(critical ? [hex('0101ff')] : []), tlv(0x04, hex('0500')));
  return tlv(0x30, hex('020101'), tlv(0x17, Buffer.from('260501000000Z')), tlv(0x30, extension));
}
