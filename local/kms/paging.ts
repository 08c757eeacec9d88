import { KmsError } from './errors.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** The marker that continues after this page, if there is more. */
  readonly nextMarker?: string;
}

/**
 * The first `limit` of `items` after `marker`, in the order of their unique `nameOf`. A marker is the last name of a page, so that it
 * stays good when items come and go. InvalidMarkerException if it is not one of ours.
 */
export function page<T>(items: readonly T[], nameOf: (item: T) => string, limit: number, marker: string | undefined): Page<T> {
  const after = marker === undefined ? '' : decodeMarker(marker);
  const ordered = items.filter((item) => nameOf(item) > after).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const shown = ordered.slice(0, limit);
  const last = shown.at(-1);
  return last === undefined || shown.length === ordered.length ? { items: shown } : { items: shown, nextMarker: encodeMarker(nameOf(last)) };
}

function encodeMarker(name: string): string {
  return Buffer.from(name).toString('base64url');
}

function decodeMarker(marker: string): string {
  const name = Buffer.from(marker, 'base64url').toString();
  if (name === '' || encodeMarker(name) !== marker) throw new KmsError('InvalidMarkerException', 'The marker is not one that this operation returned.');
  return name;
}
