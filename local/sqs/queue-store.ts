import type { Change } from './change.ts';
import { openJournal, type Journal } from './journal.ts';
import type { Message } from './message.ts';
import type { QueueSettings } from './queue-settings.ts';
import { Queue } from './queue.ts';

/** The account and region all queues of one SQS belong to. */
export interface QueueOwner {
  readonly region: string;
  readonly accountId: string;
}

export interface ReceiveOptions {
  readonly most: number;
  readonly visibilityTimeoutSeconds: number;
  readonly waitSeconds: number;
  /** Aborted when nobody waits for the messages any longer. */
  readonly signal: AbortSignal;
}

/**
 * All messages of one SQS, in memory and, if there is a journal, on disk. What `commit` and `receive` have returned survives the process:
 * a change is written first and visible after. Messages of queues that are not among the settings stay where they are.
 */
export class QueueStore {
  readonly owner: QueueOwner;
  readonly settings: ReadonlyMap<string, QueueSettings>;
  readonly clock: () => Date;
  readonly startedAt: Date;
  readonly #queues = new Map<string, Queue>();
  #journal: Journal | undefined;

  constructor(owner: QueueOwner, settings: ReadonlyMap<string, QueueSettings>, clock: () => Date) {
    this.owner = owner;
    this.settings = settings;
    this.clock = clock;
    this.startedAt = clock();
  }

  /** To be called before anything else, where there is a journal. */
  async openJournal(path: string, growthBytes?: number): Promise<void> {
    const apply = (change: Change) => this.#apply(change);
    this.#journal = await openJournal({ path, apply, snapshot: () => this.#snapshot(), ...(growthBytes !== undefined && { growthBytes }) });
  }

  async close(): Promise<void> {
    await this.#journal?.close();
  }

  queue(name: string): Queue {
    const queue = this.#queues.get(name) ?? new Queue();
    this.#queues.set(name, queue);
    return queue;
  }

  arn(queue: string): string {
    return `arn:aws:sqs:${this.owner.region}:${this.owner.accountId}:${queue}`;
  }

  /** Before it, a message is older than the queue keeps any. */
  oldestKept({ messageRetentionPeriodSeconds }: QueueSettings): number {
    return this.clock().getTime() - messageRetentionPeriodSeconds * 1000;
  }

  /** Makes all the changes, or none if they cannot be written. */
  async commit(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    if (this.#journal === undefined) for (const change of changes) this.#apply(change);
    else await this.#journal.commit(changes);
  }

  /** Up to `most` messages as soon as there is one, none once the wait is over. Buries those that were received as often as they may be. */
  async receive(settings: QueueSettings, { most, visibilityTimeoutSeconds, waitSeconds, signal }: ReceiveOptions): Promise<readonly Message[]> {
    const deadline = performance.now() + waitSeconds * 1000;
    for (let outcome = 'look'; outcome === 'look' && !signal.aborted; ) {
      const received = await this.#receiveNow(settings, most, visibilityTimeoutSeconds);
      const remaining = deadline - performance.now();
      if (received.length > 0 || remaining <= 0) return received;
      outcome = await this.queue(settings.name).poll(this.clock().getTime(), remaining, signal);
    }
    return [];
  }

  async #receiveNow(settings: QueueSettings, most: number, visibilityTimeoutSeconds: number): Promise<Message[]> {
    const { name, redrive } = settings;
    const queue = this.queue(name);
    const now = this.clock().getTime();
    const received: Message[] = [];
    const buried: Message[] = [];
    for (let message = queue.take(now, this.oldestKept(settings)); message !== undefined; message = queue.take(now, this.oldestKept(settings))) {
      if (redrive !== undefined && message.receiveCount >= redrive.maxReceiveCount) buried.push(message);
      else received.push(message);
      if (received.length === most) break;
    }
    try {
      await this.commit([
        ...buried.map(({ messageId }): Change => ({ kind: 'bury', queue: name, messageId, deadLetterQueue: redrive?.deadLetterQueue ?? '', sourceArn: this.arn(name), buriedAt: now })),
        ...received.map(({ messageId }): Change => ({ kind: 'receive', queue: name, messageId, receivedAt: now, visibleAt: now + visibilityTimeoutSeconds * 1000 })),
      ]);
    } catch (error) {
      for (const message of [...buried, ...received]) queue.giveBack(message);
      throw error;
    }
    // Not those that were deleted meanwhile.
    return received.flatMap(({ messageId }) => queue.get(messageId) ?? []);
  }

  #apply(change: Change): void {
    const queue = this.queue(change.queue);
    if (change.kind === 'send') return queue.put(change.message);
    if (change.kind === 'purge') return queue.purge(change.purgedAt);
    const message = queue.get(change.messageId);
    if (message === undefined) return;
    switch (change.kind) {
      case 'receive': {
        const { receivedAt, visibleAt } = change;
        return queue.put({ ...message, receiveCount: message.receiveCount + 1, firstReceivedAt: message.firstReceivedAt ?? receivedAt, lastReceivedAt: receivedAt, visibleAt });
      }
      case 'hide':
        return message.receiveCount === change.receiveCount ? queue.put({ ...message, visibleAt: change.visibleAt }) : undefined;
      case 'bury':
        queue.delete(message.messageId);
        return this.queue(change.deadLetterQueue).put({ ...message, visibleAt: change.buriedAt, deadLetterSourceArn: change.sourceArn });
      case 'delete':
        return queue.delete(message.messageId);
    }
  }

  *#snapshot(): Generator<Change> {
    for (const [name, queue] of this.#queues) {
      const settings = this.settings.get(name);
      for (const message of queue.all()) {
        if (settings === undefined || message.sentAt >= this.oldestKept(settings)) yield { kind: 'send', queue: name, message };
      }
    }
  }
}
