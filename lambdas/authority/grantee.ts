import { Refusal } from './errors.ts';

// A role with its path, and nothing that stands for more than one. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
const iamRole = /^arn:aws(?:-cn|-us-gov)?:iam::(\d{12}):role\/(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/;

/**
 * Checks that a principal may be given the right to sign with an agent's key.
 * @param allowedAccounts those whose roles may, by their ids; with none the deployment grants nothing
 * @throws Refusal GRANTEE_NOT_ALLOWED where it is not the ARN of an IAM role of one of them
 */
export function checkGrantee(principalArn: string, allowedAccounts: readonly string[]): void {
  if (allowedAccounts.length === 0) {
    throw granteeNotAllowed('This deployment lets nobody sign with an agent’s key but the agent itself through this service. Leave grantee_principal_arn out, or ask the operator to allow an account.');
  }
  const account = iamRole.exec(principalArn)?.[1];
  if (account === undefined) {
    throw granteeNotAllowed('The grantee must be one IAM role, named by its full ARN with its path: no user, no account, no session of a role, no wildcard. Name the role that the agent runs as.');
  }
  if (!allowedAccounts.includes(account)) {
    throw granteeNotAllowed('The grantee’s account is not among those whose roles may sign with agents’ keys. Name a role of an account that is, or ask the operator to allow this one.');
  }
}

export function granteeNotAllowed(message: string, cause?: unknown): Refusal {
  return new Refusal('GRANTEE_NOT_ALLOWED', message, { cause });
}
