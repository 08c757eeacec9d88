/** An error as AWS's JSON protocols name it on the wire: `type` becomes `__type`, which the SDKs turn into the class of that name. */
export class ServiceError extends Error {
  readonly type: string;
  /** Of the HTTP response. */
  readonly status: number;

  constructor(type: string, status: number, message: string) {
    super(message);
    this.name = type;
    this.type = type;
    this.status = status;
  }
}

/** For members that are not of their type. */
export function serializationError(message: string): ServiceError {
  return new ServiceError('SerializationException', 400, message);
}

/** The ValidationException of AWS's request validation for one member, in its wording: `Value 'x' at 'limit' failed …`. */
export function constraintError(member: string, value: unknown, constraint: string): ServiceError {
  const shown = value === undefined ? 'Value' : value === null ? 'Value null' : `Value '${String(value)}'`;
  return new ServiceError('ValidationException', 400, `1 validation error detected: ${shown} at '${member}' failed to satisfy constraint: ${constraint}`);
}
