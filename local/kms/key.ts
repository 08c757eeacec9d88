import { createPublicKey, createSecretKey, generateKeyPair, randomBytes, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { KmsError } from './errors.ts';
import type { Grant } from './grant.ts';

/** The specs of the signing keys this KMS creates, and the length of their modulus in bits. */
export const modulusBits = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 } as const;
export type RsaKeySpec = keyof typeof modulusBits;

/** The spec of its encryption keys: AES-256. */
export const symmetricKeySpec = 'SYMMETRIC_DEFAULT';
const symmetricKeyBytes = 32;

export type KeySpec = RsaKeySpec | typeof symmetricKeySpec;

/** The states a key can have. KMS Developer Guide, "Key states of AWS KMS keys". */
export type KeyState =
  | { readonly name: 'Enabled' | 'Disabled' }
  | { readonly name: 'PendingDeletion'; readonly deletionDate: Date };

interface Description {
  readonly keyId: string;
  readonly arn: string;
  readonly description: string;
  readonly policy: string;
  readonly createdAt: Date;
  readonly tags: ReadonlyMap<string, string>;
  /** By their ids. */
  readonly grants: ReadonlyMap<string, Grant>;
  readonly state: KeyState;
}

export interface SigningMaterial {
  readonly keySpec: RsaKeySpec;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface EncryptionMaterial {
  readonly keySpec: typeof symmetricKeySpec;
  readonly secretKey: KeyObject;
}

export type SigningKey = Description & SigningMaterial;
export type EncryptionKey = Description & EncryptionMaterial;

/** A key with its material. Never changed in place: a change makes a new one, which counts once it is stored. */
export type Key = SigningKey | EncryptionKey;

/** The account and region all keys of one KMS belong to. */
export interface KeyOwner {
  readonly region: string;
  readonly accountId: string;
}

/** The ARN of a key (`key/<id>`) or alias (`alias/<name>`) of this owner. */
export function kmsArn({ region, accountId }: KeyOwner, resource: `key/${string}` | `alias/${string}`): string {
  return `arn:aws:kms:${region}:${accountId}:${resource}`;
}

/** Where the private keys of new signing keys come from: PKCS#8 in DER. */
export type KeyMaterialSource = (keySpec: RsaKeySpec) => Promise<Uint8Array>;

/** New key material. RSA keys are made in the thread pool, so that parallel calls share the processors. */
export async function generateKeyMaterial(keySpec: KeySpec): Promise<SigningMaterial | EncryptionMaterial> {
  if (keySpec === symmetricKeySpec) return { keySpec, secretKey: createSecretKey(randomBytes(symmetricKeyBytes)) };
  return { keySpec, ...(await promisify(generateKeyPair)('rsa', { modulusLength: modulusBits[keySpec], publicExponent: 65_537 })) };
}

/** Both halves of the material of a stored private key; an Error if it is not of `keySpec`. */
export function signingMaterial(privateKey: KeyObject, keySpec: RsaKeySpec): SigningMaterial {
  if (privateKey.asymmetricKeyType !== 'rsa' || privateKey.asymmetricKeyDetails?.modulusLength !== modulusBits[keySpec]) {
    throw new Error(`its private key is not ${keySpec}`);
  }
  return { keySpec, privateKey, publicKey: createPublicKey(privateKey) };
}

/** The material of a stored secret key; an Error if it has another length. */
export function encryptionMaterial(secret: Buffer): EncryptionMaterial {
  if (secret.length !== symmetricKeyBytes) throw new Error(`its secret key is not ${symmetricKeySpec}`);
  return { keySpec: symmetricKeySpec, secretKey: createSecretKey(secret) };
}

export function isSigningKey(key: Key): key is SigningKey {
  return key.keySpec !== symmetricKeySpec;
}

export function keyUsage(key: Key): 'SIGN_VERIFY' | 'ENCRYPT_DECRYPT' {
  return isSigningKey(key) ? 'SIGN_VERIFY' : 'ENCRYPT_DECRYPT';
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

/** The InvalidKeyUsageException for an operation of the keys of the other usage. */
export function wrongUsage(key: Key, operation: string): KmsError {
  return new KmsError('InvalidKeyUsageException', `${key.arn} key usage is ${keyUsage(key)} which is not valid for ${operation}.`);
}
