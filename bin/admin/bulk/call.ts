import { setTimeout as delay } from 'node:timers/promises';
import { KakuninClient, KakuninError } from '../../../client/index.ts';
import { parseUrl } from '../../../lambdas/pki/url.ts';
import type { CommandOptions } from '../commands.ts';
import { NotDone, UsageError } from '../failures.ts';

/** With the waits of Retry-After, or else of 0.25 s and twice as long each time, about half a minute. */
const retries = 7;

/** Longer than an earlier request for the same may still be running (API Gateway gives up after 29 s). */
const patienceMilliseconds = 60_000;

// Somebody is at it: an earlier run that was killed, or another client.
const underWay: readonly string[] = ['REQUEST_IN_PROGRESS', 'ISSUANCE_IN_PROGRESS'];

// The gateway's, where no function has a say: --url leads beside the API.
const wrongPath: readonly string[] = ['NOT_FOUND', 'METHOD_NOT_ALLOWED'];

/** @throws UsageError where --url or --key-env lead nowhere, or the key would pass in the clear. */
export function apiOf({ url = '', 'key-env': variable = 'KAKUNIN_KEY' }: CommandOptions, environment: Readonly<Record<string, string | undefined>>): KakuninClient {
  const { protocol, hostname } = parseUrl(url) ?? { protocol: '', hostname: '' };
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLocal)) throw new UsageError(`--url is "${url}": give it the ApiUrl of the deployment, with https and /v1, or the url that npm start prints.`);
  const apiKey = environment[variable];
  if (!apiKey) throw new UsageError(`There is no API key in $${variable}: put one there, or name another variable with --key-env.`);
  return new KakuninClient({ baseUrl: url, apiKey, retries });
}

/**
 * Calls the API until it is known what it does of the row: throttling, outages and requests under way are waited out.
 * @param refused what a refusal comes to, where it is about this row alone
 * @throws NotDone where the next row would fare no better
 */
export async function callForRow<Result>(call: () => Promise<Result>, refused: (error: KakuninError & { readonly status: number }) => Result): Promise<Result> {
  const patienceEndsAt = performance.now() + patienceMilliseconds;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof KakuninError)) throw error;
      if (underWay.includes(error.code) && performance.now() < patienceEndsAt) await delay(1000);
      else if (isAboutRow(error)) return refused(error);
      else throw new NotDone(error.status === undefined ? error.message : `${error.message} (${error.status} ${error.code})`, { cause: error });
    }
  }
}

function isAboutRow(error: KakuninError): error is KakuninError & { readonly status: number } {
  const { status, code } = error;
  if (status === undefined || [401, 403, 429, 503].includes(status) || wrongPath.includes(code)) return false;
  // A gateway's own answer to a request that took too long is not the service's; anything else of that kind comes from elsewhere.
  return code !== 'UNEXPECTED_ANSWER' || status >= 500;
}
