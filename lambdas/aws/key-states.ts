import { KMSInvalidStateException, NotFoundException } from '@aws-sdk/client-kms';

/* What KMS's errors say of a key: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html */

/** KMS knows no such key: not yet, or no longer. */
export function isUnknownKey(error: unknown): boolean {
  return error instanceof NotFoundException;
}

/**
 * KMS is eventually consistent: a key may be unknown or "Creating" for a moment after CreateKey, and the SDK retries neither.
 * https://docs.aws.amazon.com/kms/latest/developerguide/programming-eventual-consistency.html
 */
export function isNotYetVisible(error: unknown): boolean {
  return isUnknownKey(error) || error instanceof KMSInvalidStateException;
}

/** The key's deletion is scheduled already. The same error says of a key that it is still being created. */
export function isPendingDeletion(error: unknown): boolean {
  return error instanceof KMSInvalidStateException && /pending deletion/i.test(error.message);
}
