import { Logger } from '@aws-lambda-powertools/logger';
import { expireCertificates } from '../authority/expire-certificates.ts';
import { expiries } from '../aws/expiries.ts';
import { environment } from './environment.ts';
import { clock, newId, registryTable } from './services.ts';

const logger = new Logger({ serviceName: 'kakunin' });

/** Called by the clock: writes down which certificates have expired. */
export async function handler(): Promise<void> {
  const expired = await expireCertificates({ expiries: expiries(registryTable()), crlShardCount: environment('crlShardCount'), clock, newId });
  logger.info('expire-certificates', { expired });
}
