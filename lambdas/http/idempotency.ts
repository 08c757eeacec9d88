import { createHash } from 'node:crypto';
import type { Principal } from '../authority/api-key.ts';
import { Refusal } from '../authority/errors.ts';
import type { Attempt, KeyedRequest, RecordedAnswer, RequestRecords } from '../authority/request-record.ts';
import { canonicalJson } from '../pki/canonical-json.ts';
import type { Answer } from './answer.ts';
import { BadRequest, problem } from './problem.ts';

/*
 * Requests that a client may repeat without knowing whether the first one arrived, as the header field Idempotency-Key says
 * (https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header). Without the field nothing of this
 * happens; with it, one write to DynamoDB goes before the work and one after it.
 */

const keyHours = 24;

// Clocks of two Lambdas differ a little, and what the ended one sent last may still be on its way.
const leaseMarginMilliseconds = 2_000;

export interface IdempotencyServices {
  readonly records: RequestRecords;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly warn: (message: string, cause: unknown) => void;
}

/** Makes of what was kept of an answer (Answer.kept) its body again. */
export type Restore = (kept: object, principal: Principal) => Promise<object>;

/** What a key is good for, and what came with it. */
export interface KeyedCall {
  readonly route: string;
  readonly pathParameters: Readonly<Record<string, string | undefined>>;
  readonly principal: Principal;
  /** The value of Idempotency-Key. */
  readonly key: string;
  /** As it came. */
  readonly body: Uint8Array;
  readonly requestId: string;
  /** How long this function may still run. */
  readonly remainingMilliseconds: number;
}

/**
 * Runs a request once: a repetition within 24 hours gets the first one's answer. Answers that say to try again, and 5xx, are
 * not kept: the repetition runs.
 * @throws BadRequest 400 where the key is not 1–255 characters of visible ASCII
 * @throws Refusal IDEMPOTENCY_KEY_REUSED where the key came with another body before, REQUEST_IN_PROGRESS while the first is
 *   running, REGISTRY_UNAVAILABLE, and whatever `run` or `restore` throws
 * @param restore for answers of which something else is kept than their body
 */
export async function runOnce(services: IdempotencyServices, call: KeyedCall, run: () => Promise<Answer>, restore: Restore = (kept) => Promise.resolve(kept)): Promise<Answer> {
  const { records, clock, newId, warn } = services;
  const request = keyedRequest(call);
  const attempt = startAttempt(newId(), clock(), call.remainingMilliseconds);
  const admission = await records.admit(request, attempt);
  if (!admission.admitted) {
    const answer = firstAnswer(admission.bodyHash === request.bodyHash, admission.answer);
    return { ...answer, body: await restore(JSON.parse(answer.body) as object, call.principal) };
  }

  const settle = async (answer: Answer) => {
    const recorded = toRecord(answer);
    try {
      await (recorded === undefined ? records.release(request, attempt) : records.recordAnswer(request, attempt, recorded));
    } catch (error) {
      // The work is done and must be answered. Until the lease ends, repetitions are told that the request is still running.
      warn(`The answer to request ${call.requestId} could not be kept for its repetition.`, error);
    }
  };
  let answer: Answer;
  try {
    answer = await run();
  } catch (error) {
    await settle(problem(error, call.requestId));
    throw error;
  }
  await settle(answer);
  return answer;
}

function firstAnswer(sameBody: boolean, answer: RecordedAnswer | undefined): RecordedAnswer {
  if (!sameBody) throw new Refusal('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key came with another body before. Use a new key for a new request.');
  if (answer === undefined) throw new Refusal('REQUEST_IN_PROGRESS', 'The first request with this Idempotency-Key is still running. Repeat yours in a moment.');
  return answer;
}

/** An answer as it is kept; undefined where the request is to run again. */
function toRecord({ status, headers = {}, body, kept = body as object }: Answer): RecordedAnswer | undefined {
  if (status >= 500 || headers['retry-after'] !== undefined || kept === false) return undefined;
  return { status, headers, body: JSON.stringify(kept) };
}

function startAttempt(id: string, now: Date, remainingMilliseconds: number): Attempt {
  const after = (milliseconds: number) => new Date(now.getTime() + milliseconds).toISOString();
  return { id, startedAt: now.toISOString(), leaseExpiresAt: after(remainingMilliseconds + leaseMarginMilliseconds), expiresAt: after(keyHours * 3_600_000) };
}

const visibleAscii = /^[\x21-\x7e]{1,255}$/;

function keyedRequest({ route, pathParameters, principal: { tenantId, agentId }, key, body }: KeyedCall): KeyedRequest {
  if (!visibleAscii.test(key)) {
    throw new BadRequest(400, 'INVALID_IDEMPOTENCY_KEY', 'The Idempotency-Key must be 1 to 255 characters of visible ASCII. A random UUID for each new request will do.');
  }
  // A key bound to an agent may do less than its tenant's others, so it does not share their answers.
  return { id: sha256(canonicalJson({ tenantId, agentId: agentId ?? null, route, pathParameters, key })), bodyHash: sha256(canonicalBody(body)) };
}

/** Spacing and the order of keys make no other body. */
function canonicalBody(body: Uint8Array): Uint8Array {
  try {
    return body.length === 0 ? canonicalJson({}) : canonicalJson(JSON.parse(Buffer.from(body).toString()));
  } catch {
    // JSON whose numbers or characters have no canonical form is the same where its bytes are.
    return body;
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
