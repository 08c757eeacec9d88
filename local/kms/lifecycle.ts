import { randomUUID } from 'node:crypto';
import { KeySpec as AwsKeySpec, KeyUsageType, OriginType } from '@aws-sdk/client-kms';
import { flag, oneOf, text, wholeNumber, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';
import { requireGrantTokens } from './grant.ts';
import { keyReference } from './input.ts';
import { isSigningKey, keyUsage, kmsArn, modulusBits, requireNotPendingDeletion, symmetricKeySpec, type Key, type KeySpec, type KeyState, type RsaKeySpec } from './key.ts';
import type { KeyStore } from './key-store.ts';
import { page } from './paging.ts';
import { readPolicy } from './policy.ts';
import { signingAlgorithms } from './signing.ts';
import { readTags } from './tags.ts';

const dayMilliseconds = 86_400_000;

/** KMS API Reference, CreateKey: of the keys of AWS, RSA keys that sign and symmetric keys that encrypt, made and kept by KMS in one region. */
export async function createKey(keys: KeyStore, input: Input): Promise<object> {
  const keySpec = readKeySpec(input);
  const description = text(input, 'Description', { max: 8192 }) ?? '';
  const policy = readPolicy(input, keys.owner);
  const tags = readTags(input);
  flag(input, 'BypassPolicyLockoutSafetyCheck');

  const keyId = randomUUID();
  const key: Key = {
    keyId,
    arn: kmsArn(keys.owner, `key/${keyId}`),
    description,
    policy,
    createdAt: keys.clock(),
    tags,
    grants: new Map(),
    state: { name: 'Enabled' },
    ...(await keys.newMaterial(keySpec)),
  };
  await keys.add(key);
  return { KeyMetadata: keyMetadata(keys, key) };
}

/** KMS API Reference, DescribeKey. */
export function describeKey(keys: KeyStore, input: Input): object {
  requireGrantTokens(keys, input);
  return { KeyMetadata: keyMetadata(keys, keys.find(keyReference(input))) };
}

/** KMS API Reference, ListKeys: at most 1,000 at a time, 100 by default, those pending deletion included. */
export function listKeys(keys: KeyStore, input: Input): object {
  const limit = wholeNumber(input, 'Limit', { min: 1, max: 1000 }) ?? 100;
  const marker = text(input, 'Marker', { min: 1, max: 1024 });
  const { items, nextMarker } = page(keys.all(), ({ keyId }) => keyId, limit, marker);
  return {
    Keys: items.map(({ keyId, arn }) => ({ KeyId: keyId, KeyArn: arn })),
    Truncated: nextMarker !== undefined,
    NextMarker: nextMarker,
  };
}

/** KMS API Reference, EnableKey. */
export async function enableKey(keys: KeyStore, input: Input): Promise<void> {
  await changeState(keys, input, { name: 'Enabled' });
}

/** KMS API Reference, DisableKey. */
export async function disableKey(keys: KeyStore, input: Input): Promise<void> {
  await changeState(keys, input, { name: 'Disabled' });
}

/** KMS API Reference, ScheduleKeyDeletion: the key is out of use at once, and destroyed after 7 to 30 days. */
export async function scheduleKeyDeletion(keys: KeyStore, input: Input): Promise<object> {
  const pendingWindowInDays = wholeNumber(input, 'PendingWindowInDays', { min: 7, max: 30 }) ?? 30;
  const deletionDate = new Date(keys.clock().getTime() + pendingWindowInDays * dayMilliseconds);
  const { arn } = await changeState(keys, input, { name: 'PendingDeletion', deletionDate });
  return { KeyId: arn, DeletionDate: epochSeconds(deletionDate), KeyState: 'PendingDeletion', PendingWindowInDays: pendingWindowInDays };
}

/** KMS API Reference, CancelKeyDeletion: the key comes back disabled, whatever it was before. */
export async function cancelKeyDeletion(keys: KeyStore, input: Input): Promise<object> {
  const { arn } = await keys.change(keyReference(input), (key) => {
    if (key.state.name !== 'PendingDeletion') throw new KmsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
    return { ...key, state: { name: 'Disabled' } };
  });
  return { KeyId: arn };
}

async function changeState(keys: KeyStore, input: Input, state: KeyState): Promise<Key> {
  return keys.change(keyReference(input), (key) => {
    requireNotPendingDeletion(key);
    return { ...key, state };
  });
}

const createdKeySpecs: readonly KeySpec[] = [...(Object.keys(modulusBits) as RsaKeySpec[]), symmetricKeySpec];

function readKeySpec(input: Input): KeySpec {
  const asked =
    oneOf(input, 'KeySpec', Object.values(AwsKeySpec)) ?? oneOf(input, 'CustomerMasterKeySpec', Object.values(AwsKeySpec)) ?? AwsKeySpec.SYMMETRIC_DEFAULT;
  const keySpec = createdKeySpecs.find((candidate) => candidate === asked);
  if (keySpec === undefined) throw unsupported(`This KMS creates keys of KeySpec ${createdKeySpecs.join(', ')}, not ${asked}.`);

  const usage = oneOf(input, 'KeyUsage', Object.values(KeyUsageType));
  if (keySpec === symmetricKeySpec) {
    if (usage !== undefined && usage !== 'ENCRYPT_DECRYPT') throw new KmsError('ValidationException', `KeyUsage ${usage} is not compatible with KeySpec ${keySpec}.`);
  } else {
    if (usage === undefined) throw new KmsError('ValidationException', 'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.');
    if (usage !== 'SIGN_VERIFY') throw unsupported(`This KMS creates keys of KeySpec ${keySpec} with KeyUsage SIGN_VERIFY, not ${usage}.`);
  }
  if ((oneOf(input, 'Origin', Object.values(OriginType)) ?? 'AWS_KMS') !== 'AWS_KMS') throw unsupported('This KMS creates keys of Origin AWS_KMS only.');
  if (flag(input, 'MultiRegion')) throw unsupported('This KMS creates no multi-Region keys.');
  for (const member of ['CustomKeyStoreId', 'XksKeyId']) {
    if (input[member] !== undefined) throw unsupported(`This KMS has no custom key stores, so ${member} must be absent.`);
  }
  return keySpec;
}

function keyMetadata({ owner }: KeyStore, key: Key): object {
  const { keyId, arn, keySpec, description, createdAt, state } = key;
  return {
    AWSAccountId: owner.accountId,
    KeyId: keyId,
    Arn: arn,
    CreationDate: epochSeconds(createdAt),
    Enabled: state.name === 'Enabled',
    Description: description,
    KeyUsage: keyUsage(key),
    KeyState: state.name,
    DeletionDate: state.name === 'PendingDeletion' ? epochSeconds(state.deletionDate) : undefined,
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: keySpec,
    KeySpec: keySpec,
    ...(isSigningKey(key) ? { SigningAlgorithms: signingAlgorithms } : { EncryptionAlgorithms: [symmetricKeySpec] }),
    MultiRegion: false,
  };
}

// AWS JSON 1.1 writes timestamps as seconds since 1970, with a fraction.
function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}

function unsupported(message: string): KmsError {
  return new KmsError('UnsupportedOperationException', message);
}
