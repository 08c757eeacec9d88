import { readDeliveryOrder } from '../../lambdas/aws/delivery-queue.ts';
import type { QueuedLetter } from '../../lambdas/aws/dead-letter-queues.ts';
import { readKeyEndMessage } from '../../lambdas/aws/outbox-stream.ts';
import { exhaustedDeliveryQueue, letterQueues, type QueueConsumerName } from '../../lambdas/triggers.ts';
import type { Services } from './commands.ts';
import type { Summary } from './dead-letters.ts';

/* Dead letters that are messages of a queue: one thing each, where those of streams are batches. */

/** What a letter says, and how it is said once more. */
interface Reading {
  readonly tenantId: string;
  readonly about: string;
  /** How often it was tried, where the letter says so. */
  readonly attempts: number | null;
  readonly message: object;
}

const readers: { readonly [Name in QueueConsumerName]: (letter: QueuedLetter) => Reading } = {
  'retire-keys'(letter) {
    const end = readKeyEndMessage({ body: letter.body, messageId: letter.id });
    return { tenantId: end.tenantId, about: end.cause === 'abandoned' ? `key ${end.keyArn}` : `certificate ${end.certificateId}`, attempts: null, message: end };
  },
  'deliver-webhook'({ body }) {
    const order = readDeliveryOrder(body);
    return { tenantId: order.announcement.tenant_id, about: `webhook ${order.webhookId}`, attempts: order.failedAttempts || null, message: { ...order, failedAttempts: 0 } };
  },
};

/** Takes hold of the letters of every queue, does `work` with them, and lets go of those that are still there. */
export async function withQueuedLetters<Result>({ deadLetterQueues: queues }: Pick<Services, 'deadLetterQueues'>, work: (letters: readonly QueuedLetter[]) => Promise<Result>): Promise<Result> {
  const names = Object.keys(letterQueues);
  const held = await Promise.all(names.map((name) => queues.hold(name)));
  try {
    return await work(held.flat());
  } finally {
    await Promise.all(names.map((name, index) => queues.release(name, held[index] ?? [])));
  }
}

export function summaryOfQueued(letter: QueuedLetter): Summary {
  const { id, queue, functionName, sentAt } = letter;
  const common = { id, function: functionName, given_up_at: sentAt, records: 1 };
  try {
    const { about, attempts } = readers[functionName](letter);
    return { ...common, attempts, about: [about], error: queue === exhaustedDeliveryQueue ? 'The receiver failed: see the history of its deliveries.' : 'The function failed: see its log.' };
  } catch (error) {
    return { ...common, attempts: null, about: [], error: (error as Error).message };
  }
}

/** Sends the function what the letter says, as new, and then deletes the letter; answers why not, where it cannot be read. */
export async function replayQueued({ deadLetterQueues: queues }: Pick<Services, 'deadLetterQueues'>, letter: QueuedLetter): Promise<string | undefined> {
  let reading: Reading;
  try {
    reading = readers[letter.functionName](letter);
  } catch (error) {
    return (error as Error).message;
  }
  await queues.send(letter.functionName, reading.message, reading.tenantId);
  await queues.remove(letter);
  return undefined;
}
