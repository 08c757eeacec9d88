import { octetsOfBase64 } from '../lambdas/pki/base64.ts';
import { canonicalJson } from '../lambdas/pki/canonical-json.ts';
import { checkJsonObject, JsonProblem, parseJsonObject } from '../lambdas/pki/strict-json.ts';
import { isOctets } from './encoded.ts';
import { Refusal } from './refusal.ts';

/** What a signature is over: a JSON object, its text, any octets, or their SHA-256. */
export type SignedContent =
  | {
      /** A JSON object that was parsed already. Its parser may have dropped a key that was there twice: prefer the text. */
      readonly payload: unknown;
    }
  | {
      /** The same as text or UTF-8, as it was received. Order, spacing and escapes do not matter (RFC 8785). */
      readonly payloadText: string | Uint8Array;
    }
  | {
      /** Octets whose SHA-256 the agent signed. */
      readonly octets: Uint8Array;
    }
  | {
      /** SHA-256 of what the agent signed: 32 octets, or their base64. */
      readonly digest: string | Uint8Array;
    };

/** What is to be verified, made ready. */
export interface Content {
  /** What the octets say, read from them and from nothing that the caller still holds; undefined unless it is JSON. */
  readonly payload: Readonly<Record<string, unknown>> | undefined;
  /** The octets signed, or their digest where there is nothing else. */
  readonly octets: Uint8Array | undefined;
  readonly digest: Uint8Array | undefined;
}

const KINDS = ['payload', 'payloadText', 'octets', 'digest'] as const;
const DIGEST_OCTETS = 32;

/**
 * @throws Refusal `payload_malformed`; TypeError if it is not exactly one of the four
 */
export function readContent(content: Partial<Record<(typeof KINDS)[number], unknown>>): Content {
  const [kind, ...others] = KINDS.filter((name) => name in content);
  if (kind === undefined || others.length > 0) throw new TypeError(`Give exactly one of ${KINDS.join(', ')}.`);
  const value = content[kind];
  switch (kind) {
    case 'payload':
      return ofJson(() => checkJsonObject(value));
    case 'payloadText':
      return ofJson(() => parseJsonObject(textOf(value)));
    case 'octets':
      if (!isOctets(value)) throw malformed('What was signed is not octets.');
      return { payload: undefined, octets: new Uint8Array(value), digest: undefined };
    case 'digest':
      return { payload: undefined, octets: undefined, digest: digestOf(value) };
  }
}

function ofJson(read: () => Record<string, unknown>): Content {
  try {
    // What was read is JSON, which always has a canonical form.
    const octets = canonicalJson(read());
    return { payload: JSON.parse(new TextDecoder().decode(octets)) as Record<string, unknown>, octets, digest: undefined };
  } catch (error) {
    if (error instanceof JsonProblem) throw malformed(error.message);
    throw error;
  }
}

/** A byte order mark is no JSON (RFC 8259 §8.1), so it stays. */
function textOf(text: unknown): string {
  if (typeof text === 'string') return text;
  if (!isOctets(text)) throw malformed('The payload is neither text nor octets.');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text);
  } catch {
    throw malformed('The payload is not UTF-8.');
  }
}

function digestOf(value: unknown): Uint8Array {
  const digest = typeof value === 'string' ? octetsOfBase64(value) : isOctets(value) ? new Uint8Array(value) : undefined;
  if (digest?.length !== DIGEST_OCTETS) throw malformed('The digest is not a SHA-256: 32 octets, or their base64.');
  return digest;
}

function malformed(message: string): Refusal {
  return new Refusal('payload_malformed', message);
}
