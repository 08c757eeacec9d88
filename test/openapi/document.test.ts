import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { scopes } from '../../lambdas/authority/scopes.ts';
import { routes, type Route, type RouteName } from '../../lambdas/routes.ts';
import { openApiDocument } from '../../openapi/document.ts';
import { generatedFiles } from '../../openapi/generated.ts';
import type { JsonSchema } from '../../openapi/json-schema.ts';
import { operations } from '../../openapi/operations.ts';
import { problemsOf } from '../../openapi/problems.ts';
import { requestFields } from '../support/request-fields.ts';

const document = openApiDocument();
const all = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
const names = Object.keys(routes) as RouteName[];
const routeOf = (name: RouteName): Route => routes[name];

describe.each(Object.entries(generatedFiles()))('%s', (path, text) => {
  it('is what follows from the routes and schemas; npm run openapi writes it', () => {
    expect(readFileSync(join(import.meta.dirname, '../..', path), 'utf8')).toBe(text);
  });
});

it('is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate({ ...structuredClone(document) });
  expect(result).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  expect((await new Validator().validate({ ...structuredClone(document), paths: { agents: {} } })).valid).toBe(false);
});

it('holds every route and nothing else', () => {
  const described = all.map(({ path, method, operation }) => `${operation.operationId} ${method.toUpperCase()} ${path}`);
  expect(described.sort()).toEqual(names.map((name) => `${name} ${routes[name].method} ${routes[name].path.replace('+}', '}')}`).sort());
});

it('refers to nothing that is not there', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(schemas|responses)\/(\w+)"/g)];
  expect(references.length).toBe(JSON.stringify(document).split('"$ref"').length - 1);
  for (const [, kind, name = ''] of references) expect(Object.keys(document.components[kind as 'schemas' | 'responses'])).toContain(name);
});

it('names for each operation the scope it needs', () => {
  for (const { operation } of all) {
    const { access } = routeOf(operation.operationId as RouteName);
    expect(operation.security).toEqual(access === 'public' ? [] : [{ apiKey: [] }]);
    expect(operation['x-required-scope']).toBe(access === 'public' ? undefined : access);
    if (access !== 'public') expect(scopes).toContain(access);
  }
});

it('offers Idempotency-Key wherever a tenant changes something, and nowhere else', () => {
  const offered = all.filter(({ operation }) => operation.parameters?.some(({ name }) => name === 'Idempotency-Key')).map(({ operation }) => operation.operationId);
  expect(offered).toEqual(all.filter(({ method, operation }) => method !== 'get' && operation.security.length > 0).map(({ operation }) => operation.operationId));
});

it('describes every field of every body that clients may send', () => {
  for (const [name, fields] of Object.entries(requestFields)) {
    const schema = document.components.schemas[`${name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Request`];
    for (const [path, { required, nullable }] of Object.entries(fields)) {
      const [first = '', second] = path.split('.');
      const field = second === undefined ? schema?.properties?.[first] : objectIn(schema?.properties?.[first])?.properties?.[second];
      // JSON Schema does not say here that exactly one of several is needed, the operation's description does.
      const isOneOfSeveral = ['sign-message', 'verify-message'].includes(name) && ['payload', 'digest', 'jwt'].includes(path);
      expect({ name, path, described: field !== undefined }).toEqual({ name, path, described: true });
      if (isOneOfSeveral || field === undefined) continue;
      expect({ name, path, nullable: allowsNull(field) }).toEqual({ name, path, nullable });
      if (second === undefined) expect({ name, path, required: schema?.required?.includes(first) === true }).toEqual({ name, path, required });
    }
  }
});

const objectIn = (schema: JsonSchema | undefined) => (schema?.anyOf === undefined ? schema : schema.anyOf.find(({ properties }) => properties !== undefined));
const allowsNull = ({ type, anyOf }: JsonSchema): boolean => (Array.isArray(type) && type.includes('null')) || anyOf?.some((option) => option.type === 'null') === true;

it('describes a query’s numbers as numbers, with their limits', () => {
  const parameters = document.paths['/agents']?.['get']?.parameters;
  expect(parameters?.find(({ name }) => name === 'limit')).toMatchObject({ in: 'query', required: false, schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 } });
});

it('says what each field means, but those whose name does', () => {
  const silent = Object.entries(document.components.schemas).flatMap(([name, { properties = {} }]) => Object.entries(properties).flatMap(([field, { description, $ref }]) => (description === undefined && $ref === undefined ? [`${name}.${field}`] : [])));
  expect(silent.filter((field) => !/\.(id|description|subject|algorithm|checks|time|certificates|role|not_before|not_after|agent|halt_receipt|valid|agent_name)$/.test(field))).toEqual([]);
  expect(all.flatMap(({ operation }) => (operation.parameters ?? []).filter(({ description }) => description === undefined).map(({ name }) => `${operation.operationId} ${name}`))).toEqual([]);
});

it('says of a field what is true where it stands, though another has the same name', () => {
  const { Agent, AuditEntry, Verification, Authorities } = document.components.schemas;
  const authority = Authorities?.properties?.['certificates']?.items;
  expect(AuditEntry?.properties?.['metadata']?.description).not.toBe(Agent?.properties?.['metadata']?.description);
  for (const field of ['issuer', 'serial_number']) expect(authority?.properties?.[field]?.description).not.toBe(Verification?.properties?.[field]?.description);
});

it('has examples that the service takes', () => {
  for (const name of names) {
    const { body } = routeOf(name);
    const { example } = operations[name];
    if (example === undefined) continue;
    if (body === undefined || body === 'bytes') throw new Error(`${name} takes no JSON, so there can be no example.`);
    expect(body.parse(example)).toMatchObject(example);
  }
});

it('names the codes of failures by status', () => {
  expect(Object.fromEntries(problemsOf('certify-agent'))).toMatchObject({
    404: ['AGENT_NOT_FOUND'], 409: ['ACTIVE_CERTIFICATE_EXISTS', 'ISSUANCE_INTERRUPTED', 'ISSUANCE_IN_PROGRESS', 'REQUEST_IN_PROGRESS'],
  });
  expect(document.paths['/agents/{id}/certify']?.['post']?.responses).toMatchObject({ 401: { $ref: '#/components/responses/Unauthorized' }, 409: { description: expect.stringContaining('`ACTIVE_CERTIFICATE_EXISTS`') } });
  expect([...problemsOf('get-openapi').keys()]).toEqual([429, 500, 503]);
});

it('says which failures come with Retry-After', () => {
  const headers = (name: string) => document.components.responses[name]?.headers;
  for (const name of ['Unavailable', 'RateLimited']) expect(headers(name)).toMatchObject({ 'Retry-After': { schema: { type: 'integer' } } });
  expect(headers('Unauthorized')).toBeUndefined();
  expect(document.paths['/agents/{id}/certify']?.['post']?.responses['409']).toMatchObject({ headers: { 'Retry-After': { description: 'How many seconds to wait, with `ISSUANCE_IN_PROGRESS`, `REQUEST_IN_PROGRESS`.' } } });
});

it('gives each method of the client to one operation', () => {
  const methods = Object.values(operations).flatMap(({ client }) => client ?? []);
  expect(new Set(methods).size).toBe(methods.length);
  for (const method of methods) expect(method).toMatch(/^[a-z]\w*\.[a-z]\w*$/);
});
