import { describe, expect, test } from '@jest/globals';
import { publicPathPattern, usagePlans } from '../../lambdas/rate-limits.ts';
import { basePath, routes, type Route } from '../../lambdas/routes.ts';
import { synthesize, type Resource } from './synthesized.ts';

const { ofType, template } = synthesize();
const plans = (stack = ofType('AWS::ApiGateway::UsagePlan')) => Object.fromEntries(stack.map(([, { Properties }]) => [String(Properties['UsagePlanName']), Properties]));
const methods = (stack: readonly (readonly [string, Resource])[]) => stack.map(([, { Properties }]) => Properties).filter(({ HttpMethod }) => HttpMethod !== 'ANY');

describe('tenants', () => {
  test('are named by the authorizer, to every method that asks for a key, and to no other', () => {
    expect(ofType('AWS::ApiGateway::RestApi')[0]?.[1].Properties).toMatchObject({ ApiKeySourceType: 'AUTHORIZER' });
    const asked = methods(ofType('AWS::ApiGateway::Method')).map(({ AuthorizationType, ApiKeyRequired }) => [AuthorizationType, ApiKeyRequired ?? false]);
    expect([...new Set(asked.map(String))].sort()).toEqual(['CUSTOM,true', 'NONE,false']);
  });

  test('have plans that the admin program finds by their tags', () => {
    expect(Object.keys(plans()).sort()).toEqual(['kakunin-large', 'kakunin-standard']);
    expect(plans()['kakunin-standard']).toMatchObject({
      Throttle: { RateLimit: 50, BurstLimit: 100 },
      Tags: expect.arrayContaining([{ Key: 'kakunin:plan', Value: 'standard' }]),
    });
    expect(plans()['kakunin-standard']).not.toHaveProperty('Quota');
  });

  test('share KMS’s few keys a second, and can stop their agents whatever else they ask for', () => {
    const [stage] = plans()['kakunin-standard']?.['ApiStages'] as { Stage: { Ref: string }; Throttle: object }[];
    expect(template.Resources[String(stage?.Stage.Ref)]?.Type).toBe('AWS::ApiGateway::Stage');
    expect(stage?.Throttle).toEqual({
      '/agents/{id}/certify/POST': { RateLimit: 2, BurstLimit: 10 },
      '/certificates/{id}/renew/POST': { RateLimit: 2, BurstLimit: 10 },
      '/agents/{id}/halt/POST': { RateLimit: 20, BurstLimit: 100 },
      '/certificates/{id}/revoke/POST': { RateLimit: 20, BurstLimit: 100 },
    });
  });

  test('have the plans that the settings name, under the deployment’s name', () => {
    const own = synthesize({ deployment: 'other', usagePlans: { standard: usagePlans.standard, trial: { requestsPerSecond: 1, burst: 5, issuancesPerSecond: 1, issuanceBurst: 1 } } });
    expect(Object.keys(plans(own.ofType('AWS::ApiGateway::UsagePlan'))).sort()).toEqual(['other-standard', 'other-trial']);
  });

  test('are not asked for a plan while those of before are put into one', () => {
    const prepared = synthesize({ tenantLimits: 'prepared' });
    expect(prepared.ofType('AWS::ApiGateway::UsagePlan')).toHaveLength(2);
    expect(methods(prepared.ofType('AWS::ApiGateway::Method')).filter(({ ApiKeyRequired }) => ApiKeyRequired === true)).toEqual([]);
  });
});

test('paths that need no key are recognized by how they begin, and those that need one are not', () => {
  const publicPath = new RegExp(publicPathPattern);
  for (const { path, access, aliases = [] } of Object.values<Route>(routes)) {
    for (const each of [path, ...aliases]) expect([each, publicPath.test(basePath + each)]).toEqual([each, access === 'public']);
  }
  expect(['/v1/verifyx', '/v1/agents/verify', '/verify/1', '/v1/openapiXjson', '/v2/v1/ocsp', '/v1'].filter((path) => publicPath.test(path))).toEqual([]);
  // What the firewall takes of an expression. https://docs.aws.amazon.com/waf/latest/developerguide/waf-regex-pattern-support.html
  expect(publicPathPattern.length).toBeLessThan(512);
});
