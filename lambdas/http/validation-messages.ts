import type * as z from 'zod';

/** Units of what has a size, by zod's names for it. */
const units: Readonly<Record<string, string>> = { string: ' characters', array: ' items' };

const typeNames: Readonly<Record<string, string>> = {
  string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', array: 'a list', object: 'a JSON object', record: 'a JSON object',
};

/**
 * What to tell a caller about a value that is not as its schema has it, fit to follow the field's name; undefined leaves
 * the wording to the schema.
 */
export function validationMessage(issue: z.core.$ZodRawIssue): string | undefined {
  const unit = 'origin' in issue ? units[String(issue.origin)] : undefined;
  const bound = (word: string, limit: unknown) => `must ${unit === undefined ? 'be' : 'have'} ${word} ${String(limit)}${unit ?? ''}`;
  if (issue.code === 'invalid_type') return issue.input === undefined ? 'is required' : `must be ${typeNames[issue.expected] ?? issue.expected}`;
  if (issue.code === 'too_small') return bound('at least', issue.minimum);
  if (issue.code === 'too_big') return bound('at most', issue.maximum);
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  return undefined;
}
