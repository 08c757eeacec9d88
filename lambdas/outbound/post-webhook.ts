import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import type { Receivers } from '../authority/ports.ts';
import { nameLookup } from './name-lookup.ts';
import { NotPermitted, receiverAddresses, type Resolve } from './receiver-addresses.ts';
import { answeredSentence, failureSentence } from './sentences.ts';

export interface ReceiverOptions {
  /** In CIDR notation: networks that are sent to although they are not public. */
  readonly allowedNetworks?: readonly string[];
  /** Certificates (PEM) that are trusted beside those that Node trusts. */
  readonly trustAnchors?: readonly string[];
  /** For everything, from the name to the last octet of the answer; 30 s by default, which receivers have always been promised. */
  readonly timeoutMilliseconds?: number;
  readonly resolve?: Resolve;
}

/** Of an answer's body, which nobody reads; it is let in only so that the receiver does not see its answer cut off. */
const maximumBodyBytes = 16 * 1024;

/**
 * The receivers of webhooks, who are strangers and choose where we connect to: https alone, public addresses alone, each
 * connection to an address that was checked, no redirect followed, nothing waited for longer than the timeout. Only what an
 * answer's status says is ever told.
 */
export function webhookReceivers({ allowedNetworks = [], trustAnchors = [], timeoutMilliseconds = 30_000, resolve = nameLookup() }: ReceiverOptions = {}): Receivers {
  const agent = new Agent({
    // Nothing of one delivery is left for another: neither its connection nor its TLS session, with which no certificate would be looked at.
    keepAlive: false,
    maxCachedSessions: 0,
    rejectUnauthorized: true,
    // Of several addresses each has this long before the next is tried; Node's 250 ms are little for the other end of the world.
    autoSelectFamilyAttemptTimeout: 2_000,
    ...(trustAnchors.length > 0 && { ca: [...rootCertificates, ...trustAnchors] }),
  });

  async function send(url: URL, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<number> {
    if (url.protocol !== 'https:') throw new NotPermitted('The URL is not an https one, so nothing was sent.');
    if (url.port === '0') throw new NotPermitted('The URL names port 0, at which nobody can be reached.');
    const addresses = await endedBy(signal, receiverAddresses(url.hostname, resolve, allowedNetworks));
    const response = await endedBy(signal, new Promise<IncomingMessage>((respond, fail) => {
      request(url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) }, agent, lookup: pinnedTo(addresses), signal })
        .once('response', respond)
        .on('error', fail)
        // An answer that changes the protocol ends the connection without an error.
        .once('close', () => fail(Object.assign(new Error('The connection was closed.'), { code: 'ECONNRESET' })))
        .end(body);
    }));
    await letIn(response);
    return response.statusCode ?? 0;
  }

  return {
    async post(url, headers, body) {
      try {
        const statusCode = await send(new URL(url), headers, body, AbortSignal.timeout(timeoutMilliseconds));
        const error = answeredSentence(statusCode);
        return { statusCode, ...(error !== undefined && { error }) };
      } catch (error) {
        return { error: error instanceof NotPermitted ? error.message : failureSentence(error, timeoutMilliseconds) };
      }
    },
  };
}

/** Answers for whatever name with the addresses that were checked. An address for a name never comes here; it was checked as it stands. */
function pinnedTo(addresses: readonly { readonly address: string; readonly family: number }[]): LookupFunction {
  return (_hostname, { all = false }, callback) => {
    const [first] = addresses;
    if (all || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

/** Reads an answer to its end or its limit. What was said by its status holds, whatever becomes of the rest. */
async function letIn(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maximumBodyBytes) break;
    }
  } catch {
    // The connection is gone, or its time is over.
  }
}

/** What the work comes to, but for no longer than until the signal, whether or not the work itself can be ended. */
async function endedBy<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  let end: () => void = () => undefined;
  const ended = new Promise<never>((_, reject) => {
    end = () => reject(signal.reason as Error);
    signal.addEventListener('abort', end, { once: true });
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
