import { jsonResponder } from './aws-json/protocol.ts';
import { ServiceError } from './aws-json/errors.ts';
import type { PublishedEvent } from './eventbridge/event.ts';
import { putEvents } from './eventbridge/put-events.ts';
import { startHttpService } from './http-service.ts';

export interface EmbeddedEventBridge {
  /** What `AWS_ENDPOINT_URL_EVENTBRIDGE` is to be, e.g. `http://127.0.0.1:4587`. */
  readonly endpoint: string;
  /** The last events that were put, oldest first. */
  readonly events: readonly PublishedEvent[];
  /** Drops open connections and resolves once no request is being worked on. */
  close(): Promise<void>;
}

export interface EmbeddedEventBridgeOptions {
  /** TCP port on 127.0.0.1; 0, the default, takes a free one. */
  port?: number;
  /** Of the events; `eu-west-1` by default. */
  region?: string;
  /** Of the events, 12 digits; `000000000000` by default. */
  accountId?: string;
  /** The names of the event buses beside `default`; none can be made later. */
  buses?: readonly string[];
  /** How many events are kept; 1,000 by default. */
  keptEvents?: number;
  /** The time of events that name none; the machine's by default. */
  clock?: () => Date;
}

// Ample for a megabyte of events with every character escaped.
const maximumBodyBytes = 8 * 1024 * 1024;

/**
 * Starts an EventBridge on 127.0.0.1 that speaks AWS's JSON 1.1 protocol: events are put, with the limits and errors of AWS, and the last of
 * them kept in memory, to be looked at. No rules, no targets. It checks that requests are signed, not by whom. Rejects where the port is taken.
 */
export async function startEventBridge(options: EmbeddedEventBridgeOptions = {}): Promise<EmbeddedEventBridge> {
  const { port, region = 'eu-west-1', accountId = '000000000000', buses = [], keptEvents = 1000, clock = () => new Date() } = options;
  const events: PublishedEvent[] = [];
  const publish = (published: readonly PublishedEvent[]) => {
    events.push(...published);
    events.splice(0, events.length - keptEvents);
  };
  const sink = { region, accountId, buses: new Set(['default', ...buses]), clock, publish };
  const respond = jsonResponder({
    name: 'EventBridge',
    version: '1.1',
    targetPrefix: 'AWSEvents',
    maximumBodyBytes,
    operations: new Map([['PutEvents', (input) => putEvents(sink, input)]]),
    internalErrorType: 'InternalException',
    unsupported: (message) => new ServiceError('UnknownOperationException', 400, message),
  });
  const { endpoint, close } = await startHttpService(respond, { port });
  return { endpoint, events, close };
}
