import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Reply {
  /** 0 where there was no answer: the connection broke, or it took longer than anything may. */
  readonly status: number;
  /** Seconds, where the answer says so. */
  readonly retryAfter: number | undefined;
  readonly body: string;
}

export type Send = (method: 'GET' | 'POST', path: string, body?: object) => Promise<Reply>;

export interface HttpClient {
  /** Never rejects. */
  readonly send: Send;
  /** The answer's data; comes again where it is told to, and rejects unless the answer then has the status that is wanted. */
  ask(wanted: number, ...request: Parameters<Send>): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

// API Gateway gives up after 29 s: who has heard nothing by then will not.
const patienceMilliseconds = 35_000;

const attempts = 4;

// Fewer than wait at a server's door until it accepts them (Node asks for 511): of what is beyond that the kernel says nothing to
// either side, and the client tries again in a second.
const maximumConnections = 400;

/**
 * Opens as many connections, or all that a client may have, by asking for something that costs the service nothing. Node takes one new connection in each
 * turn of its loop: who comes with hundreds of them to a busy service waits for that, and not for what is to be measured.
 */
export async function openConnections(send: Send, count: number): Promise<void> {
  await Promise.all(Array.from({ length: Math.min(count, maximumConnections) }, () => send('GET', '/nowhere')));
}

/** A client that keeps its connections, and opens as many as there are requests under way; where that is too many, they wait for one. */
export function openHttpClient(url: string, apiKey: string): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: maximumConnections, maxFreeSockets: maximumConnections });
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const send: Send = (method, path, body) => new Promise((resolve) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const sent = request(url + path, { method, agent, headers: { ...headers, 'content-length': Buffer.byteLength(text ?? '') }, timeout: patienceMilliseconds }, (response) => {
      let received = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
      response.once('error', broken);
      response.once('end', () => {
        const retryAfter = response.headers['retry-after'];
        resolve({ status: response.statusCode ?? 0, retryAfter: retryAfter === undefined ? undefined : Number(retryAfter), body: received });
      });
    });
    sent.once('timeout', () => sent.destroy());
    sent.once('error', broken);
    sent.end(text);

    function broken(error?: Error): void {
      resolve({ status: 0, retryAfter: undefined, body: error?.message ?? '' });
    }
  });
  return {
    send,
    async ask(wanted, method, path, body) {
      let reply = await send(method, path, body);
      for (let attempt = 1; attempt < attempts && reply.retryAfter !== undefined; attempt++) {
        await delay(reply.retryAfter * 1000);
        reply = await send(method, path, body);
      }
      const { status, body: text } = reply;
      if (status !== wanted) throw new Error(`${method} ${path} answered ${status} where ${wanted} was due: ${text}`);
      return (JSON.parse(text) as { data?: Readonly<Record<string, unknown>> }).data ?? {};
    },
    close: () => agent.destroy(),
  };
}
