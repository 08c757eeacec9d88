/**
 * The URL that the text is; undefined where it is none. Not by URL.canParse, which in Node 20, once it was called often,
 * refuses what has letters beyond ASCII.
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
