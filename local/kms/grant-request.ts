import { GrantOperation } from '@aws-sdk/client-kms';
import { constraintError } from '../aws-json/errors.ts';
import { list, members, oneOf, required, text, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';
import type { Grant, GrantConstraints } from './grant.ts';
import { encryptionContext } from './input.ts';
import { isSigningKey, type Key } from './key.ts';

// KMS Developer Guide, "Grant operations".
const operationsOfAll: readonly GrantOperation[] = ['CreateGrant', 'RetireGrant', 'DescribeKey'];
const signingOperations: readonly GrantOperation[] = [...operationsOfAll, 'Sign', 'Verify', 'GetPublicKey'];
const encryptionOperations: readonly GrantOperation[] = [
  ...operationsOfAll, 'Encrypt', 'Decrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo',
];

// IAM User Guide, "IAM ARNs": an account, a user, a role, a federated user, an assumed role.
const principalArn = /^arn:aws:(iam::\d{12}:(root|(user|role)\/[\w+=,.@/-]+)|sts::\d{12}:(federated-user|assumed-role)\/[\w+=,.@/-]+)$/;

export type WantedGrant = Omit<Grant, 'grantId' | 'createdAt' | 'tokenSecret'>;

/** The members of CreateGrant that make the grant. */
export function readGrant(input: Input): WantedGrant {
  refuseServicePrincipals(input);
  const operations = list(input, 'Operations').map((Operations) => required(oneOf({ Operations }, 'Operations', Object.values(GrantOperation)), 'Operations'));
  if (operations.length === 0) {
    throw (input['Operations'] ?? undefined) === undefined
      ? constraintError('operations', null, 'Member must not be null')
      : constraintError('operations', '[]', 'Member must have length greater than or equal to 1');
  }
  const name = text(input, 'Name', { min: 1, max: 256 });
  if (name !== undefined && !/^[a-zA-Z0-9:/_-]+$/.test(name)) throw constraintError('name', name, 'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$');
  return {
    name,
    granteePrincipal: required(readPrincipal(input, 'GranteePrincipal'), 'GranteePrincipal'),
    retiringPrincipal: readPrincipal(input, 'RetiringPrincipal'),
    operations: [...new Set(operations)],
    constraints: readConstraints(input),
  };
}

function readConstraints(input: Input): GrantConstraints | undefined {
  if ((input['Constraints'] ?? undefined) === undefined) return undefined;
  const constraints = members(input['Constraints'], 'Constraints');
  const [EncryptionContextSubset, EncryptionContextEquals] = ['EncryptionContextSubset', 'EncryptionContextEquals'].map((name) => {
    const context = encryptionContext(constraints, name);
    if (context === undefined) return undefined;
    if (Object.keys(context).length > 8) throw new KmsError('ValidationException', `${name} has at most 8 pairs.`);
    if (Object.values(context).some((value) => value.length > 384)) throw new KmsError('ValidationException', `The values of ${name} have at most 384 characters.`);
    return context;
  });
  return { EncryptionContextSubset, EncryptionContextEquals, SourceArn: text(constraints, 'SourceArn', { min: 1, max: 512 }) };
}

/** Throws a ValidationException where the grant permits what nobody can do with the key, or under conditions that it has not. */
export function requireSupported(key: Key, { operations, constraints }: WantedGrant): void {
  const supported = isSigningKey(key) ? signingOperations : encryptionOperations;
  const other = operations.find((operation) => !supported.includes(operation));
  if (other !== undefined) throw new KmsError('ValidationException', `A grant of a key of key spec ${key.keySpec} cannot permit ${other}; it can permit ${supported.join(', ')}.`);
  if (isSigningKey(key) && (constraints?.EncryptionContextEquals ?? constraints?.EncryptionContextSubset) !== undefined) {
    throw new KmsError('ValidationException', `Operations with a key of key spec ${key.keySpec} have no encryption context, so no grant of it can be constrained to one.`);
  }
}

/** The ARN of a principal; InvalidArnException if it is none. Whether there is such a principal is not looked at. */
export function readPrincipal(input: Input, name: string): string | undefined {
  const principal = text(input, name, { min: 1, max: 256 });
  if (principal !== undefined && !principalArn.test(principal)) throw new KmsError('InvalidArnException', `ARN does not refer to a valid principal: ${principal}`);
  return principal;
}

export function readGrantId(input: Input): string | undefined {
  const grantId = text(input, 'GrantId', { min: 1, max: 128 });
  if (grantId !== undefined && !/^[0-9a-f]{64}$/.test(grantId)) throw new KmsError('InvalidGrantIdException', `Invalid grant ID ${grantId}`);
  return grantId;
}

export function refuseServicePrincipals(input: Input): void {
  for (const name of ['GranteeServicePrincipal', 'RetiringServicePrincipal']) {
    if (input[name] !== undefined) throw new KmsError('UnsupportedOperationException', `This KMS has no service principals, so ${name} must be absent.`);
  }
}
