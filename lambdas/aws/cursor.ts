import { Refusal } from '../authority/errors.ts';
import { instantOf } from './instant.ts';

/*
 * Where a list goes on. Its records are sorted by a key that begins with a time, and a cursor is the key of the last one
 * that was looked at, in base64url. So it holds in every partition that a list is merged from, and says nothing of whose
 * list it is: which partitions are read is decided by who asks.
 */

/** Stands before every record of a list: it begins with a time, and a colon comes after every digit. */
export const newest = ':';

export const writeCursor = (position: string) => Buffer.from(position).toString('base64url');

const creation = /^\d{4}-\d\d-\d\dT[\d:.]{12}Z#[0-9a-f-]{36}$/;

/**
 * The position that a cursor of ours stands for, or an RFC 3339 time, before which the list is then to begin.
 * @param form of the positions of this list
 * @throws Refusal INVALID_CURSOR where it is neither.
 */
export function readCursor(cursor: string, form = creation): string {
  const time = timeOf(cursor);
  if (time !== undefined) return time;
  const position = Buffer.from(cursor, 'base64url').toString();
  if (form.test(position) && writeCursor(position) === cursor) return position;
  throw new Refusal('INVALID_CURSOR', 'The cursor is neither one of ours nor an RFC 3339 time. Take it from pagination.next_cursor of the page before, or leave it out.');
}

/** An offset may carry a time out of the years that have four digits, and so out of the order of strings: then it is none. */
function timeOf(text: string): string | undefined {
  const instant = instantOf(text);
  const time = instant === undefined ? undefined : new Date(instant).toISOString();
  return time?.length === 24 ? time : undefined;
}
