import { parseUrl } from '../pki/url.ts';

/** The longest URL, in characters, that a webhook may have. */
export const maximumUrlLength = 2048;

/** What a webhook's URL must be, fit to follow the field's name; undefined where it is so. */
export function webhookUrlProblem(text: string): string | undefined {
  // The parser would mend what is not like this, and nobody could tell afterwards what was meant.
  const url = /^https:\/\/[^\s\\]+$/i.test(text) ? parseUrl(text) : undefined;
  if (url === undefined) return 'must be a URL that begins with https://, such as https://example.com/webhooks/kakunin';
  const { username, password } = url;
  if (username !== '' || password !== '') return 'must not hold a user name or a password: check the signature of what is delivered instead';
  return text.includes('#') ? 'must not have a fragment: leave out the # and what follows it' : undefined;
}
