import * as z from 'zod';
import packageDescription from '../package.json' with { type: 'json' };
import { basePath, isMutation, routes, type Route, type RouteName } from '../lambdas/routes.ts';
import { componentSchemas, type JsonSchema } from './json-schema.ts';
import { operations, tags, type Answer } from './operations.ts';
import { problemsOf } from './problems.ts';
import * as resources from './resources.ts';

/** An OpenAPI document (https://spec.openapis.org/oas/v3.1.1.html), as far as this API makes use of the format. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>>; readonly responses: Readonly<Record<string, ResponseObject>>; readonly securitySchemes: object };
}

export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, ResponseObject | { readonly $ref: string }>>;
  readonly security: readonly object[];
  readonly 'x-required-scope'?: string;
  /** The method of KakuninClient, `group.method`. */
  readonly 'x-client-method'?: string;
}

export interface ResponseObject {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: object;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export type Content = Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;

const description = `X.509 certificates for AI agents, whose private keys never leave AWS KMS.

Success is \`{"data": …}\`; lists add \`meta\` and \`pagination\`. Fields are read in snake_case and in camelCase (\`model_hash\`, \`modelHash\`) and
answered in snake_case; unknown ones are ignored. Times are RFC 3339 in UTC, ids UUIDs in lower case. Whatever belongs to another
tenant is not there (404). A later version may answer more fields. Every answer carries x-request-id.`;

/** The document of the routes as they are, made of the schemas that their handlers check requests with. */
export function openApiDocument(): OpenApiDocument {
  const names = Object.keys(routes) as RouteName[];
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const name of names) {
    const { path, method }: Route = routes[name];
    (paths[openApiPath(path)] ??= {})[method.toLowerCase()] = operation(name);
  }
  return {
    openapi: '3.1.1',
    info: { title: 'Kakunin', version: packageDescription.version, description },
    servers: [{ url: basePath }],
    tags: Object.entries(tags).map(([name, text]) => ({ name, description: text })),
    paths,
    components: {
      schemas: componentSchemas(namedSchemas()),
      responses: sharedFailures(),
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `kak_live_…` or `kak_test_…`. It belongs to a tenant and has scopes; each operation names the one it needs in `x-required-scope`.' } },
    },
  };
}

/** A parameter that takes the rest of the path has no notation of its own in OpenAPI. */
const openApiPath = (path: string) => path.replace('+}', '}');

const pascalCase = (name: string) => name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

const requestName = (name: RouteName) => `${pascalCase(name)}Request`;

const resourceName = (name: string) => name.replace(/^[a-z]/, (letter) => letter.toUpperCase());

/** Schemas that others are made of, by name: the resources, and each route's body. */
function namedSchemas(): Record<string, z.ZodType> {
  const bodies = (Object.keys(routes) as RouteName[]).flatMap((name) => {
    const { body }: Route = routes[name];
    return body === undefined || body === 'bytes' ? [] : [[requestName(name), body] as const];
  });
  return { ...Object.fromEntries(Object.entries(resources).map(([name, schema]) => [resourceName(name), schema])), ...Object.fromEntries(bodies) };
}

/** A schema that has no name of its own, which may refer to those that have one. */
function inline(schema: z.ZodType, io: 'input' | 'output' = 'input'): JsonSchema {
  const { inline: found } = componentSchemas({ ...namedSchemas(), inline: schema }, io);
  if (found === undefined) throw new Error('A schema is lost.');
  return found;
}

function operation(name: RouteName): OperationObject {
  const route: Route = routes[name];
  const { tag, client, answer, description: more } = operations[name];
  const parameters = [...pathParameters(route), ...queryParameters(route), ...(isMutation(name) ? [idempotencyKey] : [])];
  return {
    operationId: name,
    tags: [tag],
    summary: route.summary,
    ...(more !== undefined && { description: more }),
    ...(parameters.length > 0 && { parameters }),
    ...requestBody(name),
    responses: { [answer.status]: { description: successes[answer.status], content: answerContent(answer) }, ...redirections(name), ...failures(name) },
    ...(route.access === 'public' ? { security: [] } : { security: [{ apiKey: [] }], 'x-required-scope': route.access }),
    ...(client !== undefined && { 'x-client-method': client }),
  };
}

const successes = { 200: 'Done.', 201: 'Made.', 202: 'Taken note of.', 204: 'Done; there is nothing to say.' } as const;

const pathDescriptions: Readonly<Record<string, string>> = {
  id: 'The UUID that it was given.',
  serial: 'The serial number: 32 hexadecimal digits, also in lower case, with colons, without leading zeros, or as the UUID.',
  request: 'The request in DER, in base64, percent-encoded.',
};

function pathParameters({ path }: Route): Parameter[] {
  return [...path.matchAll(/\{(\w+)\+?\}/g)].map(([, name = '']): Parameter => ({
    name, in: 'path', required: true,
    ...(pathDescriptions[name] !== undefined && { description: pathDescriptions[name] }),
    schema: { type: 'string' },
  }));
}

/** Everything in a query is text; the schema tells what the text is read as, where that can be said. */
function queryParameters({ query }: Route): Parameter[] {
  if (query === undefined) return [];
  const sent = inline(query);
  const { properties = {} } = inline(query, 'output');
  return Object.entries(sent.properties ?? {}).map(([name, property]): Parameter => {
    const read = properties[name];
    const { description: text, ...schema } = read?.type === undefined ? property : read;
    return {
      name, in: 'query', required: sent.required?.includes(name) ?? false,
      ...(text !== undefined && { description: text }),
      schema: schema.type === 'number' && property.pattern?.startsWith('^\\d') === true ? { ...schema, type: 'integer' } : schema,
    };
  });
}

const idempotencyKey: Parameter = {
  name: 'Idempotency-Key', in: 'header', required: false,
  description: 'The same key with the same body within 24 hours answers what the first request was answered, and does nothing twice. 1 to 255 characters of visible ASCII; a random UUID will do.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

function requestBody(name: RouteName): Pick<OperationObject, 'requestBody'> {
  const { body }: Route = routes[name];
  const { example, bodyType = 'application/octet-stream' } = operations[name];
  if (body === undefined) return {};
  if (body === 'bytes') return { requestBody: { required: true, content: { [bodyType]: { schema: {} } } } };
  const schema = { $ref: `#/components/schemas/${requestName(name)}` };
  return { requestBody: { required: !body.safeParse({}).success, content: { 'application/json': { schema, ...(example !== undefined && { example }) } } } };
}

function answerContent({ json, forms = {}, defaultForm }: Answer): Content {
  // The form that comes without being asked for stands first.
  const others = Object.keys(forms).map((mediaType) => [mediaType, { schema: forms[mediaType] === 'text' ? { type: 'string' } : {} }] as const);
  const inJson = json === undefined ? [] : [['application/json', { schema: inline(json) }] as const];
  return Object.fromEntries(defaultForm === undefined ? [...inJson, ...others] : [...others, ...inJson]);
}

function redirections(name: RouteName): OperationObject['responses'] {
  return name === 'get-crl' ? { 307: { description: 'The CRL is larger than an answer holds; it is at Location.' } } : {};
}

/** With all of a status, or with those that say that a first request is still running. */
function retryAfter(status: number, codes: readonly string[]): Pick<ResponseObject, 'headers'> {
  const running = codes.filter((code) => code.endsWith('_IN_PROGRESS'));
  if (status !== 429 && status !== 503 && running.length === 0) return {};
  return { headers: { 'Retry-After': { description: `How many seconds to wait${running.length === 0 ? '' : `, with ${running.map((code) => `\`${code}\``).join(', ')}`}.`, schema: { type: 'integer' } } } };
}

/** A failure that many operations share is described once; those whose codes are an operation's own, with it. */
function failures(name: RouteName): OperationObject['responses'] {
  return Object.fromEntries([...problemsOf(name)].map(([status, codes]) => {
    const shared = sharedFailure(status, codes);
    return [status, shared === undefined ? failure(status, codes) : { $ref: `#/components/responses/${shared}` }];
  }));
}

function sharedFailure(status: number, codes: readonly string[]): string | undefined {
  const [code = '', ...others] = codes;
  if (others.length > 0) return ({ 403: 'Forbidden', 503: 'Unavailable' } as Readonly<Record<number, string>>)[status];
  return pascalCase(code.toLowerCase().replaceAll('_', '-'));
}

function sharedFailures(): Record<string, ResponseObject> {
  const all = (Object.keys(routes) as RouteName[]).flatMap((name) => [...problemsOf(name)]);
  return Object.fromEntries(all.flatMap(([status, codes]) => {
    const shared = sharedFailure(status, codes);
    return shared === undefined ? [] : [[shared, failure(status, codes)] as const];
  }));
}

function failure(status: number, codes: readonly string[]): ResponseObject {
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...retryAfter(status, codes),
    content: { 'application/json': { schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }] } } },
  };
}
