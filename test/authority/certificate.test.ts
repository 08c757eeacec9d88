import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ownCertificate, statusAt, type Certificate } from '../../lambdas/authority/certificate.ts';

const instant = (milliseconds: number) => new Date(milliseconds).toISOString();
const end = Date.parse('2027-05-17T00:00:00.000Z'); // notAfter is the second before.

describe('statusAt', () => {
  test.each([
    ['a year before its end', end - 31_536_000_000, 'active'],
    ['in the last millisecond of its last second', end - 1, 'active'],
    ['in the first millisecond after it', end, 'expired'],
    ['a millisecond later', end + 1, 'expired'],
  ])('an active certificate %s', (_, now, status) => {
    expect(statusAt({ status: 'active', expiresAt: instant(end) }, instant(now))).toBe(status);
  });

  test.each([end - 1, end, end + 1])('a revocation stays one, at %s too', (now) => {
    expect(statusAt({ status: 'revoked', expiresAt: instant(end) }, instant(now))).toBe('revoked');
  });

  test('compares times as text as it would compare instants, and never goes back to active', () => {
    const time = fc.date({ min: new Date('1950-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
    fc.assert(fc.property(time, time, fc.nat(1e12), (expires, now, later) => {
      const certificate = { status: 'active', expiresAt: expires.toISOString() } as const;
      expect(statusAt(certificate, now.toISOString())).toBe(now.getTime() < expires.getTime() ? 'active' : 'expired');
      const after = new Date(Math.min(now.getTime() + later, Date.parse('9999-12-31T23:59:59.999Z')));
      if (statusAt(certificate, now.toISOString()) === 'expired') expect(statusAt(certificate, after.toISOString())).toBe('expired');
    }));
  });
});

describe('ownCertificate', () => {
  const certificate = { id: 'c', tenantId: 'acme' } as Certificate;

  test('answers one’s own, and speaks of another’s as of none', () => {
    expect(ownCertificate(certificate, 'acme')).toBe(certificate);
    const refusals = [() => ownCertificate(certificate, 'globex'), () => ownCertificate(undefined, 'globex')].map((call) => {
      try {
        return call();
      } catch (error) {
        return error;
      }
    });
    expect(refusals[0]).toMatchObject({ code: 'CERTIFICATE_NOT_FOUND' });
    expect(String(refusals[0])).toBe(String(refusals[1]));
  });
});
