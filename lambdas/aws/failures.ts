import { Refusal } from '../authority/errors.ts';

const credentialErrors = new Set([
  'CredentialsProviderError', 'UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidSignatureException',
  'ExpiredTokenException', 'MissingAuthenticationTokenException', 'IncompleteSignature', 'AccessDeniedException',
]);

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
// https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
const passingErrors = new Set([
  'ThrottlingException', 'Throttling', 'ProvisionedThroughputExceededException', 'RequestLimitExceeded', 'LimitExceededException',
  'InternalServerError', 'InternalFailure', 'ServiceUnavailable', 'ServiceUnavailableException', 'KMSInternalException', 'DependencyTimeoutException',
  'KeyUnavailableException', 'DisabledException', 'KMSInvalidStateException', 'TransactionConflictException', 'TransactionInProgressException',
  'TimeoutError', 'RequestTimeout', 'NetworkingError', 'AbortError',
  'SyntaxError', // An answer that is not JSON comes from something in between, not from AWS.
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH',
]);

const missingKey = new Set(['NotFoundException']);

// What S3 says with another status than 403 and 5xx; the answer to a HEAD cannot name its error, and is Unknown to the SDK.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
const s3Errors = new Set(['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired', 'NoSuchBucket', 'OperationAborted', 'Unknown']);

/** Runs a KMS call; trouble that is the dependency's and not the request's becomes a Refusal, everything else stays what it is. */
export async function callingKms<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (isOneOf(credentialErrors, error)) {
      throw new Refusal('KMS_CREDENTIALS_NOT_CONFIGURED', 'The service has no working credentials for its key store. Ask its operator to check the deployment, then try again.', { cause: error });
    }
    // A key that KMS does not know is one it does not know yet, or the authority's own, gone for good: without it no key store either.
    if (isPassing(error) || isOneOf(missingKey, error)) throw new Refusal('KMS_UNAVAILABLE', 'The key store is not available at the moment. Nothing was changed; try again shortly.', { cause: error });
    throw error;
  }
}

/** Runs a DynamoDB call; trouble that is the dependency's and not the request's becomes a Refusal, everything else stays what it is. */
export async function callingDynamodb<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (isPassing(error) || isOneOf(credentialErrors, error)) {
      throw new Refusal('REGISTRY_UNAVAILABLE', 'The registry is not available at the moment. Try again shortly.', { cause: error });
    }
    throw error;
  }
}

/** Runs an S3 call; trouble that is the dependency's and not the request's becomes a Refusal, everything else stays what it is. */
export async function callingS3<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    // Every 403 of S3's is a matter of credentials or permissions.
    if (isPassing(error) || httpStatusCode(error) === 403 || isOneOf(credentialErrors, error) || isOneOf(s3Errors, error)) {
      throw new Refusal('DISTRIBUTION_UNAVAILABLE', 'The place where CRLs and CA certificates are published is not available at the moment. Try again shortly.', { cause: error });
    }
    throw error;
  }
}

/** Whether a failure is trouble of the dependency's that will pass: throttling, a fault of its own, a broken connection. */
export function isPassing(error: unknown): boolean {
  return isOneOf(passingErrors, error) || (httpStatusCode(error) ?? 0) >= 500;
}

function isOneOf(names: ReadonlySet<string>, error: unknown): boolean {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return [name, code].some((known) => typeof known === 'string' && names.has(known));
}

function httpStatusCode(error: unknown): number | undefined {
  const { $metadata } = (error ?? {}) as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}
