import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOf, forward, readAnswer, readRequest, type Input, type WireAnswer } from './faults-wire.ts';

/*
 * A proxy between the AWS SDK and DynamoDB, KMS or S3, at which things go wrong as they do on a wire: a request
 * that never arrives, an answer that gets lost after the work is done, an error of AWS's own. It keeps a record of all that
 * passes, and can hold a request back until a test lets it go.
 */

/** One HTTP request of the SDK; its own retries are further ones. */
export interface WireCall {
  /** Without the service's prefix: `TransactWriteItems`, `CreateKey`, `PutObject`. */
  readonly operation: string;
  readonly input: Input;
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number;
  /** When its answer, or what stood in for one, was on its way. */
  endedAt?: number;
  /** The service's answer; undefined where it never got the request. */
  answer?: Input;
  /** The invocation of a function that made it, where that is told (invocations.ts). */
  readonly invocation?: string | undefined;
  /** The SDK's name for what it repeats. */
  readonly attemptOf?: string | undefined;
  /** The request as text, with that of the CreateKey that made the key it names: whom it concerns. */
  readonly text: string;
}

/** Which requests are meant. */
export interface Pattern {
  /** Any without it. */
  readonly operation?: string;
  readonly where?: (input: Input) => boolean;
  readonly from?: (call: WireCall) => boolean;
  /** An id that the request, or the one that made the key it names, has in it. */
  readonly concerning?: string;
}

export type Fault =
  | { readonly kind: 'not performed'; readonly onStruck?: () => void }
  | { readonly kind: 'answer lost'; readonly onStruck?: () => void }
  | { readonly kind: 'performed late'; readonly until: () => Promise<unknown> }
  | { readonly kind: 'answer torn' }
  | { readonly kind: 'answered'; readonly status: number; readonly contentType: string; readonly body: string }
  | { readonly kind: 'rewritten'; readonly rewrite: (answer: Input) => Input }
  | { readonly kind: 'delayed'; readonly milliseconds: number }
  | { readonly kind: 'stale'; readonly milliseconds: number };

/** The connection ends before the service has seen the request. */
export const notPerformed: Fault = { kind: 'not performed' };
/** The service does its work, and the connection ends before any of its answer arrives. */
export const answerLost: Fault = { kind: 'answer lost' };
/** The connection hangs and ends, and the service gets the request all the same, after `until`. */
export const performedLate = (until: () => Promise<unknown>): Fault => ({ kind: 'performed late', until });
/** The service does its work, and the connection ends in the middle of its answer. */
export const answerTorn: Fault = { kind: 'answer torn' };
/** The service does its work, and its answer is changed on the way. */
export const rewritten = (rewrite: (answer: Input) => Input): Fault => ({ kind: 'rewritten', rewrite });
/** The request is late. */
export const delayed = (milliseconds: number): Fault => ({ kind: 'delayed', milliseconds });
/** A request is answered as the same one was before, if that was no longer ago: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html */
export const stale = (milliseconds: number): Fault => ({ kind: 'stale', milliseconds });
/** What a load balancer says whose backend is gone: not JSON, and no word of AWS. */
export const badGateway: Fault = { kind: 'answered', status: 502, contentType: 'text/html', body: '<html><body><h1>502 Bad Gateway</h1></body></html>' };

/** Stands in every error's text, and must never reach a client. */
export const secretOfAws = 'arn:aws:sts::123456789012:assumed-role/secret-role/i-0abc';

const serverFaults = ['InternalServerError', 'KMSInternalException', 'DependencyTimeoutException', 'ServiceUnavailableException'];

/** The service refuses with an error of that name, as AWS words it on the wire. */
export function awsError(name: string, members: Input = {}): Fault {
  const body = { __type: `com.amazonaws.service#${name}`, message: `User: ${secretOfAws} met ${name}`, ...members };
  return { kind: 'answered', status: serverFaults.includes(name) ? 500 : 400, contentType: 'application/x-amz-json-1.1', body: JSON.stringify(body) };
}

/** S3 refuses with an error of that code, in XML: `SlowDown` with 503, `AccessDenied` with 403. */
export function s3Error(code: string, status: number): Fault {
  return { kind: 'answered', status, contentType: 'application/xml', body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${secretOfAws} met ${code}</Message></Error>` };
}

/** A transaction that is refused, with the reason of each of its actions. */
export function cancelled(...reasons: readonly string[]): Fault {
  return awsError('TransactionCanceledException', { CancellationReasons: reasons.map((Code) => (Code === 'None' ? { Code } : { Code, Message: `${secretOfAws}: ${Code}` })) });
}

/** Names, in a request of the SDK, the invocation of a function that makes it. */
export const invocationHeader = 'x-invocation';

/** Shorter than any time-out, and longer than what else is under way: the SDK takes a connection that ends for one that timed out. */
const hangingMilliseconds = 60;

/** The request hangs, is given up, and never arrives. */
export const hung: Fault = { kind: 'performed late', until: () => new Promise(() => undefined) };

export interface Injection {
  /** How often it has struck. */
  readonly hits: number;
  remove(): void;
}

export interface Hold {
  /** Resolves once a request has arrived at the hold. */
  readonly reached: Promise<WireCall>;
  /** How many requests are or were held. */
  readonly held: number;
  /** Lets them go, and everything after them. */
  release(): void;
}

export type Whereabouts = 'before the service' | 'before the answer';

export interface FaultProxy {
  readonly endpoint: string;
  /** All requests since the last `reset`, in the order of their arrival. */
  readonly calls: readonly WireCall[];
  /** Applies `fault`, or what it makes of a request, to matching requests: to `times` of them (all by default) from number `first` (1 by default) on. */
  inject(pattern: Pattern, fault: Fault | ((call: WireCall) => Fault), options?: { first?: number; times?: number }): Injection;
  /** Applies `fault` to matching requests while `atOnce` of them are under way. */
  limit(pattern: Pattern, atOnce: number, fault: Fault): Injection;
  /** Holds matching requests back, the first `times` of them: before the service sees them (the default), or with its answer in hand. */
  hold(pattern: Pattern, options?: { where?: Whereabouts; times?: number }): Hold;
  /** Takes all faults and holds away and forgets the calls. */
  reset(): void;
  /** Refuses connections, as where nothing listens any more, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

interface Rule {
  readonly pattern: Pattern;
  readonly applies: (rule: Rule) => boolean;
  /** Requests that it was meant for, and those of them it was applied to. */
  matched: number;
  hits: number;
  /** Requests that it is meant for and that are not answered. */
  underWay: number;
  readonly fault?: Fault | ((call: WireCall) => Fault);
  readonly hold?: { readonly where: Whereabouts; readonly released: Promise<void>; readonly arrived: (call: WireCall) => void };
}

/** Starts a proxy on a free port of 127.0.0.1 that passes everything on to `target`, an endpoint of DynamoDB, KMS or S3. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  let calls: WireCall[] = [];
  let rules: Rule[] = [];
  const releases = new Set<() => void>();
  /** What requests were answered that may be answered so again, by their texts. */
  const remembered = new Map<string, { readonly answer: WireAnswer; readonly at: number }>();
  /** The CreateKey requests by the ARN of the key they made. */
  const origins = new Map<unknown, string>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const body = await bytesOf(request);
    const { operation, input } = readRequest(request, body);
    const { [invocationHeader]: invocation, 'amz-sdk-invocation-id': attemptOf } = request.headers as Record<string, string | undefined>;
    const call: WireCall = { operation, input, startedAt, invocation, attemptOf, text: `${input['Key'] ?? ''}${body.toString()}${origins.get(input['KeyId']) ?? ''}` };
    calls.push(call);
    const meant = rules.filter(({ pattern }) => matches(pattern, call));
    const struck = meant.filter(strikes);
    for (const rule of meant) rule.underWay++;
    response.once('close', () => {
      for (const rule of meant) rule.underWay--;
    });
    await passHolds(struck, call, 'before the service');
    const { fault: given } = struck.find((rule) => rule.fault !== undefined) ?? {};
    const fault = typeof given === 'function' ? given(call) : given;
    if (fault?.kind === 'delayed') await sleep(fault.milliseconds);
    if (fault?.kind === 'performed late') {
      await sleep(hangingMilliseconds);
      request.socket.destroy();
      await fault.until();
    }
    if (fault?.kind === 'not performed' || fault?.kind === 'answered') {
      call.endedAt = performance.now();
      if (fault.kind === 'not performed') {
        fault.onStruck?.();
        request.socket.destroy();
      } else response.writeHead(fault.status, { 'content-type': fault.contentType, 'content-length': Buffer.byteLength(fault.body) }).end(fault.body);
      return;
    }
    const known = fault?.kind === 'stale' ? remembered.get(call.text) : undefined;
    const isFresh = fault?.kind !== 'stale' || known === undefined || performance.now() - known.at > fault.milliseconds;
    const answer = isFresh ? await forward(request, body, { agent, hostname, port }) : known.answer;
    if (fault?.kind === 'stale' && isFresh) remembered.set(call.text, { answer, at: performance.now() });
    call.answer = readAnswer(answer);
    if (operation === 'CreateKey') origins.set(call.answer['KeyMetadata']?.Arn, call.text);
    await passHolds(struck, call, 'before the answer');
    call.endedAt = performance.now();
    switch (fault?.kind) {
      case 'answer lost':
        fault.onStruck?.();
        request.socket.destroy();
        break;
      case 'performed late':
        break; // To nobody.
      case 'answer torn':
        response.writeHead(answer.status, answer.headers).write(answer.body.subarray(0, answer.body.length / 2), () => request.socket.destroy());
        break;
      case 'rewritten': {
        const changed = Buffer.from(JSON.stringify(fault.rewrite(call.answer)));
        response.writeHead(answer.status, { ...answer.headers, 'content-length': changed.length }).end(changed);
        break;
      }
      case 'delayed':
      case 'stale':
      case undefined:
        response.writeHead(answer.status, answer.headers).end(answer.body);
    }
  }

  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    // A service that is gone looks like a connection that is.
    serve(request, response).catch(() => request.socket.destroy());
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const hangUp = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const ownPort = await listen(0);

  const add = (definition: Pick<Rule, 'pattern' | 'applies' | 'fault' | 'hold'>) => {
    const rule: Rule = { ...definition, matched: 0, hits: 0, underWay: 0 };
    rules.push(rule);
    return rule;
  };
  const addFault = (pattern: Pattern, fault: NonNullable<Rule['fault']>, applies: Rule['applies']): Injection => {
    const rule = add({ pattern, fault, applies });
    return {
      get hits() {
        return rule.hits;
      },
      remove: () => void (rules = rules.filter((other) => other !== rule)),
    };
  };

  return {
    endpoint: `http://127.0.0.1:${ownPort}`,
    get calls() {
      return calls;
    },
    inject: (pattern, fault, { first = 1, times = Infinity } = {}) => addFault(pattern, fault, ({ matched }) => matched >= first && matched < first + times),
    limit: (pattern, atOnce, fault) => addFault(pattern, fault, ({ underWay }) => underWay >= atOnce),
    hold(pattern, { where = 'before the service', times = Infinity } = {}) {
      const { promise: released, resolve: release } = withResolvers<undefined>();
      const { promise: reached, resolve: arrived } = withResolvers<WireCall>();
      const rule = add({ pattern, applies: ({ matched }) => matched <= times, hold: { where, released, arrived } });
      const letGo = () => release(undefined);
      releases.add(letGo);
      return {
        reached,
        get held() {
          return rule.hits;
        },
        release() {
          rules = rules.filter((other) => other !== rule);
          releases.delete(letGo);
          letGo();
        },
      };
    },
    reset() {
      rules = [];
      calls = [];
      remembered.clear();
      for (const release of releases) release();
      releases.clear();
    },
    down: hangUp,
    async up() {
      await listen(ownPort);
    },
    async close() {
      for (const release of releases) release();
      if (server.listening) await hangUp();
      agent.destroy();
    },
  };
}

function matches({ operation, where, from, concerning = '' }: Pattern, call: WireCall): boolean {
  return (operation === undefined || operation === call.operation) && where?.(call.input) !== false && call.text.includes(concerning) && from?.(call) !== false;
}

function strikes(rule: Rule): boolean {
  rule.matched++;
  const struck = rule.applies(rule);
  if (struck) rule.hits++;
  return struck;
}

async function passHolds(rules: readonly Rule[], call: WireCall, where: Whereabouts): Promise<void> {
  for (const { hold } of rules) {
    if (hold?.where !== where) continue;
    hold.arrived(call);
    await hold.released;
  }
}

// Promise.withResolvers, which Node 20 has not.
function withResolvers<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
