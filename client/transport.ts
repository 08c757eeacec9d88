import { errorOf, KakuninError } from './error.ts';
import { secondsToWait, wait } from './waiting.ts';

export interface ClientOptions {
  /** Where the API is, with /v1: `https://….amazonaws.com/v1`. */
  readonly baseUrl: string;
  /** `kak_live_…` or `kak_test_…`; what is public needs none. */
  readonly apiKey?: string;
  /** The platform's by default. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** How often a call is tried again where that may help; 3 by default. */
  readonly retries?: number;
  /** How long to wait for one answer; 30 by default. */
  readonly timeoutSeconds?: number;
}

/** What may be said of a single call. */
export interface CallOptions {
  /** Breaks the call off. */
  readonly signal?: AbortSignal;
  /** For a change: with the same one it is made once, however often it is asked for. A random one by default. */
  readonly idempotencyKey?: string;
}

export interface Page<Item, Meta = unknown> {
  readonly data: readonly Item[];
  readonly meta: Meta;
  readonly pagination: { readonly limit: number; readonly has_next_page: boolean; readonly next_cursor: string | null };
}

/** A request, as the generated methods describe it. */
export interface CallSpec {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly isPublic?: boolean;
  readonly isMutation?: boolean;
  readonly query?: object;
  readonly body?: unknown;
  /** Of a body that is not JSON. */
  readonly bodyType?: string;
}

/** Sends requests, again where that may help, and reads answers. */
export class Transport {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    if (!/^https?:\/\/[^/?#]+/.test(options.baseUrl)) throw new TypeError(`The base URL must be http or https, such as https://api.example/v1, and not ${JSON.stringify(options.baseUrl)}.`);
    this.#options = options;
  }

  protected async data<Data>(spec: CallSpec, options: CallOptions): Promise<Data> {
    return ((await readJson(await this.#send(spec, options))) as { data: Data }).data;
  }

  protected async page<Item, Meta>(spec: CallSpec, options: CallOptions): Promise<Page<Item, Meta>> {
    return (await readJson(await this.#send(spec, options))) as Page<Item, Meta>;
  }

  protected async text(spec: CallSpec, options: CallOptions): Promise<string> {
    return (await this.#send(spec, options)).text();
  }

  protected async bytes(spec: CallSpec, options: CallOptions): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#send(spec, options)).arrayBuffer());
  }

  protected async *pages<Item>(read: (cursor: string | undefined) => Promise<Page<Item>>): AsyncGenerator<Item> {
    let cursor: string | undefined;
    do {
      const { data, pagination } = await read(cursor);
      yield* data;
      cursor = pagination.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * An answer that is a success.
   * @throws KakuninError; what `signal` was aborted with
   */
  async #send(spec: CallSpec, { signal, idempotencyKey = crypto.randomUUID() }: CallOptions): Promise<Response> {
    const { retries = 3 } = this.#options;
    const url = urlOf(this.#options.baseUrl, spec);
    const init = { method: spec.method, headers: this.#headers(spec, idempotencyKey), ...bodyOf(spec) };
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(url, init, signal);
      if (outcome instanceof Response && outcome.ok) return outcome;
      const seconds = attempt < retries ? secondsToWait(outcome, attempt) : undefined;
      if (seconds === undefined) throw outcome instanceof Response ? await errorOf(outcome) : outcome;
      await wait(seconds, signal);
    }
  }

  // A change carries a key that makes it happen once, and everything else changes nothing: any of them may be sent again
  // where nobody knows whether it arrived.
  async #attempt(url: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response | KakuninError> {
    const { fetch: send = fetch, timeoutSeconds = 30 } = this.#options;
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
      return await received(await send(url, { ...init, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) }));
    } catch (cause) {
      signal?.throwIfAborted();
      return timeout.aborted
        ? new KakuninError(`There was no answer within ${timeoutSeconds} s.`, { code: 'TIMEOUT', cause })
        : new KakuninError('The service cannot be reached. Check the base URL and the network.', { code: 'CONNECTION_FAILED', cause });
    }
  }

  #headers({ accept, isPublic = false, isMutation = false, body, bodyType = 'application/json' }: CallSpec, idempotencyKey: string): Record<string, string> {
    const { apiKey } = this.#options;
    if (!isPublic && apiKey === undefined) throw new TypeError('This call needs an API key: new KakuninClient({ baseUrl, apiKey }).');
    return {
      accept,
      ...(!isPublic && { authorization: `Bearer ${apiKey}` }),
      ...(body !== undefined && { 'content-type': bodyType }),
      ...(isMutation && { 'idempotency-key': idempotencyKey }),
    };
  }
}

/** The answer once all of it is here: a connection may break, or time be over, in the middle of it too. */
async function received(response: Response): Promise<Response> {
  const { status, statusText, headers } = response;
  const body = await response.arrayBuffer();
  return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
}

function urlOf(baseUrl: string, { path, query = {} }: CallSpec): string {
  const parameters = Object.entries(query).flatMap(([name, value]): [string, string][] => (value === undefined || value === null ? [] : [[name, String(value)]]));
  const search = new URLSearchParams(parameters).toString();
  return baseUrl.replace(/\/+$/, '') + path + (search === '' ? '' : `?${search}`);
}

function bodyOf({ body }: CallSpec): Pick<RequestInit, 'body'> {
  if (body === undefined) return {};
  return { body: body instanceof Uint8Array ? body.slice() : JSON.stringify(body) };
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new KakuninError('The answer is not JSON. Check the base URL.', { code: 'UNEXPECTED_ANSWER', status: response.status, cause });
  }
}
