import { describe, expect, test } from '@jest/globals';
import vm from 'node:vm';
import { issuingCertificateUrl, ocspUrl, rootCertificateUrl, rootCrlUrl, crlShardUrl } from '../../lambdas/pki/distribution-urls.ts';
import { DEFAULT_PRIVATE_ARC, validateProfileSettings } from '../../lambdas/pki/profile.ts';
import { basePath, routes, type Route } from '../../lambdas/routes.ts';
import { lines, ownDomains, synthesize, type Resource } from './synthesized.ts';

const { ofType, bucket, bucketPolicy, render, functions, template } = synthesize();
const withDomain = synthesize({ distributionDomain: ownDomains.distributionDomain });

interface Behavior {
  readonly PathPattern?: string;
  readonly TargetOriginId: string;
  readonly ResponseHeadersPolicyId?: string;
  readonly ViewerProtocolPolicy: string;
  readonly AllowedMethods: readonly string[];
  readonly CachePolicyId: { readonly Ref: string };
  readonly OriginRequestPolicyId?: { readonly Ref: string };
  readonly FunctionAssociations?: readonly { readonly EventType: string; readonly FunctionARN: { readonly 'Fn::GetAtt': readonly [string, string] } }[];
}

interface Origin {
  readonly Id: string;
  readonly DomainName: unknown;
  readonly OriginPath?: string;
  readonly OriginAccessControlId?: { readonly 'Fn::GetAtt': readonly [string, string] };
  readonly S3OriginConfig?: object;
  readonly CustomOriginConfig?: object;
}

const [[, distribution] = ['', undefined]] = ofType('AWS::CloudFront::Distribution');
const config = distribution?.Properties['DistributionConfig'] as { Origins: Origin[]; CacheBehaviors: Behavior[]; DefaultCacheBehavior: Behavior; CustomErrorResponses: unknown };
const originOf = (behavior: Behavior | undefined) => config.Origins.find(({ Id }) => Id === behavior?.TargetOriginId);
const policy = (reference: { Ref: string } | undefined) => template.Resources[String(reference?.Ref)] as Resource;
const behavior = (path: string) => config.CacheBehaviors.find(({ PathPattern }) => PathPattern === path) as Behavior;

const queriesOf = (path: string): unknown => policy(behavior(path).CachePolicyId).Properties['CachePolicyConfig'].ParametersInCacheKeyAndForwardedToOrigin.QueryStringsConfig.QueryStringBehavior;

/** The behaviour that CloudFront would choose for the path of a URL: the first whose pattern matches, else the default. */
function serving(url: string): Behavior {
  const matches = (pattern: string) => new RegExp(`^${pattern.replace(/[.+]/g, '\\$&').replaceAll('*', '.*')}$`).test(new URL(url).pathname);
  return config.CacheBehaviors.find(({ PathPattern = '*' }) => matches(PathPattern)) ?? config.DefaultCacheBehavior;
}

describe('the bucket of CRLs and CA certificates', () => {
  const { Properties, DeletionPolicy, UpdateReplacePolicy } = bucket.files;

  test('is private, encrypted, and outlives its stack', () => {
    expect(Properties).toMatchObject({
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
    });
    expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
  });

  test('remembers for 30 days what was published, and never forgets what is', () => {
    expect(Properties['VersioningConfiguration']).toEqual({ Status: 'Enabled' });
    const [rule, ...others] = Properties['LifecycleConfiguration'].Rules as Record<string, unknown>[];
    expect(others).toEqual([]);
    expect(rule).toMatchObject({ Status: 'Enabled', NoncurrentVersionExpiration: { NoncurrentDays: 30 } });
    expect(Object.keys(rule ?? {})).not.toContain('ExpirationInDays');
  });

  test('is read by the distribution alone, and by nobody without TLS', () => {
    const statements = bucketPolicy('files');
    expect(lines(statements, render)).toEqual([
      'DENY s3:* on <files>, aws:SecureTransport Bool false',
      'DENY s3:* on <files>/*, aws:SecureTransport Bool false',
      's3:GetObject on <files>/*, AWS:SourceArn StringEquals arn:<AWS::Partition>:cloudfront::<AWS::AccountId>:distribution/<distribution>',
    ]);
    expect(statements.filter(({ Effect }) => Effect === 'Allow').map(({ Principal }) => Principal)).toEqual([{ Service: 'cloudfront.amazonaws.com' }]);
  });
});

describe('what certificates point to', () => {
  const base = 'http://example.cloudfront.net';

  test.each([crlShardUrl(base, 15), rootCrlUrl(base), `${base}/crl/complete.crl`, issuingCertificateUrl(base, 1), issuingCertificateUrl(base, 2), crlShardUrl(base, 1027), rootCertificateUrl(base)])('%s is a file, by http as well', (url) => {
    const chosen = serving(url);
    expect(chosen).toMatchObject({ ViewerProtocolPolicy: 'allow-all', AllowedMethods: ['GET', 'HEAD'] });
    expect(originOf(chosen)).toMatchObject({ DomainName: { 'Fn::GetAtt': [expect.anything(), 'RegionalDomainName'] }, S3OriginConfig: { OriginAccessIdentity: '' } });
    expect(originOf(chosen)?.OriginPath).toBeUndefined();
    // CloudFront's own SimpleCORS: Access-Control-Allow-Origin: *
    expect(chosen.ResponseHeadersPolicyId).toBe('60669652-455b-4ae9-85a4-c4c02393f86c');
  });

  test.each([ocspUrl(base), `${ocspUrl(base)}/MEIwQDA+MDwwOjAJ/BgUrDgMCGgUABBQ=`])('%s is asked of the API, by http as well, with any method', (url) => {
    const chosen = serving(url);
    expect(chosen.ViewerProtocolPolicy).toBe('allow-all');
    expect(chosen.AllowedMethods).toEqual(expect.arrayContaining(['GET', 'HEAD', 'POST']));
    expect(originOf(chosen)).toMatchObject({ OriginPath: '/v1', CustomOriginConfig: { OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1.2'] } });
    expect(render(originOf(chosen)?.DomainName)).toBe('<API>.execute-api.eu-west-1.<AWS::URLSuffix>');
  });

  test('certificates are told the distribution by its own name', () => {
    for (const name of ['certify-agent', 'mint-authority', 'publish-crls', 'refresh-crls']) {
      expect(render(functions.get(name)?.Properties['Environment'].Variables['DISTRIBUTION_URL'])).toBe('http://<distribution>');
    }
  });
});

describe('what counterparties may ask without a key', () => {
  test.each(['/v1/verify/0A1B', '/v1/ca', '/v1/ca/chain', '/v1/crl'])('%s is asked of the API by its own path, by https, and only read', (path) => {
    const chosen = serving(`http://example.cloudfront.net${path}`);
    expect(chosen).toMatchObject({ ViewerProtocolPolicy: 'redirect-to-https', AllowedMethods: ['GET', 'HEAD'], ResponseHeadersPolicyId: '60669652-455b-4ae9-85a4-c4c02393f86c' });
    expect(originOf(chosen)).toMatchObject({ CustomOriginConfig: { OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1.2'] } });
    expect(originOf(chosen)?.OriginPath).toBeUndefined();
    expect(render(originOf(chosen)?.DomainName)).toBe('<API>.execute-api.eu-west-1.<AWS::URLSuffix>');
  });

  test('is all public in the API, and is sent the query where it reads one', () => {
    const byPattern = config.CacheBehaviors.map(({ PathPattern }) => String(PathPattern)).filter((pattern) => pattern.startsWith(basePath));
    for (const pattern of byPattern) {
      const reached = Object.values<Route>(routes).filter(({ path, aliases = [] }) => [path, ...aliases].some((each) => serving(`http://x${basePath}${each}`).PathPattern === pattern));
      expect(reached.length).toBeGreaterThan(0);
      for (const { access, query } of reached) expect([access, query !== undefined]).toEqual(['public', queriesOf(pattern) === 'all']);
    }
  });

  test('is cached by what the answer differs by, for as long as it says: JSON or a page, PEM or DER', () => {
    for (const path of ['/v1/verify/*', '/v1/ca', '/v1/ca/chain', '/v1/crl']) {
      expect(policy(behavior(path).CachePolicyId).Properties['CachePolicyConfig']).toMatchObject({
        MinTTL: 0, DefaultTTL: 0, MaxTTL: 86_400,
        ParametersInCacheKeyAndForwardedToOrigin: { HeadersConfig: { HeaderBehavior: 'whitelist', Headers: ['Accept'] }, CookiesConfig: { CookieBehavior: 'none' } },
      });
      expect(queriesOf(path)).toBe(path === '/v1/crl' ? 'all' : 'none');
      expect(policy(behavior(path).OriginRequestPolicyId).Properties['OriginRequestPolicyConfig']).toMatchObject({
        HeadersConfig: { HeaderBehavior: 'whitelist', Headers: ['x-kakunin-viewer'] }, CookiesConfig: { CookieBehavior: 'none' }, QueryStringsConfig: { QueryStringBehavior: 'none' },
      });
    }
  });

  test('is said in the outputs', () => {
    expect(render((template.Outputs['VerifyUrl'] as { Value: unknown }).Value)).toBe('https://<distribution>/v1/verify');
  });
});

describe('a domain of the deployment’s own', () => {
  const [[, { Properties } = { Properties: {} }] = []] = withDomain.ofType('AWS::CloudFront::Distribution');
  const value = (output: string) => withDomain.render((withDomain.template.Outputs[output] as { Value: unknown }).Value);

  test('is the distribution’s, with the certificate that was named and TLS 1.2', () => {
    expect((Properties as Record<string, unknown>)['DistributionConfig']).toMatchObject({
      Aliases: ['pki.example.com'],
      ViewerCertificate: { AcmCertificateArn: ownDomains.distributionDomain.certificateArn, MinimumProtocolVersion: 'TLSv1.2_2021', SslSupportMethod: 'sni-only' },
    });
  });

  test('is what certificates name, so that they do not end with the distribution', () => {
    for (const name of ['certify-agent', 'renew-certificate', 'mint-authority', 'publish-crls', 'refresh-crls', 'get-crl']) {
      expect(withDomain.functions.get(name)?.Properties['Environment'].Variables['DISTRIBUTION_URL']).toBe('http://pki.example.com');
    }
    expect(validateProfileSettings({ privateArc: DEFAULT_PRIVATE_ARC, distributionUrl: 'http://pki.example.com' })).toBeDefined();
  });

  test('is in the outputs, with what its DNS record has to lead to', () => {
    expect([value('DistributionUrl'), value('VerifyUrl'), value('DistributionDomainTarget')]).toEqual(['http://pki.example.com', 'https://pki.example.com/v1/verify', '<distribution>']);
    expect(template.Outputs).not.toHaveProperty('DistributionDomainTarget');
    expect(config).not.toHaveProperty('Aliases');
  });
});

describe('nothing else', () => {
  test.each(['/', '/crl', '/ca', '/ocsp.txt', '/agents', '/v1', '/v1/agents', '/v1/verify', '/v1/ca/root', '/v1/crl/x', '/v1/ocsp', '/v1/health', '/CRL/root.crl', '/index.html'])('%s is served', async (path) => {
    const chosen = serving(`http://example.cloudfront.net${path}`);
    expect(chosen.PathPattern).toBeUndefined();
    expect(chosen.ViewerProtocolPolicy).toBe('redirect-to-https');
    const [association, ...others] = chosen.FunctionAssociations ?? [];
    expect(others).toEqual([]);
    expect(association?.EventType).toBe('viewer-request');
    const { FunctionCode, AutoPublish } = template.Resources[String(association?.FunctionARN['Fn::GetAtt'][0])]?.Properties ?? {};
    expect(AutoPublish).toBe(true);
    // A function that answers leaves nothing to ask the origin for.
    expect(await vm.runInNewContext(`${FunctionCode}; handler({ request: { uri: '${path}' } })`)).toEqual({ statusCode: 404, statusDescription: 'Not Found' });
  });
});

test('http is allowed for CRLs, CA certificates and OCSP only', () => {
  expect(config.CacheBehaviors.filter(({ ViewerProtocolPolicy }) => ViewerProtocolPolicy !== 'redirect-to-https').map(({ PathPattern }) => PathPattern)).toEqual(['/crl/*', '/ca/*', '/ocsp', '/ocsp/*']);
});

test('S3 is asked with signed requests, which CloudFront sends by TLS however the viewer came', () => {
  const files = config.Origins.filter(({ S3OriginConfig }) => S3OriginConfig !== undefined);
  expect(files).toHaveLength(1);
  const control = template.Resources[String(files[0]?.OriginAccessControlId?.['Fn::GetAtt'][0])];
  expect(control?.Properties['OriginAccessControlConfig']).toMatchObject({ OriginAccessControlOriginType: 's3', SigningBehavior: 'always', SigningProtocol: 'sigv4' });
  expect(ofType('AWS::CloudFront::CloudFrontOriginAccessIdentity')).toEqual([]);
});

describe('caches', () => {
  test.each(['/crl/*', '/ca/*', '/ocsp', '/ocsp/*'])('keep what %s answers for as long as the answer says, by its path alone', (path) => {
    expect(policy(behavior(path).CachePolicyId).Properties['CachePolicyConfig']).toMatchObject({
      MinTTL: 0, DefaultTTL: 0, MaxTTL: 86_400,
      ParametersInCacheKeyAndForwardedToOrigin: { HeadersConfig: { HeaderBehavior: 'none' }, CookiesConfig: { CookieBehavior: 'none' }, QueryStringsConfig: { QueryStringBehavior: 'none' } },
    });
  });

  test('keep no failure for longer than it says itself', () => {
    expect(config.CustomErrorResponses).toEqual([400, 403, 404, 405, 414, 500, 501, 502, 503, 504].map((ErrorCode) => ({ ErrorCode, ErrorCachingMinTTL: 0 })));
  });

  test('are not told apart by what is not in their key: of an OCSP request only the type of its body goes along, and for the firewall who asks', () => {
    expect(behavior('/crl/*').OriginRequestPolicyId ?? behavior('/ca/*').OriginRequestPolicyId).toBeUndefined();
    for (const path of ['/ocsp', '/ocsp/*']) {
      expect(policy(behavior(path).OriginRequestPolicyId).Properties['OriginRequestPolicyConfig']).toMatchObject({
        HeadersConfig: { HeaderBehavior: 'whitelist', Headers: ['Content-Type', 'x-kakunin-viewer'] }, CookiesConfig: { CookieBehavior: 'none' }, QueryStringsConfig: { QueryStringBehavior: 'none' },
      });
    }
  });
});

test('the distribution waits for no function: it knows the API by its id alone', () => {
  const reached = new Set<string>();
  const follow = (id: string): void => {
    if (reached.has(id)) return;
    reached.add(id);
    const resource = template.Resources[id];
    for (const next of [...referencesIn(resource?.Properties), ...(resource?.DependsOn ?? [])]) if (next in template.Resources) follow(next);
  };
  follow(String(ofType('AWS::CloudFront::Distribution')[0]?.[0]));
  const types = [...reached].map((id) => template.Resources[id]?.Type);
  expect(types).toContain('AWS::ApiGateway::RestApi');
  expect(types.filter((type) => type === 'AWS::Lambda::Function' || type === 'AWS::ApiGateway::Stage')).toEqual([]);
});

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { Ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: [string, string] };
  return [...(Ref === undefined ? [] : [Ref]), ...(attribute === undefined ? [] : [attribute[0]]), ...Object.values(value).flatMap(referencesIn)];
}
