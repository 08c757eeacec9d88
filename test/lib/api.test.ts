import { existsSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { basePath, routes, type Route, type RouteName } from '../../lambdas/routes.ts';
import { formatApiKey } from '../../lambdas/authority/api-key.ts';
import { schedules } from '../../lambdas/triggers.ts';
import { handlerNames } from '../../lib/platform.ts';
import { ownDomains, root, synthesize, type Resource } from './synthesized.ts';

const { ofType, functions, render, template } = synthesize();

const one = (type: string): Resource => {
  const [[, only] = ['', undefined], ...others] = ofType(type);
  if (only === undefined || others.length > 0) throw new Error(`There are ${others.length + 1} of ${type}.`);
  return only;
};

const pathOf = (resourceId: unknown): string => {
  const { Ref } = resourceId as { Ref?: string };
  if (Ref === undefined) return '';
  const { ParentId, PathPart } = template.Resources[Ref]?.Properties ?? {};
  return `${pathOf(ParentId)}/${PathPart}`;
};

interface Method {
  readonly HttpMethod: string;
  readonly AuthorizationType: string;
  readonly AuthorizerId?: unknown;
  readonly Integration: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- whatever CloudFormation takes
  readonly MethodResponses?: unknown;
}

const methods = new Map(ofType('AWS::ApiGateway::Method').map(([, { Properties }]) =>
  [`${Properties['HttpMethod']} ${pathOf(Properties['ResourceId']) || '/'}`, Properties as unknown as Method]));

const method = (name: string): Method => {
  const found = methods.get(name);
  if (found === undefined) throw new Error(`There is no method ${name}.`);
  return found;
};

const endpoints = (Object.entries(routes) as [RouteName, Route][]).flatMap(([name, route]) =>
  [route.path, ...(route.aliases ?? [])].map((path) => [`${route.method} ${path}`, name, route.access] as const));

describe('every route', () => {
  test.each(endpoints)('%s goes to %s and asks for %s', (endpoint, name, access) => {
    const { AuthorizationType, AuthorizerId, Integration } = method(endpoint);
    expect(render(Integration['Uri'])).toContain(`functions/<${name}>/invocations`);
    expect(Integration['Type']).toBe('AWS_PROXY');
    expect([AuthorizationType, AuthorizerId !== undefined]).toEqual(access === 'public' ? ['NONE', false] : ['CUSTOM', true]);
  });

  test('may only be called by its own method', () => {
    const [example] = ofType('AWS::Lambda::Permission').map(([, { Properties }]) => Properties).filter(({ FunctionName }) => render(FunctionName) === '<create-agent>');
    expect(example).toMatchObject({ Action: 'lambda:InvokeFunction', Principal: 'apigateway.amazonaws.com' });
    expect(render(example?.['SourceArn'])).toMatch(/POST\/agents$/);
    expect(ofType('AWS::Lambda::Permission')).toHaveLength(endpoints.length + 1 + Object.keys(schedules).length);
  });

  test('and nothing else leads to a function', () => {
    const proxies = [...methods].filter(([, { Integration }]) => Integration['Type'] === 'AWS_PROXY').map(([name]) => name);
    expect(proxies.sort()).toEqual(endpoints.map(([endpoint]) => endpoint).sort());
  });
});

describe('every function', () => {
  test.each(handlerNames)('%s is Node 24 on arm64, traced, named and logs to a group that forgets', (name) => {
    const { Properties } = functions.get(name) as Resource;
    expect(Properties).toMatchObject({
      FunctionName: `kakunin-${name}`, Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler', TracingConfig: { Mode: 'Active' },
      Environment: { Variables: { NODE_OPTIONS: '--enable-source-maps', POWERTOOLS_SERVICE_NAME: 'kakunin' } },
    });
    const logGroup = template.Resources[Properties['LoggingConfig']['LogGroup']['Ref'] as string] as Resource;
    expect(logGroup.Properties).toMatchObject({ LogGroupName: `/aws/lambda/kakunin-${name}`, RetentionInDays: 90 });
  });

  test.each(handlerNames)('%s has its handler', (name) => {
    expect(existsSync(new URL(`lambdas/handlers/${name}.ts`, root))).toBe(true);
  });

  test('behind the API ends before API Gateway gives up', () => {
    for (const name of Object.keys(routes)) expect(functions.get(name)?.Properties['Timeout']).toBeLessThan(29);
  });

  test('is told what it needs and nothing else', () => {
    const shared = ['NODE_OPTIONS', 'POWERTOOLS_SERVICE_NAME'];
    const told = (name: string, stack = functions) => Object.keys(stack.get(name)?.Properties['Environment'].Variables as object).filter((variable) => !shared.includes(variable)).sort();
    expect(told('verify-certificate')).toEqual(['REGISTRY_TABLE']);
    expect(told('authorize')).toEqual(['REGISTRY_TABLE']);
    expect(told('auto-revoke')).toEqual(['DEPLOYMENT', 'REGISTRY_TABLE', 'RISK_THRESHOLD']);
    expect(told('get-crl')).toEqual(['DISTRIBUTION_BUCKET', 'DISTRIBUTION_URL', 'ISSUING_GENERATIONS']);
    for (const name of ['post-ocsp', 'get-ocsp', 'sign-message', 'get-authority']) expect(told(name)).toEqual(['ISSUING_GENERATIONS', 'REGISTRY_TABLE']);
    expect(told('retire-keys')).toEqual(['DEPLOYMENT', 'KEY_DELETION_DAYS', 'REGISTRY_TABLE']);
    expect(told('expire-certificates')).toEqual(['CRL_SHARDS', 'ISSUING_GENERATIONS', 'REGISTRY_TABLE']);
    expect(told('reconcile')).toEqual(['CRL_SHARDS', 'DEPLOYMENT', 'ISSUING_GENERATIONS', 'REGISTRY_TABLE', 'RETIREMENT_QUEUE_URL', 'RISK_TABLE', 'RISK_THRESHOLD']);
    expect(told('export-audit-trail')).toEqual(['AUDIT_BUCKET', 'REGISTRY_TABLE']);
    for (const name of ['publish-crls', 'refresh-crls']) expect(told(name)).toEqual(['CRL_SHARDS', 'DEPLOYMENT', 'DISTRIBUTION_BUCKET', 'DISTRIBUTION_URL', 'ISSUING_GENERATIONS', 'REGISTRY_TABLE']);
    for (const name of ['verify-message', 'halt-agent']) expect(told(name)).toEqual(['REGISTRY_TABLE']);
    for (const name of ['certify-agent', 'renew-certificate']) expect(told(name)).toEqual(['ACCOUNT_ID', 'CERTIFICATE_VALIDITY_DAYS', 'CERTIFIER_ROLE_ARN', 'CRL_SHARDS', 'DEPLOYMENT', 'DISTRIBUTION_URL', 'ISSUING_GENERATIONS', 'KEY_DELETION_DAYS', 'KEY_RETIRER_ROLE_ARN', 'MESSAGE_SIGNER_ROLE_ARN', 'REGISTRY_TABLE']);
    expect(told('mint-authority')).toEqual([
      'ATTESTATION_KEY_ID', 'CA_ORGANIZATION', 'CRL_SHARDS', 'DEPLOYMENT', 'DISTRIBUTION_BUCKET', 'DISTRIBUTION_URL', 'ISSUING_GENERATIONS', 'ISSUING_KEY_IDS', 'OCSP_KEY_ID', 'REGISTRY_TABLE', 'ROOT_KEY_ID',
    ]);
    const { functions: configured } = synthesize({ country: 'IE', privateArc: '1.3.6.1.4.1.99999.1', policyOid: '1.3.6.1.4.1.99999.2', spiffeTrustDomain: 'example.com', granteeAccounts: ['123456789012', '000000000001'] });
    expect(told('certify-agent', configured)).toEqual([
      'ACCOUNT_ID', 'CERTIFICATE_VALIDITY_DAYS', 'CERTIFIER_ROLE_ARN', 'CRL_SHARDS', 'DEPLOYMENT', 'DISTRIBUTION_URL', 'GRANTEE_ACCOUNTS', 'ISSUING_GENERATIONS', 'KEY_DELETION_DAYS', 'KEY_RETIRER_ROLE_ARN', 'MESSAGE_SIGNER_ROLE_ARN', 'POLICY_OID', 'PRIVATE_ARC', 'REGISTRY_TABLE', 'SPIFFE_TRUST_DOMAIN',
    ]);
    expect(told('mint-authority', configured)).toContain('CA_COUNTRY');
    expect(configured.get('certify-agent')?.Properties['Environment'].Variables['GRANTEE_ACCOUNTS']).toBe('123456789012,000000000001');
  });

  test.each(['certify-agent', 'renew-certificate'])('%s names its own role to the keys it creates, and those of the functions that will sign with them and retire them', (name) => {
    const { CERTIFIER_ROLE_ARN, KEY_RETIRER_ROLE_ARN, MESSAGE_SIGNER_ROLE_ARN } = functions.get(name)?.Properties['Environment'].Variables as Record<string, unknown>;
    expect([CERTIFIER_ROLE_ARN, KEY_RETIRER_ROLE_ARN, MESSAGE_SIGNER_ROLE_ARN].map(render)).toEqual([`<role of ${name}>`, '<role of retire-keys>', '<role of sign-message>']);
  });

  test('that signs long lists has a whole processor, which comes with 1,769 MB', () => {
    const large = handlerNames.filter((name) => Number(functions.get(name)?.Properties['MemorySize']) >= 1769);
    expect([...large].sort()).toEqual(['mint-authority', 'publish-crls', 'refresh-crls']);
  });

  test('that has settings to obey is told them', () => {
    const { functions: configured } = synthesize({ crlShards: 64, keyDeletionDays: 7 });
    const variable = (name: string, key: string) => (configured.get(name)?.Properties['Environment'].Variables as Record<string, unknown>)[key];
    for (const name of ['certify-agent', 'publish-crls', 'refresh-crls', 'expire-certificates', 'reconcile', 'mint-authority']) expect(variable(name, 'CRL_SHARDS')).toBe('64');
    expect(variable('retire-keys', 'KEY_DELETION_DAYS')).toBe('7');
  });
});

describe('the authorizer', () => {
  const { Properties } = one('AWS::ApiGateway::Authorizer');
  const accepts = (header: string) => new RegExp(Properties['IdentityValidationExpression'] as string).test(header);

  test('reads the Authorization header and is remembered for at most a minute', () => {
    expect(Properties).toMatchObject({ Type: 'TOKEN', IdentitySource: 'method.request.header.Authorization', AuthorizerResultTtlInSeconds: 60 });
    expect(render(Properties['AuthorizerUri'])).toContain('functions/<authorize>/invocations');
  });

  test('is spared what no API key looks like', () => {
    expect(accepts(`Bearer ${formatApiKey('live', new Uint8Array(32).fill(255))}`)).toBe(true);
    expect(accepts(`Bearer ${formatApiKey('test', new Uint8Array(32))}`)).toBe(true);
    for (const header of ['', 'Bearer ', 'Bearer kak_live_', 'Basic kak_live_a', 'kak_live_a', 'Bearer kak_prod_a', 'Bearer kak_live_a b', 'xBearer kak_live_a', `Bearer kak_live_${'a'.repeat(129)}`]) {
      expect(accepts(header)).toBe(false);
    }
  });
});

describe('a method that a path does not have', () => {
  test.each([...new Set(endpoints.map(([endpoint]) => String(endpoint.split(' ')[1])))])('on %s is answered 405', (path) => {
    const { AuthorizationType, Integration } = method(`ANY ${path}`);
    const allowed = endpoints.filter(([endpoint]) => endpoint.split(' ')[1] === path).map(([endpoint]) => endpoint.split(' ')[0]).sort().join(', ');
    expect(AuthorizationType).toBe('NONE');
    expect(Integration).toMatchObject({ Type: 'MOCK', PassthroughBehavior: 'NEVER', ContentHandling: 'CONVERT_TO_TEXT' });
    expect(JSON.parse(Integration['RequestTemplates']['application/json'] as string)).toEqual({ statusCode: 405 });
    const [response] = Integration['IntegrationResponses'];
    expect(response).toMatchObject({
      StatusCode: '405', ContentHandling: 'CONVERT_TO_TEXT',
      ResponseParameters: { 'method.response.header.Allow': `'${allowed}'`, 'method.response.header.x-request-id': 'context.requestId' },
    });
    expect(JSON.parse(response.ResponseTemplates['application/json'] as string)).toEqual({ error: expect.any(String), code: 'METHOD_NOT_ALLOWED', request_id: '$context.requestId' });
  });
});

test('a path that does not exist is answered 404, with or without an API key', () => {
  for (const path of ['/', '/{proxy+}', '/verify']) {
    const { AuthorizationType, Integration } = method(`ANY ${path}`);
    expect(AuthorizationType).toBe('NONE');
    expect(Integration['IntegrationResponses'][0]).toMatchObject({ StatusCode: '404' });
  }
});

describe('what API Gateway answers by itself', () => {
  const responses = new Map(ofType('AWS::ApiGateway::GatewayResponse').map(([, { Properties }]) => [Properties['ResponseType'] as string, Properties]));

  test.each([
    ['UNAUTHORIZED', '401', 'UNAUTHORIZED'],
    ['ACCESS_DENIED', '403', 'FORBIDDEN'],
    ['INVALID_API_KEY', '403', 'NO_USAGE_PLAN'],
    ['WAF_FILTERED', '429', 'RATE_LIMITED'],
    ['MISSING_AUTHENTICATION_TOKEN', '404', 'NOT_FOUND'],
    ['INVALID_SIGNATURE', '404', 'NOT_FOUND'],
    ['RESOURCE_NOT_FOUND', '404', 'NOT_FOUND'],
    ['THROTTLED', '429', 'RATE_LIMITED'],
    ['QUOTA_EXCEEDED', '429', 'RATE_LIMITED'],
    ['REQUEST_TOO_LARGE', '413', 'PAYLOAD_TOO_LARGE'],
    ['UNSUPPORTED_MEDIA_TYPE', '415', 'UNSUPPORTED_MEDIA_TYPE'],
    ['BAD_REQUEST_BODY', '400', 'VALIDATION_FAILED'],
    ['BAD_REQUEST_PARAMETERS', '400', 'VALIDATION_FAILED'],
    ['AUTHORIZER_FAILURE', '503', 'SERVICE_UNAVAILABLE'],
    ['AUTHORIZER_CONFIGURATION_ERROR', '503', 'SERVICE_UNAVAILABLE'],
    ['INTEGRATION_FAILURE', '503', 'SERVICE_UNAVAILABLE'],
    ['INTEGRATION_TIMEOUT', '503', 'SERVICE_UNAVAILABLE'],
    ['DEFAULT_4XX', undefined, 'BAD_REQUEST'],
    ['DEFAULT_5XX', '500', 'INTERNAL_ERROR'],
  ])('%s is %s %s in the shape of the contract', (type, status, code) => {
    const { StatusCode, ResponseParameters, ResponseTemplates } = responses.get(type) ?? {};
    expect(StatusCode).toBe(status);
    expect(ResponseParameters).toMatchObject({ 'gatewayresponse.header.x-request-id': 'context.requestId' });
    expect(JSON.parse(ResponseTemplates['application/json'] as string)).toEqual({ error: expect.stringMatching(/^[A-Z].*\w[.]*$/), code, request_id: '$context.requestId' });
    expect('gatewayresponse.header.Retry-After' in ResponseParameters).toBe(status === '429' || status === '503');
  });
});

test('how long to wait is as long as it takes: a second for a token, the whole window for an address', () => {
  const seconds = Object.fromEntries(ofType('AWS::ApiGateway::GatewayResponse').map(([, { Properties }]) => [Properties['ResponseType'], Properties['ResponseParameters']['gatewayresponse.header.Retry-After']]));
  expect(seconds).toMatchObject({ THROTTLED: "'1'", QUOTA_EXCEEDED: "'1'", WAF_FILTERED: "'300'" });
});

test('the API is regional, binary-safe, throttled, traced and logged, under /v1', () => {
  expect(one('AWS::ApiGateway::RestApi').Properties).toMatchObject({ EndpointConfiguration: { Types: ['REGIONAL'] }, BinaryMediaTypes: ['*/*'] });
  const { Properties } = one('AWS::ApiGateway::Stage');
  expect(Properties).toMatchObject({
    StageName: basePath.slice(1), TracingEnabled: true,
    MethodSettings: [
      { HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400, DataTraceEnabled: false },
      { HttpMethod: 'POST', ResourcePath: '/~1agents~1{id}~1certify', ThrottlingRateLimit: 5, ThrottlingBurstLimit: 10 },
      { HttpMethod: 'POST', ResourcePath: '/~1certificates~1{id}~1renew', ThrottlingRateLimit: 5, ThrottlingBurstLimit: 10 },
    ],
  });
  const line = Properties['AccessLogSetting'].Format as string;
  expect(Object.keys(JSON.parse(line) as object)).toEqual(expect.arrayContaining(['request_id', 'tenant_id', 'method', 'route', 'status']));
  expect(line).not.toMatch(/authorization|body|context\.path\b/i);
});

describe('a domain of the deployment’s own', () => {
  const own = synthesize({ apiDomain: ownDomains.apiDomain });
  const [[domainId, domain] = ['', undefined], ...others] = own.ofType('AWS::ApiGateway::DomainName');
  const value = (output: string) => own.render((own.template.Outputs[output] as { Value: unknown }).Value);

  test('is regional, with the certificate that was named and TLS 1.2', () => {
    expect(others).toEqual([]);
    expect(domain?.Properties).toMatchObject({ DomainName: 'api.example.com', RegionalCertificateArn: ownDomains.apiDomain.certificateArn, EndpointConfiguration: { Types: ['REGIONAL'] }, SecurityPolicy: 'TLS_1_2' });
  });

  test('has the same paths: the base path stands where the stage does otherwise', () => {
    const [[, mapping] = ['', undefined], ...more] = own.ofType('AWS::ApiGateway::BasePathMapping');
    expect(more).toEqual([]);
    expect(mapping?.Properties['BasePath']).toBe('v1');
    expect([mapping?.Properties['DomainName'], mapping?.Properties['RestApiId'], mapping?.Properties['Stage']].map((each) => own.render(each))).toEqual([`<${domainId}>`, '<API>', `<${own.ofType('AWS::ApiGateway::Stage')[0]?.[0]}>`]);
    expect(value('ApiUrl')).toBe(`https://api.example.com${basePath}`);
  });

  test('is in the outputs, with what its DNS record has to lead to, and is not there unless it is asked for', () => {
    expect(own.template.Outputs['ApiDomainTarget']).toEqual({ Value: { 'Fn::GetAtt': [domainId, 'RegionalDomainName'] } });
    expect(template.Outputs).not.toHaveProperty('ApiDomainTarget');
    expect([...ofType('AWS::ApiGateway::DomainName'), ...ofType('AWS::ApiGateway::BasePathMapping')]).toEqual([]);
  });

  test('leaves API Gateway’s own name to CloudFront', () => {
    expect(own.ofType('AWS::ApiGateway::RestApi')[0]?.[1].Properties).not.toHaveProperty('DisableExecuteApiEndpoint');
  });
});
