import { MessageType, SigningAlgorithmSpec } from '@aws-sdk/client-kms';
import { blob, oneOf, required, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';
import { requireGrantTokens } from './grant.ts';
import { keyReference, refuseDryRun } from './input.ts';
import { isSigningKey, requireEnabled, wrongUsage, type Key } from './key.ts';
import type { KeyStore } from './key-store.ts';
import { createSignature, isSignature, isSigningAlgorithm, requireSignable, signingAlgorithms } from './signing.ts';

/** KMS API Reference, GetPublicKey: the public key as a DER SubjectPublicKeyInfo (RFC 5280). */
export function getPublicKey(keys: KeyStore, input: Input): object {
  requireGrantTokens(keys, input);
  const key = keys.find(keyReference(input));
  requireEnabled(key);
  if (!isSigningKey(key)) throw new KmsError('UnsupportedOperationException', `${key.arn} is of key spec ${key.keySpec}, which has no public key.`);
  return {
    KeyId: key.arn,
    PublicKey: key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    CustomerMasterKeySpec: key.keySpec,
    KeySpec: key.keySpec,
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: signingAlgorithms,
  };
}

/** KMS API Reference, Sign: the signature of a message of up to 4,096 bytes, or of a digest of any message. */
export async function signMessage(keys: KeyStore, input: Input): Promise<object> {
  const { key, algorithm, messageType, message } = readSigning(keys, input, 'Sign');
  refuseDryRun(input);
  const signature = await createSignature(key.privateKey, algorithm, messageType, message);
  return { KeyId: key.arn, Signature: signature.toString('base64'), SigningAlgorithm: algorithm };
}

/** KMS API Reference, Verify: answers only if the signature is right; KMSInvalidSignatureException otherwise. */
export async function verifySignature(keys: KeyStore, input: Input): Promise<object> {
  const signature = required(blob(input, 'Signature', { min: 1, max: 6144 }), 'Signature');
  const { key, algorithm, messageType, message } = readSigning(keys, input, 'Verify');
  refuseDryRun(input);
  if (!(await isSignature(key.publicKey, algorithm, messageType, message, signature))) {
    throw new KmsError('KMSInvalidSignatureException', 'The signature is not one of this message by this key with this algorithm.');
  }
  return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: algorithm };
}

// What Sign and Verify share, checked in AWS's order: the request, then the key, then what the key can do with the request.
function readSigning(keys: KeyStore, input: Input, operation: string) {
  const reference = keyReference(input);
  const message = required(blob(input, 'Message', { min: 1, max: 4096 }), 'Message');
  const messageType = oneOf(input, 'MessageType', Object.values(MessageType)) ?? 'RAW';
  const algorithm = required(oneOf(input, 'SigningAlgorithm', Object.values(SigningAlgorithmSpec)), 'SigningAlgorithm');
  requireGrantTokens(keys, input);
  const key = keys.find(reference);
  requireEnabled(key);
  if (!isSigningKey(key)) throw wrongUsage(key, operation);
  if (!isSigningAlgorithm(algorithm)) throw incompatible('InvalidKeyUsageException', `Algorithm ${algorithm}`, key);
  if (messageType === 'EXTERNAL_MU') throw incompatible('ValidationException', `Message type ${messageType}`, key);
  requireSignable(algorithm, messageType, message);
  return { key, algorithm, messageType, message };
}

function incompatible(type: 'InvalidKeyUsageException' | 'ValidationException', what: string, { keySpec }: Key): KmsError {
  return new KmsError(type, `${what} is incompatible with key spec ${keySpec}.`);
}
