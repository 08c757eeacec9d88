import type { Input } from '../aws-json/input.ts';
import { decrypt, encrypt, generateDataKey, generateRandom } from './encrypt.ts';
import { createGrant, listGrants, retireGrant, revokeGrant } from './grants.ts';
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

type KeyOperation = (keys: KeyStore, input: Input) => object | Promise<object> | Promise<void>;

/** The operations of KMS that there are here, by name. */
export const operations: ReadonlyMap<string, KeyOperation> = new Map<string, KeyOperation>([
  ['CancelKeyDeletion', cancelKeyDeletion],
  ['CreateGrant', createGrant],
  ['CreateKey', createKey],
  ['Decrypt', decrypt],
  ['DescribeKey', describeKey],
  ['DisableKey', disableKey],
  ['EnableKey', enableKey],
  ['Encrypt', encrypt],
  ['GenerateDataKey', generateDataKey],
  ['GenerateRandom', generateRandom],
  ['GetKeyPolicy', getKeyPolicy],
  ['GetPublicKey', getPublicKey],
  ['ListGrants', listGrants],
  ['ListKeys', listKeys],
  ['ListResourceTags', listResourceTags],
  ['RetireGrant', retireGrant],
  ['RevokeGrant', revokeGrant],
  ['ScheduleKeyDeletion', scheduleKeyDeletion],
  ['Sign', signMessage],
  ['TagResource', tagResource],
  ['UntagResource', untagResource],
  ['Verify', verifySignature],
]);
