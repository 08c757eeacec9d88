import * as z from 'zod';

const instant = z.iso.datetime({ offset: true });

/** The instant that an RFC 3339 time stands for, in milliseconds since 1970; undefined for what is none. */
export function instantOf(text: unknown): number | undefined {
  const { success, data } = instant.safeParse(text);
  return success ? Date.parse(data) : undefined;
}
