import type { Reply } from '../support/runtime.ts';

/* What clients asked of the service and what they were answered, while it was killed again and again. */

export const deedKinds = [
  'register', 'update', 'certify', 'renew', 'revoke', 'halt', 'suspend', 'retire', 'sign', 'event', 'severe event', 'score', 'severe score', 'severe record', 'create webhook',
] as const;

export type DeedKind = (typeof deedKinds)[number];

/** One request. Times are ticks: of two, the earlier one happened before. */
export interface Deed {
  readonly kind: DeedKind;
  /** Which round it belongs to, from 1. */
  readonly round: number;
  readonly method: string;
  readonly path: string;
  readonly body: object;
  /** Whom it is about. */
  readonly agentId?: string;
  /** Which certificate, where it names one. */
  readonly certificateId?: string;
  /** Its Idempotency-Key. */
  readonly key?: string;
  readonly sentAt: number;
  /** When it was answered, or could no longer be: whatever it does after that, it does because of what it had written before. */
  endedAt: number;
  /** Undefined where it was not answered; of a record written to the risk table itself, what DynamoDB said. */
  reply?: Pick<Reply, 'status' | 'body'>;
  /** Whether it was sent again, under its key: what it did the first time, its answer need not tell. */
  isRepeated?: boolean;
  /** Whether its answer could not be kept for its repetition, because the database ended in between. */
  isUnkept?: boolean;
}

/** Without what the history adds. */
export type Request = Omit<Deed, 'round' | 'sentAt' | 'endedAt' | 'reply' | 'isRepeated' | 'isUnkept'>;

export interface History {
  readonly deeds: readonly Deed[];
  /** In which round the next requests are. */
  round: number;
  /** Sends a request and notes what comes of it; answers the deed, with or without a reply. */
  note(request: Request, send: Send): Promise<Deed>;
  /** The same for a deed that was not answered, sent again: it then lasts from the first sending to the last answer. */
  repeat(deed: Deed, send: Send): Promise<void>;
}

type Send = () => Promise<Pick<Reply, 'status' | 'body'>>;

export function openHistory(): History {
  const deeds: Deed[] = [];
  let tick = 0;

  async function attempt(deed: Deed, send: Send): Promise<void> {
    try {
      const { status, body } = await send();
      deed.reply = { status, body };
    } catch (error) {
      if (!isLost(error)) throw error;
    } finally {
      deed.endedAt = ++tick;
    }
  }

  return {
    deeds,
    round: 1,
    async note(request, send) {
      const deed: Deed = { ...request, round: this.round, sentAt: ++tick, endedAt: Infinity };
      deeds.push(deed);
      await attempt(deed, send);
      return deed;
    },
    repeat(deed, send) {
      deed.isRepeated = true;
      return attempt(deed, send);
    },
  };
}

/** That a request was not answered, where that does not show in the error itself. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

/** Whether an answer did not come because there was nobody any more to give it. */
export function isLost(error: unknown): boolean {
  if (error instanceof Unanswered) return true;
  const { message = '', code = '', cause } = error as { message?: string; code?: string; cause?: unknown };
  return message === 'fetch failed' || message === 'terminated' || /^(ECONN|EPIPE|UND_ERR_SOCKET)/.test(code) || (cause !== undefined && isLost(cause));
}

/** Whether it was answered that it is done. */
export const isDone = ({ reply }: Deed): boolean => reply !== undefined && reply.status >= 200 && reply.status < 300;

/** What it was answered, where that is that it is done. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are read field by field
export const dataOf = ({ reply }: Deed): any => reply?.body.data;

/** Whether it was answered that it is not done and was not: 5xx, what says to try again, and a second attempt leave that open. */
export const isRefused = ({ reply, isRepeated = false }: Deed): boolean => reply !== undefined && reply.status >= 400 && reply.status < 500 && !isRepeated && !isInProgress(reply);

/** Whether the first request with that key is said to be running still. */
export const isInProgress = (reply: Deed['reply']): boolean => reply?.status === 409 && reply.body.code === 'REQUEST_IN_PROGRESS';
