import { oneOf, text, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';
import { keyReference } from './input.ts';
import type { KeyOwner } from './key.ts';
import type { KeyStore } from './key-store.ts';

const maximumPolicyBytes = 32 * 1024;

/** KMS API Reference, GetKeyPolicy. Policies are kept and returned, not enforced: this KMS has no principals. */
export function getKeyPolicy(keys: KeyStore, input: Input): object {
  const PolicyName = oneOf(input, 'PolicyName', ['default']) ?? 'default';
  return { Policy: keys.find(keyReference(input)).policy, PolicyName };
}

/** The member `Policy` of CreateKey, or AWS's default key policy; MalformedPolicyDocumentException unless a JSON object of at most 32 KiB. */
export function readPolicy(input: Input, owner: KeyOwner): string {
  const policy = text(input, 'Policy', { min: 1, max: Infinity });
  if (policy === undefined) return defaultPolicy(owner);
  if (Buffer.byteLength(policy) > maximumPolicyBytes) throw malformed(`A key policy has at most ${maximumPolicyBytes} bytes.`);
  if (!isJsonObject(policy)) throw malformed('A key policy is a JSON object.');
  return policy;
}

function isJsonObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

// KMS Developer Guide, "Default key policy", as given to keys created by API.
function defaultPolicy({ accountId }: KeyOwner): string {
  const Statement = [
    { Sid: 'Enable IAM User Permissions', Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: 'kms:*', Resource: '*' },
  ];
  return JSON.stringify({ Version: '2012-10-17', Id: 'key-default-1', Statement });
}

function malformed(message: string): KmsError {
  return new KmsError('MalformedPolicyDocumentException', message);
}
