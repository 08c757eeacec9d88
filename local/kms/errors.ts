import { ServiceError } from '../aws-json/errors.ts';

/**
 * The HTTP status of the errors of KMS's own. KMS API Reference, the "Errors" section of each operation: 400, but for a dry run that
 * would have succeeded.
 */
const statuses = {
  AccessDeniedException: 400,
  DisabledException: 400,
  DryRunOperationException: 412,
  IncorrectKeyException: 400,
  InvalidArnException: 400,
  InvalidCiphertextException: 400,
  InvalidGrantIdException: 400,
  InvalidGrantTokenException: 400,
  InvalidKeyUsageException: 400,
  InvalidMarkerException: 400,
  KMSInvalidSignatureException: 400,
  KMSInvalidStateException: 400,
  LimitExceededException: 400,
  MalformedPolicyDocumentException: 400,
  NotFoundException: 400,
  TagException: 400,
  ThrottlingException: 400,
  UnsupportedOperationException: 400,
  ValidationException: 400,
} as const;

export type KmsErrorType = keyof typeof statuses;

/** An error as KMS names it on the wire. */
export class KmsError extends ServiceError {
  constructor(type: KmsErrorType, message: string) {
    super(type, statuses[type], message);
  }
}
