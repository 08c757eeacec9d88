import { DemoFailure } from './failure.ts';

/** An answer of the API, with the time it took. */
export interface Answer {
  readonly status: number;
  /** The whole body: `{data}` or `{error, code}`. */
  readonly body: { readonly data?: Record<string, unknown>; readonly error?: string; readonly code?: string };
  readonly milliseconds: number;
}

export interface Client {
  /** Sends a request and insists on the status; a DemoFailure says what came instead. */
  expect(status: number, method: 'GET' | 'POST', path: string, body?: object): Promise<Answer>;
}

// As long as API Gateway would wait, and a little.
const patienceMilliseconds = 30_000;

/**
 * A client of the API as any other: HTTP, JSON and an API key.
 * @param fetch another way to where the URL leads
 */
export function createClient(url: string, apiKey: string, signal: AbortSignal, fetch = globalThis.fetch): Client {
  return {
    async expect(status, method, path, body) {
      const startedAt = performance.now();
      const response = await fetch(`${url}${path}`, {
        method,
        signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMilliseconds)]),
        headers: { authorization: `Bearer ${apiKey}`, accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw new DemoFailure(`${method} ${path} got no answer (${error instanceof Error ? String(error.cause ?? error) : String(error)}).`, { cause: error });
      });
      const text = await response.text();
      const milliseconds = performance.now() - startedAt;
      if (response.status !== status) throw new DemoFailure(`${method} ${path} answered ${response.status} where ${status} was due: ${text}`);
      return { status, body: JSON.parse(text) as Answer['body'], milliseconds };
    },
  };
}
