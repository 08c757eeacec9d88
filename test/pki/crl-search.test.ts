import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeRevokedCertificate, encodeRevokedCertificate } from '../../lambdas/pki/crl-entry.ts';
import { findRevokedCertificate } from '../../lambdas/pki/crl-search.ts';
import { DerError } from '../../lambdas/pki/der-reader.ts';
import { octetsOf } from '../../lambdas/pki/hexadecimal.ts';
import { hex } from './der-surgery.ts';

// Few octets, so that one serial number often begins as another does, or is shorter by one.
const serial = fc.array(fc.constantFrom('00', '01', '02', '10', '7f'), { minLength: 1, maxLength: 3 }).map((octets) => octets.join('').padStart(32, '0').toUpperCase()).filter((digits) => !/^0+$/.test(digits));
const contentOf = (serialNumber: string): Uint8Array => octetsOf(serialNumber.replace(/^(?:00)+/, ''));
const entry = (serialNumber: string, reasonCode = 0, revocationDate = new Date('2026-05-04T03:02:01Z')): Uint8Array => encodeRevokedCertificate({ serialNumber, revocationDate, reasonCode });

it('finds what is there, and the first of two', () => {
  const revoked = fc.tuple(serial, fc.constantFrom(0, 1, 4, 10), fc.constantFrom(new Date('2026-05-04T03:02:01Z'), new Date('2050-01-01T00:00:00Z')));
  fc.assert(fc.property(fc.array(revoked), serial, (list, sought) => {
    const ders = list.map((fields) => entry(...fields));
    const expected = ders.map((der) => decodeRevokedCertificate(der)).find(({ serialNumber }) => serialNumber === sought);
    expect(findRevokedCertificate(Buffer.concat(ders), contentOf(sought))).toEqual(expected);
  }));
});

describe('believes nothing of a list', () => {
  const good = entry('01'.repeat(16));
  it.each<[string, Uint8Array]>([
    ['that is cut off', Buffer.concat([good, good.subarray(0, -1)])],
    ['that ends in a header', Buffer.concat([good, hex('30')])],
    ['of another type', hex('3100')],
    ['with a long length', Buffer.concat([hex('308121'), good.subarray(2)])],
    ['with an entry without serial number', hex('300f170d3236303530343033303230315a')],
    ['with an entry without date', hex('3003020101')],
    ['with an entry whose date has another type', hex('3012020102040d3236303530343033303230315a')],
    ['with something behind the reason', Buffer.concat([hex('3022020102170d3236303530343033303230315a300e300a0603551d1504030a01010500')])],
    ['with another extension', Buffer.concat([hex('3020020102170d3236303530343033303230315a300c300a0603551d1604030a0101')])],
    ['with a critical reason', Buffer.concat([hex('3023020102170d3236303530343033303230315a300f300d0603551d150101ff04030a0101')])],
    ['with the certificate sought under a reason that is none', entry('00'.repeat(15) + '05', 1).map((octet, index, all) => (index === all.length - 1 ? 8 : octet))],
  ])('%s', (_, entries) => {
    expect(() => findRevokedCertificate(entries, hex('05'))).toThrow(DerError);
  });
});
