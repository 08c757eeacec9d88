import { Refusal } from '../../lambdas/authority/errors.ts';

/** The command line was not understood: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was understood and cannot be done: exit status 1. The message says what to do. */
export class NotDone extends Error {
  override readonly name = 'NotDone';
}

/** One sentence about why a command failed and what to do about it. Unlike the API's clients, an operator is told the cause. */
export function explain(failure: unknown, { table, environment }: { table: string; environment: Readonly<Record<string, string | undefined>> }): string {
  // The adapter hides causes from clients behind a Refusal.
  const error = failure instanceof Refusal && failure.cause instanceof Error ? failure.cause : failure;
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || error instanceof NotDone) return error.message;

  const endpoint = environment['AWS_ENDPOINT_URL_DYNAMODB'] ?? environment['AWS_ENDPOINT_URL'];
  const place = endpoint ?? `DynamoDB in ${environment['AWS_REGION'] ?? 'the region of your profile'}`;
  switch ('code' in error && typeof error.code === 'string' ? error.code : error.name) {
    case 'ECONNREFUSED': case 'ECONNRESET': case 'ENOTFOUND': case 'EAI_AGAIN': case 'ETIMEDOUT': case 'TimeoutError':
      return `${place} does not answer: check AWS_ENDPOINT_URL_DYNAMODB, which for a service started with npm start is on its "dynamodb" line.`;
    case 'ResourceNotFoundException':
      return `${place} has no table "${table}": name the registry table with --table or REGISTRY_TABLE.`;
    case 'CredentialsProviderError':
      return 'There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (any will do for a service started with npm start).';
    case 'AccessDeniedException': case 'UnrecognizedClientException': case 'InvalidSignatureException': case 'ExpiredTokenException':
      return `AWS refused these credentials for the table "${table}" (${error.name}): use some that may read and write it.`;
    default:
      if (error.message.startsWith('Region is missing')) return 'There is no AWS region: set AWS_REGION (eu-west-1 for a service started with npm start).';
      return `It failed unforeseen, so look whether it was done before you try again: ${error.message}`;
  }
}
