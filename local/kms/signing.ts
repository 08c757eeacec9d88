import { constants, privateEncrypt, publicDecrypt, sign, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { KmsError } from './errors.ts';

interface Scheme {
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly digestBytes: number;
  readonly padding: number;
}

const pkcs1 = constants.RSA_PKCS1_PADDING;
const pss = constants.RSA_PKCS1_PSS_PADDING;

// KMS Developer Guide, "Asymmetric key specs", "Supported signing algorithms for RSA key specs".
const schemes = {
  RSASSA_PSS_SHA_256: { hash: 'sha256', digestBytes: 32, padding: pss },
  RSASSA_PSS_SHA_384: { hash: 'sha384', digestBytes: 48, padding: pss },
  RSASSA_PSS_SHA_512: { hash: 'sha512', digestBytes: 64, padding: pss },
  RSASSA_PKCS1_V1_5_SHA_256: { hash: 'sha256', digestBytes: 32, padding: pkcs1 },
  RSASSA_PKCS1_V1_5_SHA_384: { hash: 'sha384', digestBytes: 48, padding: pkcs1 },
  RSASSA_PKCS1_V1_5_SHA_512: { hash: 'sha512', digestBytes: 64, padding: pkcs1 },
} as const satisfies Record<string, Scheme>;

// RFC 8017 §9.2 note 1: the DER of DigestInfo up to the digest itself.
const digestInfoPrefix = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

export type SigningAlgorithm = keyof typeof schemes;
export type MessageType = 'RAW' | 'DIGEST';

/** The signing algorithms of every RSA key, in AWS's order. */
export const signingAlgorithms = Object.keys(schemes) as readonly SigningAlgorithm[];

export function isSigningAlgorithm(name: string): name is SigningAlgorithm {
  return Object.hasOwn(schemes, name);
}

/** Throws unless `message` is what `messageType` says: ValidationException for a DIGEST of another length than the algorithm's. */
export function requireSignable(algorithm: SigningAlgorithm, messageType: MessageType, message: Buffer): void {
  if (messageType === 'RAW') return;
  if (message.length !== schemes[algorithm].digestBytes) throw new KmsError('ValidationException', `Digest is invalid length for algorithm ${algorithm}.`);
  if (schemes[algorithm].padding === pss) {
    // AWS signs these too; node:crypto cannot apply PSS to a digest, and this service has no use for it.
    throw new KmsError('UnsupportedOperationException', `This KMS signs with ${algorithm} only messages of MessageType RAW.`);
  }
}

/** The signature of a message that `requireSignable` has let pass. */
export async function createSignature(privateKey: KeyObject, algorithm: SigningAlgorithm, messageType: MessageType, message: Buffer): Promise<Buffer> {
  const { hash, padding } = schemes[algorithm];
  if (messageType === 'RAW') return promisify(sign)(hash, message, { key: privateKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
  // node:crypto signs messages, not digests; type 1 padding of the DigestInfo is EMSA-PKCS1-v1_5 (RFC 8017 §9.2).
  return privateEncrypt({ key: privateKey, padding }, Buffer.concat([digestInfoPrefix[hash], message]));
}

/** Whether `signature` is one of a message that `requireSignable` has let pass. */
export async function isSignature(publicKey: KeyObject, algorithm: SigningAlgorithm, messageType: MessageType, message: Buffer, signature: Buffer): Promise<boolean> {
  const { hash, padding } = schemes[algorithm];
  if (messageType === 'RAW') return promisify(verify)(hash, message, { key: publicKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
  try {
    return publicDecrypt({ key: publicKey, padding }, signature).equals(Buffer.concat([digestInfoPrefix[hash], message]));
  } catch {
    return false;
  }
}
