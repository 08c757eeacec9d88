import { UsageError } from './failures.ts';

/** The number that an option gives. Throws UsageError where it is not a whole one within these bounds. */
export function wholeNumber(option: string, text: string, [minimum, maximum]: readonly [number, number], unit = ''): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(number >= minimum && number <= maximum)) {
    throw new UsageError(`--${option} is "${text}": give it a whole number${unit === '' ? '' : ` of ${unit}`} from ${minimum} to ${maximum}.`);
  }
  return number;
}

/** The one of `choices` that an option names. Throws UsageError where it names none. */
export function oneOf<Choice extends string>(option: string, text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === text.toLowerCase());
  if (choice === undefined) throw new UsageError(`--${option} is "${text}": give it one of ${choices.join(', ')}.`);
  return choice;
}
