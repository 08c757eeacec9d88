import type { KMSClient } from '@aws-sdk/client-kms';
import { Refusal } from '../authority/errors.ts';
import { onThrottle } from '../aws/kms-throttles.ts';
import { log } from '../log.ts';
import { measurement } from './metrics.ts';

/** Counts what an issuance is refused for, by the code that the client sees; anything unforeseen by the code of a 500. */
export function countingRefusals<Request, Answer>(issue: (request: Request) => Promise<Answer>): (request: Request) => Promise<Answer> {
  return async (request) => {
    try {
      return await issue(request);
    } catch (error) {
      log.info('issuance-refused', measurement({ IssuancesRefused: 1 }, codeOf(error)));
      throw error;
    }
  };
}

const codeOf = (error: unknown) => (error instanceof Refusal ? error.code : 'INTERNAL_ERROR');

/** Counts each request that KMS throttles, also where a repetition then succeeds. */
export function countingThrottles(client: KMSClient): KMSClient {
  onThrottle(client, (operation) => log.info('kms-throttled', measurement({ KmsThrottles: 1 }, operation)));
  return client;
}
