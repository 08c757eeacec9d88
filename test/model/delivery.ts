import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../support/runtime.ts';
import { unknown, type Answer } from './agent-model.ts';
import type { Delivery } from './program.ts';

/** What became of a request, as its client knows it. */
export interface Exchange {
  readonly invokedAt: number;
  /** `Infinity` without an answer: it may yet have happened. */
  readonly returnedAt: number;
  readonly reply?: Reply;
}

export type Send = (headers: Readonly<Record<string, string>>) => Promise<Reply>;

export interface Conditions {
  /** Nothing goes wrong, so that every repetition under a key must be answered as the first request was. */
  readonly calm: boolean;
  /** Takes what nobody waits for; it has to be over, and well, before the end. */
  readonly background: (work: Promise<unknown>) => void;
}

const pauseMilliseconds = 15;
/** An answer that could not be kept leaves its request in progress for half a minute. That is waited for only where it must not happen. */
const patienceMilliseconds = { calm: 20_000, faulty: 500 };
const mostFailures = 3;

/**
 * Sends a request as is said. Answers what the client may conclude: one exchange, which stands for all repetitions under one key; and
 * beside it, where things go wrong, each attempt that may have been carried out apart from it.
 * @throws Error where an answer is one that nobody may ever get, or repetitions under one key are answered differently
 */
export async function deliver(send: Send, delivery: Delivery, conditions: Conditions): Promise<Exchange[]> {
  const { background } = conditions;
  const headers = { 'idempotency-key': randomUUID() };
  const attempts: Exchange[] = [];
  const ask = async () => void attempts.push(...(await untilAnswered(() => exchange(send, headers), conditions)));
  switch (delivery) {
    case 'once': return [await exchange(send, {})];
    case 'unheard':
      background(exchange(send, {}));
      return [{ invokedAt: performance.now(), returnedAt: Infinity }];
    case 'repeated':
      await ask();
      if (attempts.some(isFinal)) await ask();
      return concluded(attempts, conditions);
    case 'twins':
      await Promise.all([ask(), ask()]);
      return concluded(attempts, conditions);
    case 'impatient': {
      const first = exchange(send, headers);
      const invokedAt = performance.now();
      background(first.then((heard) => concluded([...attempts, heard], conditions)));
      await sleep(pauseMilliseconds / 5);
      await ask();
      return concluded([{ invokedAt, returnedAt: Infinity }, ...attempts], conditions);
    }
  }
}

async function exchange(send: Send, headers: Readonly<Record<string, string>>): Promise<Exchange> {
  const invokedAt = performance.now();
  const reply = await send(headers);
  const returnedAt = performance.now();
  if (reply.status >= 500 && reply.status !== 503) throw new Error(`A request was answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  return reply.status === 503 ? { invokedAt, returnedAt: Infinity } : { invokedAt, returnedAt, reply };
}

/** Asks again while the first request with the key is under way, and after a failure. */
async function untilAnswered(ask: () => Promise<Exchange>, { calm }: Conditions): Promise<Exchange[]> {
  const attempts: Exchange[] = [];
  const patience = calm ? patienceMilliseconds.calm : patienceMilliseconds.faulty;
  for (const startedAt = performance.now(); ;) {
    const attempt = await ask();
    const inProgress = attempt.reply?.body?.code === 'REQUEST_IN_PROGRESS';
    if (!inProgress) attempts.push(attempt);
    if (attempt.reply !== undefined && !inProgress) return attempts;
    if (attempts.length === mostFailures) return attempts;
    if (performance.now() - startedAt > patience) {
      if (calm) throw new Error(`A request stayed in progress for ${patience} ms: ${JSON.stringify(attempt.reply?.body)}`);
      return [...attempts, { invokedAt: startedAt, returnedAt: Infinity }];
    }
    await sleep(pauseMilliseconds);
  }
}

/** The answer is kept for repetitions. */
const isFinal = ({ reply }: Exchange) => reply !== undefined && !reply.headers.has('retry-after');

/** Of attempts under one key. */
function concluded(attempts: readonly Exchange[], { calm }: Conditions): Exchange[] {
  const invokedAt = Math.min(...attempts.map((attempt) => attempt.invokedAt));
  const answered = new Map<string, Exchange>();
  for (const { reply, returnedAt } of attempts) {
    if (reply === undefined) continue;
    const answer = JSON.stringify([reply.status, reply.body]);
    answered.set(answer, { invokedAt, reply, returnedAt: Math.min(returnedAt, answered.get(answer)?.returnedAt ?? Infinity) });
  }
  const answers = [...answered.values()];
  if (calm && answers.filter(isFinal).length > 1) throw new Error(`Under one Idempotency-Key there were different answers: ${[...answered.keys()].join(' and ')}`);
  const doubtful = attempts.filter(({ reply }) => reply === undefined);
  // Whoever was not heard has done what was then answered, where nothing went wrong.
  return answers.some(isFinal) && calm ? answers : [...answers, ...doubtful];
}

/** What an answer says: the code of a refusal, that it was done, or nothing where there was none. @throws Error where it is about the request itself. */
export function answerTo({ reply }: Exchange): Answer {
  if (reply === undefined) return unknown;
  if (reply.status < 300) return 'done';
  if ([400, 401, 403, 404, 405, 413].includes(reply.status) && reply.body?.code !== 'WEBHOOK_NOT_FOUND') throw new Error(`A client was answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  return reply.body.code as string;
}
