import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as asn1js from 'asn1js';
import fc from 'fast-check';
import * as pkijs from 'pkijs';
import { buildCrl, type CrlRequest, crlToPem, encodeRevokedCertificate, parseCrl, type RevokedCertificate, verifyCrlSignature } from '../../lambdas/pki/crl.ts';
import { decodeRevokedCertificate } from '../../lambdas/pki/crl-entry.ts';
import { DerError, readDer } from '../../lambdas/pki/der-reader.ts';
import { concatenated, derHeader } from '../../lambdas/pki/der-writer.ts';
import { hexOf, octetsOf } from '../../lambdas/pki/hexadecimal.ts';
import { ownedBuffer } from '../../lambdas/pki/owned-buffer.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { readTbsOfCertificate, subjectKeyIdentifierOf, subjectPublicKeyInfoOf } from '../../lambdas/pki/tbs-certificate.ts';
import type { TestAuthority } from './authority-fixture.ts';
import { fieldOf, hex, tlv, withField } from './der-surgery.ts';
import { nextUpdate, serialNumbers, signedCrl, smallAuthority, thisUpdate } from './revocation-fixture.ts';

const SHARD_URL = 'http://pki.example.com/kakunin/crl/shard-3.crl';
const REASONS = [0, 1, 2, 3, 4, 5, 6, 9, 10];
const serialNumber = '7A1B2C3D4E5F4A6B8C7D9E0F1A2B3C4D';
const revocationDate = new Date('2026-05-04T03:02:01.999Z');

let authority: TestAuthority;
let issuerKey: Uint8Array;
beforeAll(() => {
  authority = smallAuthority();
  issuerKey = subjectPublicKeyInfoOf(authority.issuingCertificateDer);
});

const revoked = (changes: Partial<RevokedCertificate> = {}): RevokedCertificate => ({ serialNumber, revocationDate, reasonCode: 1, ...changes });
const crl = (changes: Partial<CrlRequest> = {}): ReturnType<typeof buildCrl> =>
  buildCrl({ issuerCertificateDer: authority.issuingCertificateDer, thisUpdate, nextUpdate, crlNumber: 1n, entries: [], ...changes });
const entriesOf = (der: Uint8Array): RevokedCertificate[] => [...parseCrl(der).revokedCertificates()];

describe('an entry', () => {
  const encoded = (changes: Partial<RevokedCertificate>): string => hexOf(encodeRevokedCertificate(revoked(changes)));

  it('is serial number, date and reason', () => {
    expect(encoded({})).toBe(`302f0210${serialNumber.toLowerCase()}170d3236303530343033303230315a300c300a0603551d1504030a0101`);
  });

  it('leaves the reason out for unspecified', () => {
    expect(encoded({ reasonCode: 0 })).toBe(`30210210${serialNumber.toLowerCase()}170d3236303530343033303230315a`);
  });

  it('has the serial number in the fewest octets, and positive', () => {
    expect(encoded({ serialNumber: 'ff'.repeat(16) })).toContain(`021100${'ff'.repeat(16)}`);
    expect(encoded({ serialNumber: `0000${'80'.repeat(14)}` })).toContain(`020f00${'80'.repeat(14)}`);
    expect(encoded({ serialNumber: `${'00'.repeat(15)}7f` })).toContain('02017f');
  });

  it('turns to GeneralizedTime with 2050', () => {
    expect(encoded({ revocationDate: new Date('2049-12-31T23:59:59.999Z') })).toContain(`170d${Buffer.from('491231235959Z').toString('hex')}`);
    expect(encoded({ revocationDate: new Date('2050-01-01T00:00:00Z') })).toContain(`180f${Buffer.from('20500101000000Z').toString('hex')}`);
  });

  it.each<[string, Partial<RevokedCertificate>]>([
    ['zero', { serialNumber: '00'.repeat(16) }],
    ['a short serial number', { serialNumber: '01' }],
    ['no digits', { serialNumber: 'x'.repeat(32) }],
    ['an invalid date', { revocationDate: new Date(Number.NaN) }],
    ['1949', { revocationDate: new Date('1949-12-31T23:59:59Z') }],
    ['10000', { revocationDate: new Date(Date.UTC(10_000, 0)) }],
    // OpenSSL accepts a certificate that a complete CRL lists with removeFromCRL.
    ...[7, 8, 11, -1, 1.5].map((reasonCode): [string, Partial<RevokedCertificate>] => [`reason ${reasonCode}`, { reasonCode }]),
  ])('refuses %s', (_, changes) => {
    expect(() => encodeRevokedCertificate(revoked(changes))).toThrow(ProfileError);
  });

  it('is read as it was written', () => {
    const entry = fc.record({
      serialNumber: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((octets) => hexOf(octets).toUpperCase()).filter((digits) => !/^0+$/.test(digits)),
      revocationDate: fc.integer({ min: Date.UTC(1950, 0) / 1000, max: Date.UTC(9999, 11, 31) / 1000 }).map((seconds) => new Date(seconds * 1000)),
      reasonCode: fc.constantFrom(...REASONS),
    });
    fc.assert(fc.property(entry, (one) => {
      expect(decodeRevokedCertificate(encodeRevokedCertificate(one))).toEqual(one);
    }));
  });

  it.each([
    ['an unspecified reason written out', `302f0210${serialNumber}170d3236303530343033303230315a300c300a0603551d1504030a0100`],
    ['removeFromCRL', `302f0210${serialNumber}170d3236303530343033303230315a300c300a0603551d1504030a0108`],
    ['a critical reason', `30320210${serialNumber}170d3236303530343033303230315a300f300d0603551d150101ff04030a0101`],
    ['another extension', `302f0210${serialNumber}170d3236303530343033303230315a300c300a0603551d1804030a0101`],
    ['no date', `30120210${serialNumber}`],
    ['30 February', `30210210${serialNumber}170d3236303233303033303230315a`],
    ['a negative serial number', '3012020180170d3236303530343033303230315a'],
    ['serial number 0', '3012020100170d3236303530343033303230315a'],
    ['a serial number of 17 octets', `30220211${serialNumber}00170d3236303530343033303230315a`],
    ['a length beyond any entry', tlvHex(`0210${serialNumber}170d3236303530343033303230315a`, 200)],
  ])('with %s is not read', (_, der) => {
    expect(() => decodeRevokedCertificate(hex(der))).toThrow(DerError);
  });
});

function tlvHex(content: string, padding: number): string {
  return hexOf(tlv(0x30, hex(content), tlv(0x30, new Uint8Array(padding))));
}

describe('byte for byte what PKI.js builds', () => {
  const years2049 = { thisUpdate: new Date('2049-12-31T00:00:00.5Z'), nextUpdate: new Date('2050-01-01T01:00:00.5Z') };
  const allReasons = REASONS.map((reasonCode, index) => revoked({
    reasonCode, serialNumber: serialNumbers(1, `reason ${index}`)[0] ?? '', revocationDate: new Date(Date.UTC(2048 + (index % 4), index, 3, 4, 5, 6, 7)),
  }));
  const many = serialNumbers(300, 'many').map((number) => revoked({ serialNumber: number, reasonCode: 4 }));

  it.each<[string, RevokedCertificate[], Partial<CrlRequest>]>([
    ['nothing revoked', [], {}],
    ['nothing revoked in a shard', [], { issuingDistributionPoint: SHARD_URL }],
    ['one', [revoked()], { crlNumber: 127n }],
    ['one with a negative-looking serial number', [revoked({ serialNumber: `80${'00'.repeat(15)}` })], { crlNumber: 128n }],
    ['every reason, before and after 2050', allReasons, { crlNumber: 2n ** 64n, ...years2049 }],
    ['every reason in a shard', allReasons, { crlNumber: 2n ** 159n - 1n, issuingDistributionPoint: SHARD_URL }],
    ['three octets of length', many, { crlNumber: 0xfffen, issuingDistributionPoint: SHARD_URL }],
  ])('%s', (_, entries, changes) => {
    const request = { thisUpdate, nextUpdate, crlNumber: 1n, ...changes };
    const signature = new Uint8Array(256).fill(0xab);
    const ours = crl({ ...request, entries: entries.map(encodeRevokedCertificate) });
    const theirs = pkijsCrl(request, entries, signature);
    expect(hexOf(ours.withSignature(signature))).toBe(hexOf(theirs));
    expect(hexOf(ours.digest)).toBe(createHash('sha256').update(readDer(theirs.slice()).children[0]?.encoded ?? '').digest('hex'));
  });

  /** The same CRL out of PKI.js's own classes, extensions included. */
  function pkijsCrl(request: Pick<CrlRequest, 'thisUpdate' | 'nextUpdate' | 'crlNumber' | 'issuingDistributionPoint'>, entries: RevokedCertificate[], signature: Uint8Array): Uint8Array {
    const issuer = readTbsOfCertificate(authority.issuingCertificateDer);
    const algorithm = new pkijs.AlgorithmIdentifier({ algorithmId: '1.2.840.113549.1.1.11', algorithmParams: new asn1js.Null() });
    const time = (date: Date): pkijs.Time => {
      const value = new Date(Math.floor(date.getTime() / 1000) * 1000);
      return new pkijs.Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
    };
    const extension = (extnID: string, value: { toBER(): ArrayBuffer }, critical = false): pkijs.Extension => new pkijs.Extension({ extnID, critical, extnValue: value.toBER() });
    const keyIdentifier = new asn1js.OctetString({ valueHex: ownedBuffer(subjectKeyIdentifierOf(issuer)) });
    const uri = request.issuingDistributionPoint;
    const list = new pkijs.CertificateRevocationList({
      version: 1,
      signature: algorithm,
      signatureAlgorithm: algorithm,
      issuer: new pkijs.RelativeDistinguishedNames({ schema: asn1js.fromBER(ownedBuffer(issuer.subject.encoded)).result }),
      thisUpdate: time(request.thisUpdate),
      nextUpdate: time(request.nextUpdate),
      ...(entries.length === 0
        ? {}
        : {
            revokedCertificates: entries.map((entry) => new pkijs.RevokedCertificate({
              userCertificate: asn1js.Integer.fromBigInt(BigInt(`0x${entry.serialNumber}`)),
              revocationDate: time(entry.revocationDate),
              ...(entry.reasonCode === 0
                ? {}
                : { crlEntryExtensions: new pkijs.Extensions({ extensions: [extension('2.5.29.21', new asn1js.Enumerated({ value: entry.reasonCode }))] }) }),
            })),
          }),
      crlExtensions: new pkijs.Extensions({
        extensions: [
          extension('2.5.29.35', new pkijs.AuthorityKeyIdentifier({ keyIdentifier }).toSchema()),
          extension('2.5.29.20', asn1js.Integer.fromBigInt(request.crlNumber)),
          ...(uri === undefined
            ? []
            : [extension('2.5.29.28', new pkijs.IssuingDistributionPoint({ distributionPoint: [new pkijs.GeneralName({ type: 6, value: uri })] }).toSchema(), true)]),
        ],
      }),
      signatureValue: new asn1js.BitString({ valueHex: ownedBuffer(signature) }),
    });
    return new Uint8Array(list.toSchema(true).toBER());
  }
});

describe('buildCrl', () => {
  it('takes entries from a generator, an array or joined, and keeps their order', () => {
    const entries = serialNumbers(5, 'order').map((number) => encodeRevokedCertificate(revoked({ serialNumber: number })));
    const signature = new Uint8Array(4);
    const expected = crl({ entries }).withSignature(signature);
    expect(crl({ entries: entries.values() }).withSignature(signature)).toEqual(expected);
    expect(crl({ entries: concatenated(entries) }).withSignature(signature)).toEqual(expected);
    expect(crl({ entries: Buffer.concat([Buffer.from('pool'), ...entries]).subarray(4) }).withSignature(signature)).toEqual(expected);
    expect(entriesOf(expected).map((entry) => entry.serialNumber)).toEqual(serialNumbers(5, 'order'));
    expect(crl({ entries: new Uint8Array() }).withSignature(signature)).toEqual(crl().withSignature(signature));
  });

  it('joins more than one block', () => {
    const entry = encodeRevokedCertificate(revoked());
    const der = crl({ entries: Array.from({ length: 30_000 }, () => entry) }).withSignature(new Uint8Array(4));
    expect(parseCrl(der).entryCount).toBe(30_000);
    expect(new Set(entriesOf(der).map((one) => one.serialNumber))).toEqual(new Set([serialNumber]));
  });

  it.each<[string, Partial<CrlRequest>]>([
    ['nextUpdate at thisUpdate', { nextUpdate: thisUpdate }],
    ['an invalid date', { nextUpdate: new Date(Number.NaN) }],
    ['CRL number 0', { crlNumber: 0n }],
    ['a negative CRL number', { crlNumber: -1n }],
    ['a CRL number of 21 octets', { crlNumber: 2n ** 159n }],
    ['a URI with a space', { issuingDistributionPoint: 'http://pki.example.com/a b' }],
    ['an empty URI', { issuingDistributionPoint: '' }],
  ])('refuses %s', (_, changes) => {
    expect(() => crl(changes)).toThrow(ProfileError);
  });

  it('refuses entries that are torn or something else', () => {
    const entry = encodeRevokedCertificate(revoked());
    for (const bad of [entry.subarray(0, -1), entry.subarray(1), concatenated([entry, Uint8Array.of(0)]), concatenated([entry, entry]), new Uint8Array(), hex('0500'), hex('3000')]) {
      expect(() => crl({ entries: [entry, bad] })).toThrow(DerError);
    }
    expect(() => crl({ entries: concatenated([entry, entry.subarray(0, -1)]) })).toThrow(DerError);
    expect(() => crl({ entries: concatenated([entry, hex('0500')]) })).toThrow(DerError);
  });
});

describe('parseCrl', () => {
  it('reads what was built', () => {
    const all = REASONS.map((reasonCode, index) => revoked({ reasonCode, serialNumber: serialNumbers(9, 'parse')[index] ?? '', revocationDate: new Date(Date.UTC(2045 + index, 1, 2)) }));
    const der = signedCrl(authority, { crlNumber: 300n, issuingDistributionPoint: SHARD_URL, entries: all.map(encodeRevokedCertificate) });
    expect(parseCrl(der)).toMatchObject({
      issuer: 'CN=Kakunin Issuing CA,O=Kakunin,C=JP',
      thisUpdate: new Date('2026-06-01T00:00:00Z'), nextUpdate: new Date('2026-06-02T01:00:00Z'),
      crlNumber: 300n, issuingDistributionPoint: SHARD_URL, entryCount: 9,
      authorityKeyIdentifier: hexOf(subjectKeyIdentifierOf(readTbsOfCertificate(authority.issuingCertificateDer))),
    });
    expect(hexOf(parseCrl(der).issuerDer)).toBe(hexOf(readTbsOfCertificate(authority.issuingCertificateDer).subject.encoded));
    expect(entriesOf(der)).toEqual(all);
    expect(entriesOf(der)).toEqual(all);
    expect(parseCrl(signedCrl(authority))).toMatchObject({ entryCount: 0, crlNumber: 1n, issuingDistributionPoint: undefined });
    expect(entriesOf(signedCrl(authority))).toEqual([]);
  });

  it('refuses what is no CRL of this profile', () => {
    const der = signedCrl(authority, { entries: [encodeRevokedCertificate(revoked())], issuingDistributionPoint: SHARD_URL });
    const tbs = fieldOf(der, 0);
    const extensions = readDer(fieldOf(tbs, 6)).children[0]?.children.map(({ encoded }) => hexOf(encoded)) ?? [];
    const [keyId = '', number = '', point = ''] = extensions;
    expect([keyId.slice(4, 14), number, point.slice(4, 20)]).toEqual(['0603551d23', '300a0603551d140403020101', '0603551d1c0101ff']);
    const withTbs = (field: number, replacement: Uint8Array): Uint8Array => withField(der, 0, withField(tbs, field, replacement));
    const withExtensions = (...list: string[]): Uint8Array => withTbs(6, tlv(0xa0, tlv(0x30, ...list.map(hex))));
    const pointOf = (value: string): string => hexOf(tlv(0x30, hex('0603551d1c0101ff'), tlv(0x04, hex(value))));
    const bad: [string, Uint8Array, RegExp][] = [
      ['not DER', hex('3080'), /indefinite/],
      ['nothing', new Uint8Array(), /ends before/],
      ['something behind', concatenated([der, Uint8Array.of(0)]), /trailing/],
      ['a certificate', authority.issuingCertificateDer, /contains more than 7/],
      ['v1', withTbs(0, new Uint8Array()), /algorithm/],
      ['v3', withTbs(0, hex('020102')), /not v2/],
      ['another algorithm inside', withTbs(1, hex('300d06092a864886f70d01010c0500')), /algorithm/],
      ['another algorithm outside', withField(der, 1, hex('300d06092a864886f70d01010c0500')), /algorithm/],
      ['no NULL', withField(der, 1, hex('300b06092a864886f70d01010b')), /algorithm/],
      ['unused bits in the signature', withField(der, 2, hex('03020100')), /not a CertificateList/],
      ['no nextUpdate', withTbs(4, new Uint8Array()), /moment/],
      ['fractions of a second', withTbs(3, hex('181132303236303330313132333435362e355a')), /GeneralizedTime/],
      ['an empty revokedCertificates', withTbs(5, hex('3000')), /empty revokedCertificates/],
      ['a cut entry', withTbs(5, hex('30023005')), /ends before/],
      ['no extensions', withTbs(6, new Uint8Array()), /with nextUpdate and extensions/],
      ['something beside the extensions', withTbs(6, tlv(0xa0, tlv(0x30, ...[keyId, number, point].map(hex)), hex('0500'))), /around one element/],
      ['extensions that are a SET', withTbs(6, tlv(0xa0, tlv(0x31, hex(keyId)))), /Extensions are malformed/],
      ['an extension that is a SET', withExtensions(keyId.replace('30', '31'), number, point), /in ascending order|An extension is not/],
      ['no CRL number', withExtensions(keyId, point), /no cRLNumber/],
      ['no issuer key', withExtensions(number, point), /no authorityKeyIdentifier/],
      ['two CRL numbers', withExtensions(keyId, number, number), /twice/],
      ['a critical CRL number', withExtensions(keyId, '300d0603551d140101ff0403020101'), /criticality/],
      ['a distribution point that is not critical', withExtensions(keyId, number, point.replace('0101ff', '').replace(/^30../, (header) => `30${(Number.parseInt(header.slice(2), 16) - 3).toString(16)}`)), /criticality/],
      ['a negative CRL number', withExtensions(keyId, '300a0603551d140403020181'), /negative/],
      ['a CRL number of 21 octets', withExtensions(keyId, `301e0603551d1404170215${'01'.repeat(21)}`), /20 octets/],
      ['a delta CRL', withExtensions(keyId, number, '300d0603551d1b0101ff0403020101'), /not known here/],
      ['a distribution point without a URI', withExtensions(keyId, number, pointOf('3003810101')), /one URI alone/],
      ['two URIs', withExtensions(keyId, number, pointOf('300aa008a006860161860162')), /one URI alone/],
      ['onlySomeReasons', withExtensions(keyId, number, pointOf('300ba005a00386016183020780')), /one URI alone/],
    ];
    for (const [what, one, reason] of bad) expect({ what, refused: refusal(() => parseCrl(one)) }).toEqual({ what, refused: expect.stringMatching(new RegExp(`^DerError: .*${reason.source}`)) });
    expect(parseCrl(withTbs(5, new Uint8Array())).entryCount).toBe(0);
  });

  it('refuses a CRL beyond its bounds before reading on', () => {
    const manyFields = tlvOfLength(0x30, concatenated(Array.from({ length: 100 }, () => hex('0500'))));
    expect(refusal(() => parseCrl(manyFields))).toMatch(/more than 3/);
    expect(refusal(() => parseCrl(new Uint8Array(128 * 2 ** 20 + 1)))).toMatch(/longer than/);
  });

  it('meets any bytes with a DerError', () => {
    const der = signedCrl(authority, { entries: [encodeRevokedCertificate(revoked())], issuingDistributionPoint: SHARD_URL });
    const mutated = fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
      const copy = der.slice();
      for (const [index, octet] of changes) copy[index] = octet;
      return copy;
    });
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
      expect(refusal(() => entriesOf(bytes)) ?? 'DerError').toMatch(/^DerError/);
    }));
  });

  const tlvOfLength = (tag: number, content: Uint8Array): Uint8Array => concatenated([derHeader(tag, content.length), content]);
  const refusal = (read: () => unknown): string | undefined => {
    try {
      read();
      return undefined;
    } catch (error) {
      return String(error);
    }
  };
});

describe('verifyCrlSignature', () => {
  it('accepts the issuer’s signature and nothing else', () => {
    const der = signedCrl(authority, { entries: [encodeRevokedCertificate(revoked())] });
    expect(verifyCrlSignature(der, issuerKey)).toBe(true);
    expect(verifyCrlSignature(der, subjectPublicKeyInfoOf(authority.rootCertificateDer))).toBe(false);
    const changed = der.slice();
    changed[100] = (changed[100] ?? 0) ^ 1;
    expect(verifyCrlSignature(changed, issuerKey)).toBe(false);
    expect(verifyCrlSignature(octetsOf('3000'), issuerKey)).toBe(false);
    expect(verifyCrlSignature(der, new Uint8Array(3))).toBe(false);
  });
});

it('PEM is RFC 7468’s', () => {
  const der = signedCrl(authority);
  const lines = Buffer.from(crlToPem(der)).toString().split('\n');
  expect([lines[0], lines.at(-2), lines.at(-1)]).toEqual(['-----BEGIN X509 CRL-----', '-----END X509 CRL-----', '']);
  expect(lines.slice(1, -3).every((line) => line.length === 64)).toBe(true);
  expect(Buffer.from(lines.slice(1, -2).join(''), 'base64').equals(der)).toBe(true);
});
