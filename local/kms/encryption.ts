import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { KmsError } from './errors.ts';
import type { EncryptionContext } from './input.ts';
import type { EncryptionKey } from './key.ts';

// version (1) | key id (16) | initialization vector (12) | tag (16) | what AES-256-GCM makes of the plaintext
const version = 1;
const headerBytes = 17;
const ivBytes = 12;
const tagBytes = 16;

/** Encrypts under the key so that only the same context decrypts; the ciphertext names the key. */
export function seal({ keyId, secretKey }: EncryptionKey, plaintext: Buffer, context: EncryptionContext): Buffer {
  const header = Buffer.concat([Buffer.of(version), Buffer.from(keyId.replaceAll('-', ''), 'hex')]);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', secretKey, iv, { authTagLength: tagBytes }).setAAD(additionalData(header, context));
  const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([header, iv, cipher.getAuthTag(), encrypted]);
}

/** The id of the key that a ciphertext names; InvalidCiphertextException if it is none of this KMS. */
export function keyIdOf(ciphertext: Buffer): string {
  if (ciphertext[0] !== version || ciphertext.length < headerBytes + ivBytes + tagBytes) throw invalidCiphertext();
  return ciphertext.toString('hex', 1, headerBytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The plaintext; InvalidCiphertextException if the ciphertext was changed, or made with another context. */
export function unseal({ secretKey }: EncryptionKey, ciphertext: Buffer, context: EncryptionContext): Buffer {
  const iv = ciphertext.subarray(headerBytes, headerBytes + ivBytes);
  const tag = ciphertext.subarray(headerBytes + ivBytes, headerBytes + ivBytes + tagBytes);
  const decipher = createDecipheriv('aes-256-gcm', secretKey, iv, { authTagLength: tagBytes })
    .setAAD(additionalData(ciphertext.subarray(0, headerBytes), context))
    .setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(ciphertext.subarray(headerBytes + ivBytes + tagBytes)), decipher.final()]);
  } catch {
    throw invalidCiphertext();
  }
}

// The order of a context's pairs does not matter. JSON, because it keeps apart what differs.
function additionalData(header: Buffer, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([header, Buffer.from(JSON.stringify(pairs))]);
}

// One error for all that can be wrong, as with AWS: which it was is nobody's business.
function invalidCiphertext(): KmsError {
  return new KmsError('InvalidCiphertextException', 'The ciphertext is not one that this KMS made with this encryption context.');
}
