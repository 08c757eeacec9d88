import { startRuntime, type Runtime, type RuntimeOptions } from '../../local/runtime.ts';
import { holdToContract } from './contract.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON, text otherwise. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read answers field by field
  readonly body: any;
}

export interface CallOptions {
  /** Of the tenant acme by default; null sends none. */
  readonly key?: string | null;
  /** Sent as JSON, but for a string or bytes, which are sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Call = (method: string, path: string, options?: CallOptions) => Promise<Reply>;

export interface TestRuntime extends Runtime {
  readonly keys: typeof keys;
  /** Calls the API, with paths below /v1. */
  readonly call: Call;
}

const keys = { acme: 'kak_test_acme', globex: 'kak_test_globex' } as const;

/** The whole service in this process, with the tenants acme and globex. Once per test file: handlers keep what they find at first. Nobody asks too often. */
export async function startTestRuntime(options: Partial<RuntimeOptions> = {}): Promise<TestRuntime> {
  const tenants = Object.entries(keys).map(([name, key]) => ({ name, key }));
  const runtime = await startRuntime({ tenants, automaticSchedules: false, rateLimits: 'off', ...options });
  return { ...runtime, keys, call: caller(runtime.url, keys.acme) };
}

/** A client of the API at `url`, which sends `defaultKey` unless told otherwise and holds each answer to the API's description, or to `hold`. */
export function caller(url: string, defaultKey: string | null, hold = holdToContract): Call {
  return async (method, path, { key = defaultKey, body, headers = {} } = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...(key !== null && { authorization: `Bearer ${key}` }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' || body instanceof Uint8Array ? (body as NonNullable<RequestInit['body']>) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const reply = { status: response.status, headers: response.headers, body: text !== '' && isJson(response) ? JSON.parse(text) : text };
    hold(method, path, reply);
    return reply;
  };
}

const isJson = (response: Response) => response.headers.get('content-type')?.includes('json') === true;
