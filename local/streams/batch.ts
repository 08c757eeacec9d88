import type { DynamoDBRecord } from 'aws-lambda';

/** What an event source mapping does with a batch that fails, in Lambda's own terms. */
export interface FailurePolicy {
  /** Retries after the first attempt; -1 for ever. */
  readonly maximumRetryAttempts: number;
  readonly bisectBatchOnError: boolean;
}

export interface BatchActions {
  /** Calls the function; its result is read as `ReportBatchItemFailures` says. */
  invoke(records: readonly DynamoDBRecord[]): Promise<unknown>;
  /** Everything up to and including this record is dealt with, and will not be read again. */
  checkpoint(record: DynamoDBRecord): Promise<void>;
  /** Takes records that are given up; once this returns they must not get lost. */
  bury(records: readonly DynamoDBRecord[], attempts: number, cause: unknown): Promise<void>;
  /** Waits before retry number `retry`, 1 being the first; rejects to give up waiting. */
  backOff(retry: number): Promise<void>;
}

interface Part {
  readonly records: readonly DynamoDBRecord[];
  /** Attempts that failed, not counting those that only led to a split or a shorter batch. */
  readonly failures: number;
}

/**
 * Takes a batch to its end: every record was in an invocation that succeeded, or is buried. In order, and at least once.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export async function processBatch(records: readonly DynamoDBRecord[], policy: FailurePolicy, actions: BatchActions): Promise<void> {
  const parts: Part[] = [{ records, failures: 0 }];
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const { cause, index } = await attempt(part.records, actions);
    if (index === undefined) {
      await checkpointLast(part.records, actions);
      continue;
    }
    if (index > 0) {
      // The lowest failed sequence number is the checkpoint: retry from there, as a batch of its own.
      await checkpointLast(part.records.slice(0, index), actions);
      parts.unshift({ records: part.records.slice(index), failures: 0 });
    } else if (policy.bisectBatchOnError && part.records.length > 1) {
      // Splitting does not count towards the retry quota.
      const middle = Math.ceil(part.records.length / 2);
      parts.unshift(
        { records: part.records.slice(0, middle), failures: part.failures },
        { records: part.records.slice(middle), failures: part.failures },
      );
    } else if (policy.maximumRetryAttempts >= 0 && part.failures >= policy.maximumRetryAttempts) {
      await actions.bury(part.records, part.failures + 1, cause);
      await checkpointLast(part.records, actions);
    } else {
      await actions.backOff(part.failures + 1);
      parts.unshift({ records: part.records, failures: part.failures + 1 });
    }
  }
}

/** The index of the first record that failed, undefined where none did. */
async function attempt(records: readonly DynamoDBRecord[], actions: BatchActions): Promise<{ index: number | undefined; cause?: unknown }> {
  try {
    const index = firstFailure(records, await actions.invoke(records));
    return { index, cause: new Error('The function reported these records as failed.') };
  } catch (cause) {
    return { index: 0, cause };
  }
}

/** Null or empty answers and lists are successes; an identifier that is empty, missing or not of this batch fails the whole of it. */
function firstFailure(records: readonly DynamoDBRecord[], result: unknown): number | undefined {
  const failures = (result as { batchItemFailures?: unknown } | null | undefined)?.batchItemFailures ?? [];
  if (!Array.isArray(failures)) return 0;
  const indexes = failures.map((failure: { itemIdentifier?: unknown } | null) => {
    const identifier = failure?.itemIdentifier;
    return typeof identifier === 'string' ? records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === identifier) : -1;
  });
  return indexes.length === 0 ? undefined : Math.max(0, Math.min(...indexes));
}

async function checkpointLast(records: readonly DynamoDBRecord[], actions: BatchActions): Promise<void> {
  const last = records.at(-1);
  if (last !== undefined) await actions.checkpoint(last);
}
