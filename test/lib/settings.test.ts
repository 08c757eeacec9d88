import { describe, expect, test } from '@jest/globals';
import { addressLimits, usagePlans } from '../../lambdas/rate-limits.ts';
import { readSettings } from '../../lib/settings.ts';

const minimal = { organization: 'Example Ltd' };
const plan = usagePlans.standard;
const certificateIn = (region: string) => `arn:aws:acm:${region}:123456789012:certificate/12345678-1234-1234-1234-123456789012`;
const distributionDomain = { name: 'pki.example.com', certificateArn: certificateIn('us-east-1') };
const apiDomain = { name: 'api.example.com', certificateArn: certificateIn('eu-west-1') };

test('an organisation is enough', () => {
  expect(readSettings(minimal)).toEqual({ deployment: 'kakunin', region: 'eu-west-1', organization: 'Example Ltd', certificateValidityDays: 365, issuingGenerations: [1], riskThreshold: 0.85, authorizerCacheSeconds: 60, crlShards: 16, keyDeletionDays: 30, auditRetentionDays: 2557, auditRetentionMode: 'GOVERNANCE', customerKey: false, logRetentionDays: 90, kmsKeyQuota: 100_000, granteeAccounts: [], usagePlans, tenantLimits: 'enforced', webAcl: true, addressLimits });
});

test('everything can be said', () => {
  const all = {
    ...minimal, deployment: 'kakunin-staging', region: 'ap-southeast-2', country: 'IE', spiffeTrustDomain: 'agents.example.com', privateArc: '1.3.6.1.4.1.61411.1',
    policyOid: '1.3.6.1.4.1.61411.2.1', certificateValidityDays: 1, issuingGenerations: [2, 1], riskThreshold: 1, authorizerCacheSeconds: 0, crlShards: 1024, keyDeletionDays: 7, auditRetentionDays: 1, auditRetentionMode: 'COMPLIANCE', customerKey: true, backupRetentionDays: 365, logRetentionDays: 3653, alarmEmail: 'pki@example.com', kmsKeyQuota: 200_000, granteeAccounts: ['123456789012', '000000000001'],
    distributionDomain, apiDomain: { ...apiDomain, certificateArn: certificateIn('ap-southeast-2') }, mutualTls: { truststoreUri: 's3://example-truststore/clients/2026.pem', truststoreVersion: 'abc' },
    usagePlans: { standard: plan, 'for-free': { requestsPerSecond: 1, burst: 1, issuancesPerSecond: 1, issuanceBurst: 1 } }, tenantLimits: 'prepared', webAcl: false, addressLimits: { requests: 15_000, publicRequests: 100 },
  };
  expect(readSettings(all)).toEqual(all);
});

describe('what cannot be used is refused in a sentence', () => {
  test.each<[string, object | undefined, string]>([
    ['nothing at all', undefined, 'organization is required'],
    ['an empty organisation', { organization: ' ' }, 'organization must not be empty'],
    ['an organisation too long for X.520', { organization: 'x'.repeat(46) }, 'organization must not exceed 45 characters'],
    ['capitals in the deployment', { ...minimal, deployment: 'Kakunin' }, 'deployment must be 1 to 32 of'],
    ['a region that is none', { ...minimal, region: 'Dublin' }, 'region must be an AWS Region'],
    ['a country that is none', { ...minimal, country: 'EU' }, 'country must be an assigned ISO 3166-1 code'],
    ['a country in words', { ...minimal, country: 'Ireland' }, 'country must be an assigned ISO 3166-1 code of two capital letters'],
    ['a country that nobody assigned', { ...minimal, country: 'XX' }, 'country must be an assigned ISO 3166-1 code'],
    ['a trust domain with a scheme', { ...minimal, spiffeTrustDomain: 'spiffe://example.com' }, 'spiffeTrustDomain must be 1–255 of'],
    ['an arc that is no OID', { ...minimal, privateArc: '1.3.x' }, 'privateArc is not a dotted OID'],
    ['an arc that Go and GnuTLS refuse', { ...minimal, privateArc: '2.25.7' }, 'privateArc has an arc above 2^31'],
    ['a policy that is no OID', { ...minimal, policyOid: '3.1.1' }, 'policyOid is not a dotted OID'],
    ['no issuing CA at all', { ...minimal, issuingGenerations: [] }, 'issuingGenerations.0 must be a list of whole numbers from 1, each once, the one that issues first'],
    ['an issuing CA twice', { ...minimal, issuingGenerations: [2, 1, 2] }, 'issuingGenerations must be a list of whole numbers'],
    ['an issuing CA before the first', { ...minimal, issuingGenerations: [1, 0] }, 'issuingGenerations.1 must be a list of whole numbers'],
    ['an issuing CA without a list', { ...minimal, issuingGenerations: 1 }, 'issuingGenerations must be a list of whole numbers'],
    ['a threshold that always revokes', { ...minimal, riskThreshold: 0 }, 'riskThreshold must be above 0'],
    ['a threshold that never revokes', { ...minimal, riskThreshold: 1.01 }, 'riskThreshold must be at most 1'],
    ['a threshold in words', { ...minimal, riskThreshold: 'high' }, 'riskThreshold must be a number'],
    ['a revoked key that works for five minutes', { ...minimal, authorizerCacheSeconds: 300 }, 'authorizerCacheSeconds must be at most 60'],
    ['no shard at all', { ...minimal, crlShards: 0 }, 'crlShards must be at least 1'],
    ['more shards than there may be', { ...minimal, crlShards: 1025 }, 'crlShards must be at most 1024'],
    ['half a shard', { ...minimal, crlShards: 1.5 }, 'crlShards must be a whole number'],
    ['keys gone sooner than KMS lets them', { ...minimal, keyDeletionDays: 6 }, 'keyDeletionDays must be at least 7'],
    ['keys kept longer than KMS keeps them', { ...minimal, keyDeletionDays: 31 }, 'keyDeletionDays must be at most 30'],
    ['an audit trail that nothing holds', { ...minimal, auditRetentionDays: 0 }, 'auditRetentionDays must be at least 1'],
    ['a lock for longer than S3 has', { ...minimal, auditRetentionDays: 36_501 }, 'auditRetentionDays must be at most 36500'],
    ['a lock of another kind', { ...minimal, auditRetentionMode: 'governance' }, 'auditRetentionMode must be GOVERNANCE or COMPLIANCE'],
    ['a key by its alias', { ...minimal, customerKey: 'alias/data' }, 'customerKey must be true, false or the ARN of a KMS key'],
    ['a key that is a number', { ...minimal, customerKey: 1 }, 'customerKey must be true, false or the ARN of a KMS key'],
    ['backups that are kept for no day', { ...minimal, backupRetentionDays: 0 }, 'backupRetentionDays must be at least 1'],
    ['backups for longer than there are any', { ...minimal, backupRetentionDays: 36_501 }, 'backupRetentionDays must be at most 36500'],
    ['a grantee’s account that is a number', { ...minimal, granteeAccounts: [123456789012] }, 'granteeAccounts.0 must be an account id of 12 digits, in quotes'],
    ['a grantee’s account that is none', { ...minimal, granteeAccounts: ['12345678901'] }, 'granteeAccounts.0 must be an account id of 12 digits'],
    ['a role in the place of its account', { ...minimal, granteeAccounts: ['arn:aws:iam::123456789012:role/x'] }, 'granteeAccounts.0 must be an account id'],
    ['certificates that hold for no day', { ...minimal, certificateValidityDays: 0 }, 'certificateValidityDays must be at least 1'],
    ['certificates for longer than a year', { ...minimal, certificateValidityDays: 366 }, 'certificateValidityDays must be at most 365'],
    ['logs for as long as CloudWatch does not know', { ...minimal, logRetentionDays: 100 }, 'logRetentionDays must be one of 7, 14, 30'],
    ['an address that nobody can be told at', { ...minimal, alarmEmail: 'pki' }, 'alarmEmail must be an e-mail address'],
    ['a quota of no keys', { ...minimal, kmsKeyQuota: 0 }, 'kmsKeyQuota must be at least 1'],
    ['one account without a list', { ...minimal, granteeAccounts: '123456789012' }, 'granteeAccounts must be a list of account ids'],
    ['a domain without a certificate', { ...minimal, distributionDomain: { name: 'pki.example.com' } }, 'distributionDomain.certificateArn must be the ARN of a certificate in ACM'],
    ['a domain by its name alone', { ...minimal, apiDomain: 'api.example.com' }, 'apiDomain must have name and certificateArn'],
    ['a domain that is a URL', { ...minimal, distributionDomain: { ...distributionDomain, name: 'http://pki.example.com' } }, 'distributionDomain.name must be a domain name in small letters'],
    ['a domain in capitals', { ...minimal, distributionDomain: { ...distributionDomain, name: 'PKI.example.com' } }, 'distributionDomain.name must be a domain name in small letters'],
    ['a domain for all of them', { ...minimal, apiDomain: { ...apiDomain, name: '*.example.com' } }, 'apiDomain.name must be a domain name in small letters'],
    ['a name without a domain', { ...minimal, apiDomain: { ...apiDomain, name: 'localhost' } }, 'apiDomain.name must be a domain name in small letters'],
    ['a domain longer than there are any', { ...minimal, apiDomain: { ...apiDomain, name: `${'a.'.repeat(126)}com` } }, 'apiDomain.name must not exceed 253 characters'],
    ['a certificate of another service', { ...minimal, apiDomain: { ...apiDomain, certificateArn: 'arn:aws:iam::123456789012:server-certificate/x' } }, 'apiDomain.certificateArn must be the ARN of a certificate in ACM'],
    ['a certificate that CloudFront does not see', { ...minimal, distributionDomain: { ...distributionDomain, certificateArn: certificateIn('eu-west-1') } }, 'distributionDomain.certificateArn must be of a certificate in us-east-1'],
    ['a certificate that API Gateway does not see', { ...minimal, apiDomain: { ...apiDomain, certificateArn: certificateIn('us-east-1') } }, 'apiDomain.certificateArn must be of a certificate in eu-west-1'],
    ['a name for two things', { ...minimal, distributionDomain, apiDomain: { ...apiDomain, name: distributionDomain.name } }, 'apiDomain.name must not be that of distributionDomain'],
    ['client certificates without a name to ask for them by', { ...minimal, mutualTls: { truststoreUri: 's3://example/ca.pem' } }, 'mutualTls needs apiDomain'],
    ['a truststore that is a URL of S3', { ...minimal, apiDomain, mutualTls: { truststoreUri: 'https://example.s3.amazonaws.com/ca.pem' } }, 'mutualTls.truststoreUri must be where a PEM file of CA certificates lies, as in s3://'],
    ['a truststore that is a bucket', { ...minimal, apiDomain, mutualTls: { truststoreUri: 's3://example/' } }, 'mutualTls.truststoreUri must be where a PEM file'],
    ['a truststore of no version', { ...minimal, apiDomain, mutualTls: { truststoreUri: 's3://example/ca.pem', truststoreVersion: '' } }, 'mutualTls.truststoreVersion must not be empty'],
    ['client certificates that are only wanted', { ...minimal, apiDomain, mutualTls: true }, 'mutualTls must have truststoreUri'],
    ['plans without the one for everybody', { ...minimal, usagePlans: { large: plan } }, 'usagePlans must have the plan standard'],
    ['a plan that names half of it', { ...minimal, usagePlans: { standard: { requestsPerSecond: 1 } } }, 'usagePlans.standard.burst must be a whole number'],
    ['a plan that is a number', { ...minimal, usagePlans: { standard: 50 } }, 'usagePlans.standard must have requestsPerSecond'],
    ['plans in a list', { ...minimal, usagePlans: [plan] }, 'usagePlans must be plans by their names'],
    ['a plan’s name that is none', { ...minimal, usagePlans: { standard: plan, 'Very Large': plan } }, 'usagePlans.Very Large must be called by 1 to 32 of'],
    ['a plan for more than the stage takes', { ...minimal, usagePlans: { standard: { ...plan, requestsPerSecond: 201 } } }, 'usagePlans.standard.requestsPerSecond must be at most 200'],
    ['a plan for more keys than there are', { ...minimal, usagePlans: { standard: { ...plan, issuancesPerSecond: 6 } } }, 'usagePlans.standard.issuancesPerSecond must be at most 5'],
    ['a plan that lets nobody ask', { ...minimal, usagePlans: { standard: { ...plan, burst: 0 } } }, 'usagePlans.standard.burst must be at least 1'],
    ['an address that may ask less than a plan says', { ...minimal, addressLimits: { requests: 29_999, publicRequests: 100 } }, 'addressLimits.requests must be at least 30000, or a tenant of the plan large'],
    ['an address that may ask more without a key than at all', { ...minimal, addressLimits: { requests: 36_000, publicRequests: 36_001 } }, 'addressLimits.publicRequests must not be above addressLimits.requests'],
    ['a limit that the firewall does not take', { ...minimal, addressLimits: { requests: 36_000, publicRequests: 99 } }, 'addressLimits.publicRequests must be at least 100'],
    ['limits that are neither', { ...minimal, tenantLimits: true }, 'tenantLimits must be enforced or prepared'],
    ['a firewall in words', { ...minimal, webAcl: 'on' }, 'webAcl must be true or false'],
    ['a typing error', { ...minimal, organisation: 'Example Ltd' }, 'organisation is not a setting'],
    ['a text', 'kakunin' as unknown as object, 'the value'],
  ])('%s', (_, context, sentence) => {
    expect(() => readSettings(context)).toThrow(sentence);
    expect(() => readSettings(context)).toThrow('The context value "kakunin" in cdk.json cannot be used: ');
  });

  test('all at once', () => {
    expect(() => readSettings({ country: 'xx', riskThreshold: 2 })).toThrow(/organization .*; country .*; riskThreshold .*\.$/);
  });
});
