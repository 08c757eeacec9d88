/*
 * What is remembered of a request that carries an Idempotency-Key: who may run it now, and in the end its answer. As with
 * the other ports (ports.ts), lambdas/aws implements it, and what conditions found comes back as a value.
 */

/** A request, with neither its key nor its body in the clear. */
export interface KeyedRequest {
  /** SHA-256, in hex, of the key and of all that it is good for: tenant, route and path. */
  readonly id: string;
  /** SHA-256, in hex, of the body. */
  readonly bodyHash: string;
}

/** One invocation that runs a request. */
export interface Attempt {
  readonly id: string;
  readonly startedAt: string;
  /** When it can no longer be running; from then on another may run the same request. */
  readonly leaseExpiresAt: string;
  /** When the key is forgotten. */
  readonly expiresAt: string;
}

export interface RecordedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

export type Admission =
  | { readonly admitted: true }
  | { readonly admitted: false; /** Of the request that the key came with first. */ readonly bodyHash: string; /** Absent while that is running. */ readonly answer: RecordedAnswer | undefined };

export interface RequestRecords {
  /**
   * Takes the key for an attempt: one conditional write. It succeeds where the key is unknown or forgotten, or came with the
   * same body and without an answer, and whoever ran the request is no longer at it.
   */
  admit(request: KeyedRequest, attempt: Attempt): Promise<Admission>;
  /** Notes the answer, unless another attempt has taken the key since. */
  recordAnswer(request: KeyedRequest, attempt: Attempt, answer: RecordedAnswer): Promise<void>;
  /** Lets the next attempt with the same body run at once. */
  release(request: KeyedRequest, attempt: Attempt): Promise<void>;
}
