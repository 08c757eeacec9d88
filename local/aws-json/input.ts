import { constraintError, serializationError } from './errors.ts';

/** The members of a request's JSON object, as yet unchecked. AWS JSON 1.1 treats `null` as absent. */
export type Input = Readonly<Record<string, unknown>>;

interface Length {
  readonly min?: number;
  readonly max: number;
}

/** The string `name`, its length within bounds; undefined when absent. */
export function text(input: Input, name: string, length: Length): string | undefined {
  const value = input[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw serializationError(`${name} must be a string.`);
  checkLength(name, value, value.length, length);
  return value;
}

/** The string `name` if it is one of `values`; undefined when absent. */
export function oneOf<T extends string>(input: Input, name: string, values: readonly T[]): T | undefined {
  const value = text(input, name, { max: Infinity });
  if (value === undefined) return undefined;
  const known = values.find((candidate) => candidate === value);
  if (known === undefined) throw constraintError(memberName(name), value, `Member must satisfy enum value set: [${values.join(', ')}]`);
  return known;
}

/** The whole number `name` between `min` and `max`; undefined when absent. */
export function wholeNumber(input: Input, name: string, { min, max }: { min: number; max: number }): number | undefined {
  const value = input[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw serializationError(`${name} must be a whole number.`);
  if (value < min) throw constraintError(memberName(name), value, `Member must have value greater than or equal to ${min}`);
  if (value > max) throw constraintError(memberName(name), value, `Member must have value less than or equal to ${max}`);
  return value;
}

/** The boolean `name`; false when absent. */
export function flag(input: Input, name: string): boolean {
  const value = input[name] ?? false;
  if (typeof value !== 'boolean') throw serializationError(`${name} must be true or false.`);
  return value;
}

/** The bytes of the base64 string `name`, their number within bounds; undefined when absent. */
export function blob(input: Input, name: string, length: Length): Buffer | undefined {
  const value = text(input, name, { max: Infinity });
  if (value === undefined) return undefined;
  const bytes = Buffer.from(value, 'base64');
  // Buffer.from skips what is not base64; only the round trip tells.
  if (bytes.toString('base64') !== value) throw serializationError(`${name} must be a blob in base64.`);
  checkLength(name, undefined, bytes.length, length);
  return bytes;
}

/** The list `name`; empty when absent. */
export function list(input: Input, name: string): readonly unknown[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value)) throw serializationError(`${name} must be a list.`);
  return value;
}

/** `value` as the members of a JSON object; `what` names it in the error. */
export function members(value: unknown, what: string): Input {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw serializationError(`${what} must be a JSON object.`);
  return value as Input;
}

/** `value`, or the ValidationException for a required member that is absent. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw constraintError(memberName(name), null, 'Member must not be null');
  return value;
}

// AWS echoes a string that has the wrong length, but not a blob.
function checkLength(name: string, shown: string | undefined, actual: number, { min = 0, max }: Length): void {
  if (actual < min) throw constraintError(memberName(name), shown, `Member must have length greater than or equal to ${min}`);
  if (actual > max) throw constraintError(memberName(name), shown, `Member must have length less than or equal to ${max}`);
}

// AWS's validation messages write members in lower camel case: 'keyId'.
function memberName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
