import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RuntimeOptions } from '../../../local/runtime.ts';
import { bytesOf, forward, readAnswer, readRequest, type Input } from '../faults-wire.ts';

/** One request that a service has answered. */
export interface Performed {
  readonly operation: string;
  readonly input: Input;
  readonly answer: Input;
}

/**
 * Stands before all services at once and lets so many requests pass. To the services, and to whoever looks at them later, a function of
 * which no more passes is one whose process has died.
 */
export interface Gate {
  readonly interpose: NonNullable<RuntimeOptions['interpose']>;
  readonly performed: readonly Performed[];
  /** Lets so many pass from now on; all of them without a number. */
  let(count?: number): void;
  close(): Promise<void>;
}

export function openGate(): Gate {
  const performed: Performed[] = [];
  const endings: (() => Promise<void>)[] = [];
  let left = Infinity;

  async function stand(target: string): Promise<string> {
    const { hostname, port } = new URL(target);
    const agent = new Agent({ keepAlive: true });
    const pass = async (request: IncomingMessage, response: ServerResponse) => {
      const body = await bytesOf(request);
      if (left <= 0) return refuse(request, response);
      left--;
      const answer = await forward(request, body, { agent, hostname, port });
      performed.push({ ...readRequest(request, body), answer: readAnswer(answer) });
      response.writeHead(answer.status, answer.headers).end(answer.body);
    };
    const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      pass(request, response).catch(() => request.socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    endings.push(async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      agent.destroy();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  return {
    interpose: { dynamodb: stand, kms: stand, s3: stand, sqs: stand, eventBridge: stand },
    performed,
    let(count = Infinity) {
      left = count;
    },
    close: async () => void (await Promise.all(endings.map((end) => end()))),
  };
}

/** In a way that no SDK tries again, so that a function which still runs is over soon. */
function refuse({ headers }: IncomingMessage, response: ServerResponse): void {
  const isJson = headers['x-amz-target'] !== undefined;
  response.writeHead(isJson ? 400 : 403, { 'content-type': isJson ? 'application/x-amz-json-1.0' : 'application/xml' })
    .end(isJson ? JSON.stringify({ __type: 'com.amazonaws.service#AccessDeniedException', message: 'Nothing passes.' }) : '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Nothing passes.</Message></Error>');
}
