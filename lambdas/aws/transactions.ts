import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { TransactWriteCommand, type DynamoDBDocumentClient, type TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { Refusal } from '../authority/errors.ts';
import { callingDynamodb } from './failures.ts';
import { retrying } from './retry.ts';

export type TransactWrite = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** The transaction was written, or these of its actions (by index) had conditions that did not hold and nothing was. */
export type TransactionOutcome = { readonly written: true } | { readonly written: false; readonly failedConditions: readonly number[] };

const passingReasons = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** How contended items are tried again: with these numbers for about a second. The SDK repeats none of these failures. */
export const contention = { attempts: 7, baseDelayMilliseconds: 10 };

/**
 * Writes all of `actions` or none. A transaction that met another on the same item is repeated for about a second.
 * @param clientRequestToken makes repetitions within ten minutes harmless, those of a lost answer included.
 * @throws Refusal REGISTRY_UNAVAILABLE where the items stay contended or DynamoDB cannot be reached.
 */
export async function transact(client: DynamoDBDocumentClient, actions: TransactWrite[], clientRequestToken?: string): Promise<TransactionOutcome> {
  const command = () => new TransactWriteCommand({ TransactItems: actions, ClientRequestToken: clientRequestToken });
  try {
    await callingDynamodb(() => retrying(() => client.send(command()), isContention, contention));
    return { written: true };
  } catch (error) {
    const reasons = cancellationReasons(error);
    const failedConditions = reasons.flatMap((reason, index) => (reason === 'ConditionalCheckFailed' ? [index] : []));
    if (failedConditions.length > 0) return { written: false, failedConditions };
    if (isContention(error)) throw new Refusal('REGISTRY_UNAVAILABLE', 'Too many requests change the same record at the moment. Nothing was changed; try again shortly.', { cause: error });
    throw error;
  }
}

/** Whether a write failed only because another one was at the same item. */
export function isContention(error: unknown): boolean {
  if (error instanceof Error && error.name === 'TransactionConflictException') return true;
  const reasons = cancellationReasons(error);
  return reasons.some((reason) => passingReasons.has(reason)) && !reasons.includes('ConditionalCheckFailed');
}

function cancellationReasons(error: unknown): string[] {
  if (!(error instanceof TransactionCanceledException)) return [];
  return (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None');
}
