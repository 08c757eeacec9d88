import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/* API Gateway's control plane on the wire, as much of it as usage plans and their keys take. https://docs.aws.amazon.com/apigateway/latest/api/ */

interface Plan {
  readonly id: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly keys: Set<string>;
}

interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly value: string;
}

export interface UsagePlanService {
  readonly endpoint: string;
  /** The values of the keys in each plan, by the plan's name, in the order in which they came. */
  members(): Record<string, string[]>;
  /** What was asked of it, method and path, since the last call. */
  takeCalls(): string[];
  /** Answers the next call of this method to a path that ends so with an error of this type, after doing it or, by default, instead. */
  failNext(method: string, ending: string, type: string, options?: { readonly afterwards?: boolean }): void;
  close(): Promise<void>;
}

/** A page of every list, small enough that two items take two. */
const pageSize = 1;

/** Starts it with plans of deployments by `<deployment>/<plan>`. */
export async function startUsagePlanService(plans: readonly string[]): Promise<UsagePlanService> {
  const usagePlans = new Map<string, Plan>();
  for (const [index, text] of plans.entries()) {
    const [deployment = '', plan = ''] = text.split('/');
    const id = `plan${index}`;
    usagePlans.set(id, { id, name: `${deployment}-${plan}`, tags: { 'kakunin:deployment': deployment, 'kakunin:plan': plan }, keys: new Set() });
  }
  const apiKeys = new Map<string, ApiKey>();
  let calls: string[] = [];
  let failure: { method: string; ending: string; type: string; afterwards: boolean } | undefined;

  const refuse = (status: number, type: string): Answer => ({ status, type, body: { message: type } });
  const page = (items: readonly object[], query: URLSearchParams): Answer => {
    const start = Number(query.get('position') ?? 0);
    const end = start + Math.min(pageSize, Number(query.get('limit')));
    return { status: 200, body: { item: items.slice(start, end), ...(end < items.length && { position: String(end) }) } };
  };
  const named = (query: URLSearchParams) => ({ name }: ApiKey) => name.startsWith(query.get('name') ?? '');

  function answer(method: string, path: string, query: URLSearchParams, body: Record<string, string>): Answer {
    const [, collection, planId = '', , keyId = ''] = path.split('/');
    const plan = usagePlans.get(planId);
    const call = `${method} /${collection}${planId === '' ? '' : '/plan/keys'}${keyId === '' ? '' : '/key'}`;
    switch (call) {
      case 'GET /usageplans': return page([...usagePlans.values()].map(({ id, name, tags }) => ({ id, name, tags })), query);
      case 'GET /apikeys': return page([...apiKeys.values()].filter(named(query)).map(({ id, name }) => ({ id, name })), query);
      case 'POST /apikeys': {
        const { name = '', value = '' } = body;
        if (value.length < 20 || value.length > 128) return refuse(400, 'BadRequestException');
        if ([...apiKeys.values()].some((key) => key.value === value)) return refuse(409, 'ConflictException');
        const id = `key${apiKeys.size}`;
        apiKeys.set(id, { id, name, value });
        return { status: 201, body: { id, name, value } };
      }
      case 'GET /usageplans/plan/keys':
        if (plan === undefined) return refuse(404, 'NotFoundException');
        return page([...plan.keys].map((id) => apiKeys.get(id) as ApiKey).filter(named(query)).map(({ id, name }) => ({ id, name, type: 'API_KEY' })), query);
      case 'POST /usageplans/plan/keys':
        if (plan === undefined || !apiKeys.has(body['keyId'] ?? '')) return refuse(404, 'NotFoundException');
        // A key can be in one plan for each stage, and these are all for the same.
        if ([...usagePlans.values()].some(({ keys }) => keys.has(body['keyId'] ?? ''))) return refuse(409, 'ConflictException');
        plan.keys.add(body['keyId'] ?? '');
        return { status: 201, body: { id: body['keyId'], type: 'API_KEY' } };
      case 'DELETE /usageplans/plan/keys/key':
        return plan?.keys.delete(keyId) === true ? { status: 202, body: {} } : refuse(404, 'NotFoundException');
      default: return refuse(400, 'BadRequestException');
    }
  }

  const server = createServer((request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
      const method = request.method ?? '';
      calls.push(`${method} ${pathname}`);
      const body = await bodyOf(request);
      const due = failure?.method === method && pathname.endsWith(failure.ending) ? failure : undefined;
      if (due !== undefined) failure = undefined;
      if (due === undefined || due.afterwards) {
        const usual = answer(method, pathname, searchParams, body);
        if (due === undefined) return write(response, usual);
      }
      write(response, refuse(due.type === 'TooManyRequestsException' ? 429 : due.type === 'InternalFailure' ? 500 : 403, due.type));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    members: () => Object.fromEntries([...usagePlans.values()].map(({ name, keys }) => [name, [...keys].map((id) => apiKeys.get(id)?.value ?? '')])),
    takeCalls() {
      const taken = calls;
      calls = [];
      return taken;
    },
    failNext(method, ending, type, { afterwards = false } = {}) {
      failure = { method, ending, type, afterwards };
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface Answer {
  readonly status: number;
  /** Of an error. */
  readonly type?: string;
  readonly body: object;
}

function write(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...(type !== undefined && { 'x-amzn-errortype': type }) });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, string>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, string>);
}
