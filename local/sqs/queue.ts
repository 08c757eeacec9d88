import { Agenda } from './agenda.ts';
import type { Message } from './message.ts';

/** The messages of one queue, in memory. Times are in milliseconds since 1970. */
export class Queue {
  readonly #messages = new Map<string, Message>();
  // Each message at its `visibleAt`, but for those taken; and messages that have been replaced or deleted since.
  readonly #agenda = new Agenda<Message>();
  readonly #polls = new Set<(outcome: 'look' | 'end') => void>();
  #purgedAt = -Infinity;

  /** -Infinity where it was not. */
  get purgedAt(): number {
    return this.#purgedAt;
  }

  get(messageId: string): Message | undefined {
    return this.#messages.get(messageId);
  }

  all(): Iterable<Message> {
    return this.#messages.values();
  }

  /** Adds the message, or replaces it by what became of it. */
  put(message: Message): void {
    this.#messages.delete(message.messageId);
    // The last of all, as on the agenda: a snapshot keeps the order of those visible at once.
    this.#messages.set(message.messageId, message);
    this.#expect(message);
  }

  delete(messageId: string): void {
    this.#messages.delete(messageId);
  }

  purge(now: number): void {
    this.#messages.clear();
    this.#purgedAt = now;
  }

  /** A message that is visible, the one that has been so for longest; nobody else gets it until it is put or given back. Drops those sent before `oldest`. */
  take(now: number, oldest: number): Message | undefined {
    for (let message = this.#next(); message !== undefined && message.visibleAt <= now; message = this.#next()) {
      this.#agenda.removeFirst();
      if (message.sentAt >= oldest) return message;
      this.delete(message.messageId);
    }
    return undefined;
  }

  /** Nothing became of it. */
  giveBack(message: Message): void {
    if (this.#holds(message)) this.#expect(message);
  }

  /** Resolves, within the time, once there may be a message to take; with `end` where it is not to be waited for any longer. */
  async poll(now: number, milliseconds: number, signal: AbortSignal): Promise<'look' | 'end'> {
    if (signal.aborted) return 'end';
    const untilVisible = Math.max(0, (this.#next()?.visibleAt ?? Infinity) - now);
    return new Promise((resolve) => {
      const finish = (outcome: 'look' | 'end') => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#polls.delete(finish);
        resolve(outcome);
      };
      const abort = () => finish('end');
      const timer = setTimeout(() => finish('look'), Math.min(milliseconds, untilVisible));
      signal.addEventListener('abort', abort);
      this.#polls.add(finish);
    });
  }

  /** Sends everybody away who waits. */
  endPolls(): void {
    for (const finish of [...this.#polls]) finish('end');
  }

  #expect(message: Message): void {
    this.#agenda.add(message.visibleAt, message);
    for (const finish of [...this.#polls]) finish('look');
  }

  /** The message that is visible next, which is then the agenda's first. */
  #next(): Message | undefined {
    while (this.#agenda.first !== undefined && !this.#holds(this.#agenda.first)) this.#agenda.removeFirst();
    return this.#agenda.first;
  }

  #holds(message: Message): boolean {
    return this.#messages.get(message.messageId) === message;
  }
}
