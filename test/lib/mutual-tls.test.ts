import { describe, expect, test } from '@jest/globals';
import { basePath, routes, type Route, type RouteName } from '../../lambdas/routes.ts';
import { ownDomains, synthesize } from './synthesized.ts';

const mutualTls = { truststoreUri: 's3://example-truststore/clients/2026.pem', truststoreVersion: 'abc' };
const { ofType, render, template, functions, resources } = synthesize({ ...ownDomains, mutualTls });
const plain = synthesize();

const [[apiId, api], [publicId, publicApi], ...otherApis] = ofType('AWS::ApiGateway::RestApi') as [string, { Properties: Record<string, unknown> }][] as [[string, { Properties: Record<string, unknown> }], [string, { Properties: Record<string, unknown> }]];
const ofApi = (type: string, id: string) => ofType(type).filter(([, { Properties }]) => Properties['RestApiId'].Ref === id).map(([, { Properties }]) => Properties);
const pathOf = (resourceId: unknown): string => {
  const { Ref } = resourceId as { Ref?: string };
  if (Ref === undefined) return '';
  const { ParentId, PathPart } = template.Resources[Ref]?.Properties ?? {};
  return `${pathOf(ParentId)}/${PathPart}`;
};
const open = (Object.entries(routes) as [RouteName, Route][]).filter(([, { access }]) => access === 'public');
const endpoints = open.flatMap(([name, { method, path, aliases = [] }]) => [path, ...aliases].map((each) => `${method} ${each} ${name}`)).sort();

describe('the API that asks for client certificates', () => {
  test('trusts those of the truststore, under its own name', () => {
    const [[, domain] = ['', undefined]] = ofType('AWS::ApiGateway::DomainName');
    expect(domain?.Properties['MutualTlsAuthentication']).toEqual({ TruststoreUri: mutualTls.truststoreUri, TruststoreVersion: mutualTls.truststoreVersion });
    const unversioned = synthesize({ ...ownDomains, mutualTls: { truststoreUri: mutualTls.truststoreUri } }).ofType('AWS::ApiGateway::DomainName')[0]?.[1];
    expect(unversioned?.Properties['MutualTlsAuthentication']).toEqual({ TruststoreUri: mutualTls.truststoreUri });
  });

  test('has no other name, under which nobody would be asked', () => {
    expect(api.Properties).toMatchObject({ Name: 'kakunin', DisableExecuteApiEndpoint: true });
    const mappings = ofType('AWS::ApiGateway::BasePathMapping').map(([, { Properties }]) => Properties);
    expect(mappings.map(({ RestApiId }) => RestApiId)).toEqual([{ Ref: apiId }]);
  });
});

describe('the API beside it', () => {
  test('is asked for what needs no key, by the same functions, and for nothing else', () => {
    expect(otherApis).toEqual([]);
    expect(publicApi.Properties).toMatchObject({ Name: 'kakunin-public', BinaryMediaTypes: ['*/*'], EndpointConfiguration: { Types: ['REGIONAL'] } });
    expect(publicApi.Properties).not.toHaveProperty('DisableExecuteApiEndpoint');
    const proxies = ofApi('AWS::ApiGateway::Method', publicId).filter(({ Integration }) => Integration.Type === 'AWS_PROXY');
    const found = proxies.map(({ HttpMethod, ResourceId, Integration }) => `${HttpMethod} ${pathOf(ResourceId)} ${/functions\/<(.+)>\/invocations/.exec(render(Integration.Uri))?.[1]}`);
    expect(found.sort()).toEqual(endpoints);
    expect([...functions.keys()].sort()).toEqual([...plain.functions.keys()].sort());
  });

  test('may call those functions by their own methods alone', () => {
    const sources = ofType('AWS::Lambda::Permission').map(([, { Properties }]) => JSON.stringify(Properties['SourceArn'] ?? '')).filter((source) => source.includes(`"${publicId}"`));
    expect(sources).toHaveLength(endpoints.length);
  });

  test('answers 404 and 405 to the rest, in the shape of the contract', () => {
    const refusals = new Map(ofApi('AWS::ApiGateway::Method', publicId).filter(({ Integration }) => Integration.Type === 'MOCK').map(({ HttpMethod, ResourceId, Integration }) => [`${HttpMethod} ${pathOf(ResourceId) || '/'}`, Integration.IntegrationResponses[0].StatusCode as string]));
    expect(['ANY /', 'ANY /{proxy+}', 'ANY /verify', 'ANY /verify/{serial}', 'ANY /crl'].map((name) => refusals.get(name))).toEqual(['404', '404', '404', '405', '405']);
    expect([...refusals.keys()].some((name) => name.includes('agents'))).toBe(false);
    const answered = (id: string) => ofApi('AWS::ApiGateway::GatewayResponse', id).map(({ ResponseType, ResponseTemplates }) => [ResponseType, ResponseTemplates] as const);
    expect(answered(publicId)).toEqual(answered(apiId));
  });

  test('is throttled, traced and logged as the other is, once the account can log', () => {
    const [, stage] = ofType('AWS::ApiGateway::Stage').find(([, { Properties }]) => Properties['RestApiId'].Ref === publicId) ?? [];
    expect(stage?.Properties).toMatchObject({ StageName: basePath.slice(1), TracingEnabled: true, MethodSettings: [{ HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400, DataTraceEnabled: false }] });
    const [[accountId] = ['']] = ofType('AWS::ApiGateway::Account');
    expect(ofType('AWS::ApiGateway::Account')).toHaveLength(1);
    expect(stage?.DependsOn).toContain(accountId);
    const formats = ofType('AWS::ApiGateway::Stage').map(([, { Properties }]) => Properties['AccessLogSetting'].Format as string);
    expect(new Set(formats).size).toBe(1);
  });
});

test('CloudFront asks the one that wants no certificate', () => {
  const [[, distribution] = ['', undefined]] = ofType('AWS::CloudFront::Distribution');
  const origins = (distribution?.Properties['DistributionConfig'].Origins as { DomainName: unknown; CustomOriginConfig?: unknown }[]).filter(({ CustomOriginConfig }) => CustomOriginConfig !== undefined);
  expect(origins).toHaveLength(2);
  for (const { DomainName } of origins) expect(DomainName).toEqual({ 'Fn::Join': ['', [{ Ref: publicId }, '.execute-api.eu-west-1.', { Ref: 'AWS::URLSuffix' }]] });
});

test('the firewall stands before both, and the alarm on 5xx hears of both', () => {
  const stages = ofType('AWS::ApiGateway::Stage').map(([id]) => id);
  const guarded = ofType('AWS::WAFv2::WebACLAssociation').map(([, { Properties }]) => JSON.stringify(Properties['ResourceArn']));
  expect(stages.map((id) => guarded.filter((arn) => arn.includes(`"${id}"`)).length)).toEqual([1, 1]);
  const alarm = ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties).find(({ Metrics }) => JSON.stringify(Metrics ?? '').includes('5XXError'));
  const metrics = alarm?.['Metrics'] as { Expression?: string; Id: string; MetricStat?: { Metric: { MetricName: string; Dimensions: { Name: string; Value: unknown }[] } } }[];
  expect(metrics.find(({ Expression }) => Expression !== undefined)?.Expression).toBe('IF((FILL(errors, 0) + FILL(errors1, 0)) >= 5, 100 * (FILL(errors, 0) + FILL(errors1, 0)) / (FILL(requests, 0) + FILL(requests1, 0)), 0)');
  const counted = metrics.flatMap(({ Id, MetricStat }) => (MetricStat === undefined ? [] : [`${Id} ${MetricStat.Metric.MetricName} ${String(MetricStat.Metric.Dimensions.find(({ Name }) => Name === 'ApiName')?.Value)}`]));
  expect(counted.sort()).toEqual(['errors 5XXError kakunin', 'errors1 5XXError kakunin-public', 'requests Count kakunin', 'requests1 Count kakunin-public']);
});

test('the outputs say where counterparties ask who have no client certificate', () => {
  const value = (output: string) => render((template.Outputs[output] as { Value: unknown }).Value);
  expect(value('ApiUrl')).toBe('https://api.example.com/v1');
  expect(value('PublicApiUrl')).toContain(`<${publicId}>.execute-api.eu-west-1.<AWS::URLSuffix>/`);
  expect(plain.template.Outputs).not.toHaveProperty('PublicApiUrl');
});

test('fits into a stack, with every other option', () => {
  const all = synthesize({ ...ownDomains, mutualTls, customerKey: true, backupRetentionDays: 30, alarmEmail: 'pki@example.com', issuingGenerations: [3, 2, 1] });
  expect(all.resources.length).toBeLessThan(490);
  expect(all.resources.length).toBeGreaterThan(resources.length);
});

test('nobody is asked for a certificate unless the deployment says so', () => {
  expect(plain.ofType('AWS::ApiGateway::RestApi').map(([, { Properties }]) => Properties['DisableExecuteApiEndpoint'])).toEqual([undefined]);
});
