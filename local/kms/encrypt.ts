import { randomBytes } from 'node:crypto';
import { DataKeySpec, EncryptionAlgorithmSpec } from '@aws-sdk/client-kms';
import { blob, oneOf, required, text, wholeNumber, type Input } from '../aws-json/input.ts';
import { keyIdOf, seal, unseal } from './encryption.ts';
import { KmsError } from './errors.ts';
import { requireGrantTokens } from './grant.ts';
import { encryptionContext, keyReference, refuseDryRun } from './input.ts';
import { isSigningKey, requireEnabled, symmetricKeySpec, wrongUsage, type EncryptionKey, type Key } from './key.ts';
import type { KeyStore } from './key-store.ts';

/** KMS API Reference, Encrypt: of up to 4,096 bytes, with a symmetric key. */
export function encrypt(keys: KeyStore, input: Input): object {
  const reference = keyReference(input);
  const plaintext = required(blob(input, 'Plaintext', { min: 1, max: 4096 }), 'Plaintext');
  const context = encryptionContext(input, 'EncryptionContext') ?? {};
  const algorithm = readAlgorithm(input);
  requireGrantTokens(keys, input);
  const key = requireEncryptionKey(keys.find(reference), 'Encrypt', algorithm);
  refuseDryRun(input);
  return { CiphertextBlob: seal(key, plaintext, context).toString('base64'), KeyId: key.arn, EncryptionAlgorithm: algorithm };
}

/** KMS API Reference, Decrypt: the ciphertext says with which key, and the request may say with which alone. */
export function decrypt(keys: KeyStore, input: Input): object {
  refuseRecipient(input);
  const ciphertext = required(blob(input, 'CiphertextBlob', { min: 1, max: 6144 }), 'CiphertextBlob');
  const context = encryptionContext(input, 'EncryptionContext') ?? {};
  const reference = text(input, 'KeyId', { min: 1, max: 2048 });
  const algorithm = readAlgorithm(input);
  requireGrantTokens(keys, input);
  const named = reference === undefined ? undefined : requireEncryptionKey(keys.find(reference), 'Decrypt', algorithm);
  const keyId = keyIdOf(ciphertext);
  if (named !== undefined && named.keyId !== keyId) {
    throw new KmsError('IncorrectKeyException', 'The key ID in the request does not identify a CMK that can perform this operation.');
  }
  const key = named ?? requireEncryptionKey(findSealing(keys, keyId), 'Decrypt', algorithm);
  const plaintext = unseal(key, ciphertext, context);
  refuseDryRun(input);
  return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: algorithm };
}

/** KMS API Reference, GenerateDataKey: a key for use elsewhere, plain and encrypted. */
export function generateDataKey(keys: KeyStore, input: Input): object {
  refuseRecipient(input);
  const reference = keyReference(input);
  const context = encryptionContext(input, 'EncryptionContext') ?? {};
  const keySpec = oneOf(input, 'KeySpec', Object.values(DataKeySpec));
  const numberOfBytes = wholeNumber(input, 'NumberOfBytes', { min: 1, max: 1024 });
  if ((keySpec === undefined) === (numberOfBytes === undefined)) throw new KmsError('ValidationException', 'Please specify either number of bytes or key spec.');
  requireGrantTokens(keys, input);
  const key = requireEncryptionKey(keys.find(reference), 'GenerateDataKey', symmetricKeySpec);
  refuseDryRun(input);
  const dataKey = randomBytes(numberOfBytes ?? (keySpec === 'AES_128' ? 16 : 32));
  return { CiphertextBlob: seal(key, dataKey, context).toString('base64'), Plaintext: dataKey.toString('base64'), KeyId: key.arn };
}

/** KMS API Reference, GenerateRandom. */
export function generateRandom(_keys: KeyStore, input: Input): object {
  refuseRecipient(input);
  if (input['CustomKeyStoreId'] !== undefined) throw new KmsError('UnsupportedOperationException', 'This KMS has no custom key stores, so CustomKeyStoreId must be absent.');
  const numberOfBytes = required(wholeNumber(input, 'NumberOfBytes', { min: 1, max: 1024 }), 'NumberOfBytes');
  return { Plaintext: randomBytes(numberOfBytes).toString('base64') };
}

function readAlgorithm(input: Input): EncryptionAlgorithmSpec {
  return oneOf(input, 'EncryptionAlgorithm', Object.values(EncryptionAlgorithmSpec)) ?? symmetricKeySpec;
}

function requireEncryptionKey(key: Key, operation: string, algorithm: EncryptionAlgorithmSpec): EncryptionKey {
  requireEnabled(key);
  if (isSigningKey(key)) throw wrongUsage(key, operation);
  if (algorithm !== symmetricKeySpec) throw new KmsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${key.keySpec}.`);
  return key;
}

// Where only the ciphertext names the key, AWS does not tell one that is no more from one that is not the caller's.
function findSealing(keys: KeyStore, keyId: string): Key {
  try {
    return keys.find(keyId);
  } catch {
    throw new KmsError(
      'AccessDeniedException',
      'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    );
  }
}

function refuseRecipient(input: Input): void {
  if (input['Recipient'] !== undefined) throw new KmsError('UnsupportedOperationException', 'This KMS answers no enclaves, so Recipient must be absent.');
}
