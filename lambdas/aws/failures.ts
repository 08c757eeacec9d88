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
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH',
]);

/** Runs a KMS call; trouble that is the dependency's and not the request's becomes a Refusal, everything else stays what it is. */
export async function callingKms<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (isOneOf(credentialErrors, error)) {
      throw new Refusal('KMS_CREDENTIALS_NOT_CONFIGURED', 'The service has no working credentials for its key store. Ask its operator to check the deployment, then try again.', { cause: error });
    }
    if (isPassing(error)) throw new Refusal('KMS_UNAVAILABLE', 'The key store is not available at the moment. Nothing was changed; try again shortly.', { cause: error });
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

function isPassing(error: unknown): boolean {
  return isOneOf(passingErrors, error) || (httpStatusCode(error) ?? 0) >= 500;
}

function isOneOf(names: ReadonlySet<string>, error: unknown): boolean {
  return error instanceof Error && (names.has(error.name) || ('code' in error && typeof error.code === 'string' && names.has(error.code)));
}

function httpStatusCode(error: unknown): number | undefined {
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}
