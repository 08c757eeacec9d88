import { serializationError } from '../aws-json/errors.ts';
import { flag, members, required, text, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';

/** The encryption context of a request: what must be named again to decrypt. Not secret. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** The member `KeyId` of every operation on a key: a key id or ARN, 1–2048 characters. */
export function keyReference(input: Input): string {
  return required(text(input, 'KeyId', { min: 1, max: 2048 }), 'KeyId');
}

/** The map of strings `name`; undefined when absent. */
export function encryptionContext(input: Input, name: string): EncryptionContext | undefined {
  const value = input[name] ?? undefined;
  if (value === undefined) return undefined;
  const context = members(value, name);
  if (!Object.values(context).every((pair) => typeof pair === 'string')) throw serializationError(`${name} must have strings only.`);
  return context as EncryptionContext;
}

/** Throws where the request asks only whether it would succeed; to be called where it would. */
export function refuseDryRun(input: Input): void {
  if (flag(input, 'DryRun')) throw new KmsError('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.');
}
