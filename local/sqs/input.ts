import { serializationError } from '../aws-json/errors.ts';
import { text, wholeNumber, type Input } from '../aws-json/input.ts';
import { SqsError } from './errors.ts';

/** The string `name`, any length; MissingRequiredParameterException when absent or empty. */
export function requiredText(input: Input, name: string): string {
  const value = text(input, name, { max: Infinity });
  if (value === undefined || value === '') throw new SqsError('MissingRequiredParameterException', `The request must contain the parameter ${name}.`);
  return value;
}

/** The whole number `name` between `min` and `max`; undefined when absent. */
export function numberBetween(input: Input, name: string, min: number, max: number): number | undefined {
  const value = wholeNumber(input, name, { min: -Infinity, max: Infinity });
  if (value !== undefined && (value < min || value > max)) throw invalidParameter(`Value ${value} for parameter ${name} is invalid. Reason: Must be between ${min} and ${max}, if provided.`);
  return value;
}

/** The list of strings `name`; empty when absent. */
export function texts(input: Input, name: string): readonly string[] {
  const values = input[name] ?? [];
  if (!Array.isArray(values) || !values.every((value) => typeof value === 'string')) throw serializationError(`${name} must be a list of strings.`);
  return values;
}

/** Throws where the request has a member that SQS knows and this one does not. */
export function refuse(input: Input, names: readonly string[]): void {
  const name = names.find((candidate) => (input[candidate] ?? undefined) !== undefined);
  if (name !== undefined) throw new SqsError('UnsupportedOperation', `This SQS has standard queues only and does not implement ${name}, so it must be absent.`);
}

export function invalidParameter(message: string): SqsError {
  return new SqsError('InvalidParameterValueException', message);
}
