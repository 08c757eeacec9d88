import { expireCertificates } from '../authority/expire-certificates.ts';
import { expiries } from '../aws/expiries.ts';
import { log } from '../log.ts';
import { environment } from './environment.ts';
import { invocation } from './invocation.ts';
import { clock, newId, registryTable } from './services.ts';

/** Called by the clock: writes down which certificates have expired. */
export const handler = invocation('expire-certificates', async (): Promise<void> => {
  const expired = await expireCertificates({
    expiries: expiries(registryTable()), crlShardCount: environment('crlShardCount'), issuingGenerations: environment('issuingGenerations'), clock, newId,
  });
  log.info('expire-certificates', { expired });
});
