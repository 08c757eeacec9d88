import { describe, expect, it } from '@jest/globals';
import { crlShardUrl, issuingCertificateUrl, ocspUrl, rootCertificateUrl, rootCrlUrl } from '../../lambdas/pki/distribution-urls.ts';
import { ProfileError } from '../../lambdas/pki/profile-error.ts';
import { agentUri, agentValiditySeconds, DEFAULT_PRIVATE_ARC, type ProfileSettings, validateProfileSettings } from '../../lambdas/pki/profile.ts';

const good: ProfileSettings = {
  privateArc: DEFAULT_PRIVATE_ARC, policyOid: '2.23.140.1.2.2', spiffeTrustDomain: 'agents.example.com', distributionUrl: 'http://localhost:3000/pki',
};

describe('validateProfileSettings', () => {
  it('returns good settings', () => {
    expect(validateProfileSettings(good)).toBe(good);
    expect(validateProfileSettings({ privateArc: DEFAULT_PRIVATE_ARC })).toEqual({ privateArc: DEFAULT_PRIVATE_ARC });
  });

  it.each([
    '', '1', '1.3', 'a.b.c', '1.3.', '.1.3.6', '1..3.6', '1.03.6', '3.1.1', '0.40.1', '1.40.1', '1.3.6.1.2147483648', '2.25.1', '2.25.329800735698586629295641978511506172918', '1.3.6\n', `1.3${'.1'.repeat(70)}`,
  ])('refuses the OID %j', (oid) => {
    expect(() => validateProfileSettings({ ...good, privateArc: oid })).toThrow(ProfileError);
    expect(() => validateProfileSettings({ ...good, policyOid: oid })).toThrow(ProfileError);
  });

  it.each(['', 'Example.com', 'a b', 'exämple', 'a/b', 'a:8080', 'user@a', 'a'.repeat(256)])('refuses the trust domain %j', (spiffeTrustDomain) => {
    expect(() => validateProfileSettings({ ...good, spiffeTrustDomain })).toThrow(ProfileError);
  });

  it.each([
    '', 'https://pki.example.com', 'ftp://x', 'http://', 'http://x/', 'http://x/a/', 'http://x?q=1', 'http://x#f', 'http://u@x', 'http://x y', 'http://ü', 'http://x:99999', ' http://x', 'http://x\n',
  ])('refuses the distribution URL %j', (distributionUrl) => {
    expect(() => validateProfileSettings({ ...good, distributionUrl })).toThrow(ProfileError);
  });
});

describe('how long certificates hold', () => {
  it('is a year where nothing else is said, to the second', () => {
    expect(agentValiditySeconds(good)).toBe(365 * 86_400 - 1);
    expect(agentValiditySeconds({ ...good, agentValidityDays: 1 })).toBe(86_399);
  });

  it.each([0, 366, -1, 1.5, NaN, Infinity])('is not %d days', (agentValidityDays) => {
    expect(() => validateProfileSettings({ ...good, agentValidityDays })).toThrow(ProfileError);
  });
});

describe('agentUri', () => {
  it('is a URN, or a SPIFFE ID where a trust domain is configured', () => {
    expect(agentUri({ privateArc: DEFAULT_PRIVATE_ARC }, 't', 'a')).toBe('urn:kakunin:agent:a');
    expect(agentUri(good, 't', 'a')).toBe('spiffe://agents.example.com/tenant/t/agent/a');
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'ä', 'a%20', 'a\n', 'x'.repeat(65)])('refuses the id %j', (id) => {
    expect(() => agentUri(good, 't', id)).toThrow(ProfileError);
    expect(() => agentUri(good, id, 'a')).toThrow(ProfileError);
  });
});

it('makes the URLs that certificates and CRLs share', () => {
  const base = 'http://pki.example.com';
  expect([crlShardUrl(base, 12), rootCrlUrl(base), ocspUrl(base), issuingCertificateUrl(base, 1), rootCertificateUrl(base)]).toEqual([
    'http://pki.example.com/crl/shard-12.crl', 'http://pki.example.com/crl/root.crl', 'http://pki.example.com/ocsp',
    'http://pki.example.com/ca/issuing.cer', 'http://pki.example.com/ca/root.cer',
  ]);
});
