import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { networkOf } from '../../local/gateway/address-network.ts';
import { synthesize } from './synthesized.ts';

const { ofType, template, render } = synthesize();

const only = (type: string) => {
  const found = ofType(type);
  expect(found).toHaveLength(1);
  return found[0]?.[1].Properties as Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- whatever CloudFormation takes
};

const acl = only('AWS::WAFv2::WebACL');
const rule = (name: string) => (acl['Rules'] as Record<string, any>[]).find((each) => each['Name'] === name) ?? {}; // eslint-disable-line @typescript-eslint/no-explicit-any -- the same

const throughCloudFront = {
  ByteMatchStatement: {
    FieldToMatch: { SingleHeader: { Name: 'x-kakunin-edge' } }, PositionalConstraint: 'EXACTLY', SearchString: expect.anything(), TextTransformations: [{ Priority: 0, Type: 'NONE' }],
  },
};
const viewerCode = String(ofType('AWS::CloudFront::Function').find(([, { Properties }]) => Properties['FunctionConfig'].Comment === 'Tells the firewall of the API who asks')?.[1].Properties['FunctionCode']);

/** The header that CloudFront's function writes for each of these addresses. */
function viewersOf(addresses: readonly string[]): string[] {
  const context = createContext({ addresses });
  return JSON.parse(String(runInContext(`${viewerCode}; JSON.stringify(addresses.map((ip) => handler({ viewer: { ip }, request: { headers: {} } }).headers['x-kakunin-viewer'].value))`, context))) as string[];
}

const direct = { NotStatement: { Statement: throughCloudFront } };

describe('the firewall', () => {
  test('stands before the API’s stage and lets everything through that no rule refuses', () => {
    expect(acl).toMatchObject({ Scope: 'REGIONAL', DefaultAction: { Allow: {} } });
    expect(only('AWS::WAFv2::WebACLAssociation')).toMatchObject({ WebACLArn: { 'Fn::GetAtt': [ofType('AWS::WAFv2::WebACL')[0]?.[0], 'Arn'] } });
    expect(render(only('AWS::WAFv2::WebACLAssociation')['ResourceArn'])).toMatch(/restapis\/<API>\/stages\/<.*Stagev1.*>$/);
  });

  test('counts by the connection’s address what did not come through CloudFront', () => {
    expect(rule('address')).toMatchObject({ Action: { Block: {} }, Statement: { RateBasedStatement: { AggregateKeyType: 'IP', EvaluationWindowSec: 300, Limit: 36_000, ScopeDownStatement: direct } } });
    expect(rule('address-public')).toMatchObject({
      Action: { Block: {} },
      Statement: {
        RateBasedStatement: {
          AggregateKeyType: 'IP', EvaluationWindowSec: 300, Limit: 3000,
          ScopeDownStatement: { AndStatement: { Statements: [direct, { RegexMatchStatement: { FieldToMatch: { UriPath: {} }, TextTransformations: [{ Priority: 0, Type: 'URL_DECODE' }, { Priority: 1, Type: 'NORMALIZE_PATH' }] } }] } },
        },
      },
    });
    for (const name of ['address', 'address-public']) expect(rule(name)['Statement'].RateBasedStatement).not.toHaveProperty('ForwardedIPConfig');
  });

  test('counts by the viewer’s address what did, and believes that of nobody without the secret', () => {
    expect(rule('viewer')).toMatchObject({
      Action: { Block: {} },
      Statement: {
        RateBasedStatement: {
          AggregateKeyType: 'FORWARDED_IP', ForwardedIPConfig: { HeaderName: 'x-kakunin-viewer', FallbackBehavior: 'NO_MATCH' }, EvaluationWindowSec: 300, Limit: 3000, ScopeDownStatement: throughCloudFront,
        },
      },
    });
    const secret = render(rule('viewer')['Statement'].RateBasedStatement.ScopeDownStatement.ByteMatchStatement.SearchString);
    expect(secret).toMatch(/^\{\{resolve:secretsmanager:<EdgeSecret.*>:SecretString:::\}\}$/);
    const origins = (only('AWS::CloudFront::Distribution')['DistributionConfig'].Origins as { OriginCustomHeaders?: { HeaderName: string; HeaderValue: unknown }[] }[]).flatMap(({ OriginCustomHeaders = [] }) => OriginCustomHeaders);
    expect(origins.map(({ HeaderName, HeaderValue }) => [HeaderName, render(HeaderValue)])).toEqual([['x-kakunin-edge', secret], ['x-kakunin-edge', secret]]);
    expect(only('AWS::SecretsManager::Secret')).toMatchObject({ GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true } });
  });

  test('is told the viewer’s address by CloudFront, over whatever the viewer says', () => {
    const context = createContext({ event: { viewer: { ip: '192.0.2.7' }, request: { method: 'GET', headers: { 'x-kakunin-viewer': { value: '203.0.113.1' }, host: { value: 'h' } } } } });
    expect(runInContext(`${viewerCode}; JSON.stringify(handler(event))`, context)).toBe(JSON.stringify({ method: 'GET', headers: { 'x-kakunin-viewer': { value: '192.0.2.7' }, host: { value: 'h' } } }));
    const { CacheBehaviors } = only('AWS::CloudFront::Distribution')['DistributionConfig'] as { CacheBehaviors: { PathPattern: string; FunctionAssociations?: unknown }[] };
    expect(CacheBehaviors.filter(({ FunctionAssociations }) => FunctionAssociations !== undefined).map(({ PathPattern }) => PathPattern).sort()).toEqual(['/ocsp', '/ocsp/*', '/v1/ca', '/v1/ca/chain', '/v1/crl', '/v1/verify/*']);
  });

  test('is told the network of an IPv6 viewer, of which one has all addresses, and the IPv4 address of one that stands for it', () => {
    const told: Record<string, string> = {
      '192.0.2.7': '192.0.2.7',
      '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::', '2001:0DB8:0001:0002:ffff:ffff:ffff:ffff': '2001:db8:1:2::', '2001:db8:1:2::': '2001:db8:1:2::', '2001:db8:1:2::9': '2001:db8:1:2::',
      '2001:db8::1': '2001:db8:0:0::', '2001:db8::3:4:5:6:7': '2001:db8:0:3::', '2001:db8:1::4:5:6:7': '2001:db8:1:0::', '2001:db8:1:2:3:4:5::': '2001:db8:1:2::',
      '::1': '0:0:0:0::', '::': '0:0:0:0::', '::2:3:4:5:6:7:8': '0:2:3:4::', '64:ff9b::192.0.2.7': '64:ff9b:0:0::', '64:ff9b:1:2:3:4:192.0.2.7': '64:ff9b:1:2::',
      '::ffff:192.0.2.7': '192.0.2.7', '::FFFF:c000:207': '192.0.2.7', '0:0:0:0:0:ffff:192.0.2.7': '192.0.2.7', '::fffe:192.0.2.7': '0:0:0:0::', '::ffff:0:0': '0.0.0.0', '::ffff:255.255.255.255': '255.255.255.255',
    };
    const addresses = Object.keys(told);
    expect(Object.fromEntries(viewersOf(addresses).map((viewer, index) => [addresses[index], viewer]))).toEqual(told);
    // The firewall takes the header for an address, or counts nothing.
    expect(Object.values(told).filter((viewer) => isIP(viewer) === 0)).toEqual([]);
  });

  test('is told the same of any address as the local gateway counts by', () => {
    const addresses = fc.sample(fc.oneof(fc.ipV4(), fc.ipV6()), 2000);
    expect(viewersOf(addresses)).toEqual(addresses.map(networkOf));
  });

  test('is told nothing by features that CloudFront’s runtime has not: destructuring, spreading, for-of', () => {
    expect(viewerCode).not.toMatch(/\.\.\.|(const|let|var) [[{]|\bof\b|\?\?|\?\./);
  });

  test('refuses nobody for what he sends: AWS’s groups only count, and the core rule set is not there', () => {
    const groups = (acl['Rules'] as Record<string, any>[]).filter(({ Statement }) => Statement.ManagedRuleGroupStatement !== undefined); // eslint-disable-line @typescript-eslint/no-explicit-any -- the same
    expect(groups.map(({ Name, OverrideAction }) => [Name, OverrideAction])).toEqual([
      ['AWSManagedRulesAmazonIpReputationList', { Count: {} }],
      ['AWSManagedRulesKnownBadInputsRuleSet', { Count: {} }],
    ]);
  });

  test('shows and logs neither keys nor paths, and logs what it refused alone', () => {
    const configurations = [acl, ...(acl['Rules'] as Record<string, any>[])].map((each) => each['VisibilityConfig']); // eslint-disable-line @typescript-eslint/no-explicit-any -- the same
    for (const configuration of configurations) expect(configuration).toMatchObject({ CloudWatchMetricsEnabled: true, SampledRequestsEnabled: false });
    const logging = only('AWS::WAFv2::LoggingConfiguration');
    const redacted = (logging['RedactedFields'] as { SingleHeader?: { Name: string } }[]).map((field) => field.SingleHeader?.Name ?? Object.keys(field)[0]);
    expect(redacted).toEqual(['authorization', 'cookie', 'idempotency-key', 'x-api-key', 'x-kakunin-edge', 'UriPath', 'QueryString']);
    expect(logging['LoggingFilter']).toMatchObject({ DefaultBehavior: 'DROP', Filters: [{ Behavior: 'KEEP', Requirement: 'MEETS_ANY', Conditions: [{ ActionCondition: { Action: 'BLOCK' } }, { ActionCondition: { Action: 'COUNT' } }, { ActionCondition: { Action: 'EXCLUDED_AS_COUNT' } }] }] });
    const group = ofType('AWS::Logs::LogGroup').find(([, { Properties }]) => JSON.stringify(Properties['LogGroupName'] ?? '').includes('aws-waf-logs-kakunin-'));
    expect(group?.[1]).toMatchObject({ Properties: { RetentionInDays: 365 }, DeletionPolicy: 'Retain' });
    expect(render(logging['LogDestinationConfigs'][0])).toMatch(new RegExp(`:log-group:<${group?.[0]}>$`));
  });

  test('goes by the numbers that the settings name', () => {
    const own = synthesize({ addressLimits: { requests: 50_000, publicRequests: 100 } });
    const limits = (own.ofType('AWS::WAFv2::WebACL')[0]?.[1].Properties['Rules'] as { Statement: { RateBasedStatement?: { Limit: number } } }[]).flatMap(({ Statement }) => Statement.RateBasedStatement?.Limit ?? []);
    expect(limits).toEqual([100, 100, 50_000]);
  });

  test('can be left out, with all that is there for it', () => {
    const without = synthesize({ webAcl: false });
    expect(without.resources.filter(([, { Type }]) => /WAFv2|SecretsManager/.test(Type))).toEqual([]);
    expect(JSON.stringify(without.template)).not.toContain('x-kakunin');
    expect(Object.keys(template.Resources).length - without.resources.length).toBe(7);
  });
});
