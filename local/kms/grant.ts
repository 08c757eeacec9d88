import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { GrantOperation } from '@aws-sdk/client-kms';
import { constraintError, serializationError } from '../aws-json/errors.ts';
import { list, text, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';
import type { EncryptionContext } from './input.ts';
import type { Key } from './key.ts';
import type { KeyStore } from './key-store.ts';

/** What lets a principal use a key. Kept and returned, not enforced: this KMS has no principals. */
export interface Grant {
  /** 64 hexadecimal digits. */
  readonly grantId: string;
  readonly name?: string | undefined;
  readonly granteePrincipal: string;
  readonly retiringPrincipal?: string | undefined;
  readonly operations: readonly GrantOperation[];
  readonly constraints?: GrantConstraints | undefined;
  readonly createdAt: Date;
  /** 64 hexadecimal digits. Who does not have them makes no token of this grant. */
  readonly tokenSecret: string;
}

/** As in the request. */
export interface GrantConstraints {
  readonly EncryptionContextSubset?: EncryptionContext | undefined;
  readonly EncryptionContextEquals?: EncryptionContext | undefined;
  readonly SourceArn?: string | undefined;
}

const nonceBytes = 16;
const authenticatedBytes = 16 + 32 + nonceBytes;

/** A token of the grant, another one each time: the ids of key and grant and a nonce, under an HMAC. */
export function issueGrantToken({ keyId }: Key, { grantId, tokenSecret }: Grant): string {
  const authenticated = Buffer.concat([Buffer.from(keyId.replaceAll('-', ''), 'hex'), Buffer.from(grantId, 'hex'), randomBytes(nonceBytes)]);
  return Buffer.concat([authenticated, mac(authenticated, tokenSecret)]).toString('base64url');
}

/** The key and the grant that a token stands for; InvalidGrantTokenException where there is no such grant, or none any more. */
export function resolveGrantToken(keys: KeyStore, token: string): { key: Key; grant: Grant } {
  const bytes = Buffer.from(token, 'base64url');
  const authenticated = bytes.subarray(0, authenticatedBytes);
  const keyId = bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const key = keys.all().find((candidate) => candidate.keyId === keyId);
  const grant = key?.grants.get(bytes.toString('hex', 16, 48));
  if (key === undefined || grant === undefined || bytes.toString('base64url') !== token || !isSame(bytes.subarray(authenticatedBytes), mac(authenticated, grant.tokenSecret))) {
    throw new KmsError('InvalidGrantTokenException', 'The grant token is not one of a grant that there is.');
  }
  return { key, grant };
}

/** The member `GrantTokens` of the operations that grants permit: up to 10 tokens, each of a grant that there is. */
export function requireGrantTokens(keys: KeyStore, input: Input): void {
  const tokens = list(input, 'GrantTokens');
  if (tokens.length > 10) throw constraintError('grantTokens', undefined, 'Member must have length less than or equal to 10');
  for (const GrantToken of tokens) {
    const token = text({ GrantToken }, 'GrantToken', { min: 1, max: 8192 });
    if (token === undefined) throw serializationError('GrantTokens must have strings only.');
    resolveGrantToken(keys, token);
  }
}

function mac(authenticated: Buffer, tokenSecret: string): Buffer {
  return createHmac('sha256', Buffer.from(tokenSecret, 'hex')).update(authenticated).digest();
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
