/**
 * The HTTP status of every error this KMS answers with. KMS API Reference, "Common Errors" and the "Errors" section of each
 * operation: 400, but for a dry run that would have succeeded and for faults of the service itself.
 */
const statuses = {
  DisabledException: 400,
  DryRunOperationException: 412,
  InvalidKeyUsageException: 400,
  InvalidMarkerException: 400,
  KMSInternalException: 500,
  KMSInvalidSignatureException: 400,
  KMSInvalidStateException: 400,
  MalformedPolicyDocumentException: 400,
  MissingAuthenticationTokenException: 400,
  NotFoundException: 400,
  RequestEntityTooLargeException: 413,
  SerializationException: 400,
  TagException: 400,
  ThrottlingException: 400,
  UnknownOperationException: 400,
  UnsupportedOperationException: 400,
  ValidationException: 400,
} as const;

export type KmsErrorType = keyof typeof statuses;

/** An error as KMS names it on the wire: `type` becomes `__type`, which the SDKs turn into the class of that name. */
export class KmsError extends Error {
  readonly type: KmsErrorType;
  readonly status: number;

  constructor(type: KmsErrorType, message: string) {
    super(message);
    this.name = type;
    this.type = type;
    this.status = statuses[type];
  }
}

/** The ValidationException of AWS's request validation for one member, in its wording: `Value 'x' at 'limit' failed …`. */
export function constraintError(member: string, value: unknown, constraint: string): KmsError {
  const shown = value === undefined ? 'Value' : value === null ? 'Value null' : `Value '${String(value)}'`;
  return new KmsError('ValidationException', `1 validation error detected: ${shown} at '${member}' failed to satisfy constraint: ${constraint}`);
}
