import { UsageError } from './failures.ts';

/** The name as given, if it can be shown in a line of its own. Throws UsageError where it cannot. */
export function nameOf(thing: 'tenant' | 'key', name: string): string {
  if (name.trim() === '' || name.length > 255 || /\p{C}/u.test(name)) {
    throw new UsageError(`The name of a ${thing} is 1 to 255 characters, none of them a control character.`);
  }
  return name.trim();
}
