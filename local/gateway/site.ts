import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer.ts';

/** A request that has arrived whole. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly requestId: string;
  /** From the first slash on, undecoded. */
  readonly path: string;
  /** What follows the question mark. */
  readonly query: string;
  readonly body: Buffer;
}

/** What is to be found at an address: the API, published objects, or both. */
export type Site = (visit: Visit) => Promise<Answer>;
