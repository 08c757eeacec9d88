import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { KmsError } from './errors.ts';

/** The key specs this KMS creates, and the length of their modulus in bits. */
export const modulusBits = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 } as const;
export type KeySpec = keyof typeof modulusBits;

/** The states an asymmetric key can have. KMS Developer Guide, "Key states of AWS KMS keys". */
export type KeyState =
  | { readonly name: 'Enabled' | 'Disabled' }
  | { readonly name: 'PendingDeletion'; readonly deletionDate: Date };

/** A key with its material. Never changed in place: a change makes a new one, which counts once it is stored. */
export interface Key {
  readonly keyId: string;
  readonly arn: string;
  readonly keySpec: KeySpec;
  readonly description: string;
  readonly policy: string;
  readonly createdAt: Date;
  readonly tags: ReadonlyMap<string, string>;
  readonly state: KeyState;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** The account and region all keys of one KMS belong to. */
export interface KeyOwner {
  readonly region: string;
  readonly accountId: string;
}

/** The ARN of a key (`key/<id>`) or alias (`alias/<name>`) of this owner. */
export function kmsArn({ region, accountId }: KeyOwner, resource: `key/${string}` | `alias/${string}`): string {
  return `arn:aws:kms:${region}:${accountId}:${resource}`;
}

/** Where the private keys of new keys come from: PKCS#8 in DER. */
export type KeyMaterialSource = (keySpec: KeySpec) => Promise<Uint8Array>;

/** New RSA key material. Runs in the thread pool, so that parallel calls share the processors. */
export async function generateKeyMaterial(keySpec: KeySpec): Promise<Pick<Key, 'privateKey' | 'publicKey'>> {
  return promisify(generateKeyPair)('rsa', { modulusLength: modulusBits[keySpec], publicExponent: 65_537 });
}

/** Both halves of the material of a stored private key; an Error if it is not of `keySpec`. */
export function keyMaterial(privateKey: KeyObject, keySpec: KeySpec): Pick<Key, 'privateKey' | 'publicKey'> {
  if (privateKey.asymmetricKeyType !== 'rsa' || privateKey.asymmetricKeyDetails?.modulusLength !== modulusBits[keySpec]) {
    throw new Error(`its private key is not ${keySpec}`);
  }
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** Whether the waiting period of a key's deletion is over: such a key no longer exists. */
export function isDeleted({ state }: Key, now: Date): boolean {
  return state.name === 'PendingDeletion' && state.deletionDate <= now;
}

/** Throws KMSInvalidStateException if the key is pending deletion. */
export function requireNotPendingDeletion({ arn, state }: Key): void {
  if (state.name === 'PendingDeletion') throw new KmsError('KMSInvalidStateException', `${arn} is pending deletion.`);
}

/** Throws unless the key may be used: DisabledException or KMSInvalidStateException, with the texts of the table of key states. */
export function requireEnabled(key: Key): void {
  requireNotPendingDeletion(key);
  if (key.state.name === 'Disabled') throw new KmsError('DisabledException', `${key.arn} is disabled.`);
}
