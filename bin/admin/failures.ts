import { Refusal } from '../../lambdas/authority/errors.ts';
import { QueuesUnavailable } from '../../lambdas/aws/dead-letter-queues.ts';

/** API Gateway did not do what was asked of its usage plans; the cause is the SDK's error. */
export class UsagePlansUnavailable extends Error {
  override readonly name = 'UsagePlansUnavailable';
}

/** The command line was not understood: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was understood and cannot be done: exit status 1. The message says what to do. */
export class NotDone extends Error {
  override readonly name = 'NotDone';
}

/** Where a command works. */
export interface Places {
  /** The names of the tables it reads or writes. */
  readonly tables: readonly string[];
  /** That of the dead letters, or of the exports where the command reads those. */
  readonly bucket: string;
  /** What else it could be named with. */
  readonly bucketFrom?: string;
  /** What the names of the queues begin with. */
  readonly queues: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** One sentence about why a command failed and what to do about it. Unlike the API's clients, an operator is told the cause. */
export function explain(failure: unknown, { places, environment }: { places: Places; environment: Environment }): string {
  // The adapter hides causes from clients behind a Refusal.
  const hidesCause = failure instanceof Refusal || failure instanceof QueuesUnavailable || failure instanceof UsagePlansUnavailable;
  const error = hidesCause && failure.cause instanceof Error ? failure.cause : failure;
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || error instanceof NotDone) return error.message;

  const { what, service, variable, line } = serviceThatFailed(failure, places);
  const place = environment[variable] ?? environment['AWS_ENDPOINT_URL'] ?? `${service} in ${environment['AWS_REGION'] ?? 'the region of your profile'}`;
  switch ('code' in error && typeof error.code === 'string' ? error.code : error.name) {
    case 'ECONNREFUSED': case 'ECONNRESET': case 'ENOTFOUND': case 'EAI_AGAIN': case 'ETIMEDOUT': case 'TimeoutError':
      return `${place} does not answer: check ${variable}${line === undefined ? '' : `, which for a service started with npm start is on its "${line}" line`}.`;
    case 'ResourceNotFoundException':
      return `${place} has no ${what}: name the registry table with --table or REGISTRY_TABLE${places.tables.length > 1 ? ', the risk table with --risk-table or RISK_TABLE' : ''}.`;
    case 'NoSuchBucket':
      return `${place} has no ${what}: name it with ${places.bucketFrom ?? '--bucket or DEAD_LETTER_BUCKET'}.`;
    case 'QueueDoesNotExist':
      return `${place} has no ${what}: say with --queues or QUEUE_PREFIX what their names begin with.`;
    case 'CredentialsProviderError':
      return 'There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (any will do for a service started with npm start).';
    case 'AccessDeniedException': case 'UnrecognizedClientException': case 'InvalidSignatureException': case 'ExpiredTokenException':
    case 'AccessDenied': case 'InvalidAccessKeyId': case 'SignatureDoesNotMatch': case 'ExpiredToken': case 'InvalidToken':
      return `AWS refused these credentials for the ${what} (${error.name}): use some that may read and write it.`;
    default:
      if (error.message.startsWith('Region is missing')) return 'There is no AWS region: set AWS_REGION (eu-west-1 for a service started with npm start).';
      return `It failed unforeseen, so look whether it was done before you try again: ${error.message}`;
  }
}

interface FailedService {
  readonly what: string;
  readonly service: string;
  /** That leads to it. */
  readonly variable: string;
  /** Of what npm start prints, where it has such a service. */
  readonly line?: string;
}

function serviceThatFailed(failure: unknown, places: Places): FailedService {
  if (failure instanceof UsagePlansUnavailable) return { what: 'usage plans', service: 'API Gateway', variable: 'AWS_ENDPOINT_URL_API_GATEWAY' };
  if (failure instanceof QueuesUnavailable) return ofSqs(places);
  if (failure instanceof Refusal && failure.code.startsWith('KMS_')) return ofKms;
  return failure instanceof Refusal && failure.code === 'DISTRIBUTION_UNAVAILABLE' ? ofS3(places) : ofDynamodb(places);
}

const ofDynamodb = ({ tables }: Places) => ({ what: `table ${tables.map((name) => `"${name}"`).join(' or ')}`, service: 'DynamoDB', variable: 'AWS_ENDPOINT_URL_DYNAMODB', line: 'dynamodb' });
const ofKms = { what: 'key store', service: 'KMS', variable: 'AWS_ENDPOINT_URL_KMS', line: 'kms' };
const ofS3 = ({ bucket }: Places) => ({ what: `bucket "${bucket}"`, service: 'S3', variable: 'AWS_ENDPOINT_URL_S3', line: 's3' });
const ofSqs = ({ queues }: Places) => ({ what: `queues "${queues}-…"`, service: 'SQS', variable: 'AWS_ENDPOINT_URL_SQS', line: 'sqs' });
