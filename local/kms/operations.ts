import { KmsError } from './errors.ts';
import type { Input } from './input.ts';
import type { KeyStore } from './key-store.ts';
import {
  cancelKeyDeletion,
  createKey,
  describeKey,
  disableKey,
  enableKey,
  listKeys,
  scheduleKeyDeletion,
} from './lifecycle.ts';
import { getKeyPolicy } from './policy.ts';
import { listResourceTags, tagResource, untagResource } from './tags.ts';
import { getPublicKey, signMessage, verifySignature } from './use.ts';

/** An operation takes the members of the request and returns those of the answer, if it has any. */
export type Operation = (keys: KeyStore, input: Input) => object | Promise<object> | Promise<void>;

const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['CancelKeyDeletion', cancelKeyDeletion],
  ['CreateKey', createKey],
  ['DescribeKey', describeKey],
  ['DisableKey', disableKey],
  ['EnableKey', enableKey],
  ['GetKeyPolicy', getKeyPolicy],
  ['GetPublicKey', getPublicKey],
  ['ListKeys', listKeys],
  ['ListResourceTags', listResourceTags],
  ['ScheduleKeyDeletion', scheduleKeyDeletion],
  ['Sign', signMessage],
  ['TagResource', tagResource],
  ['UntagResource', untagResource],
  ['Verify', verifySignature],
]);

/** An operation's name with what performs it, by an `X-Amz-Target` header: UnknownOperationException if it names none of KMS, UnsupportedOperationException if not one of ours. */
export function findOperation(target: string | undefined): { name: string; operation: Operation } {
  const name = /^TrentService\.(\w+)$/.exec(target ?? '')?.[1];
  if (name === undefined) throw new KmsError('UnknownOperationException', 'The X-Amz-Target header must be TrentService.<Operation>.');
  const operation = operations.get(name);
  if (operation === undefined) {
    throw new KmsError('UnsupportedOperationException', `This KMS does not implement ${name}; it implements ${[...operations.keys()].join(', ')}.`);
  }
  return { name, operation };
}
