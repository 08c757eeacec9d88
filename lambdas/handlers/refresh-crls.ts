import { crlAges } from '../authority/crl-ages.ts';
import { publishCrl } from '../authority/publish-crl.ts';
import { refreshCrls } from '../authority/refresh-crls.ts';
import { log } from '../log.ts';
import { crlServices } from './crl-services.ts';
import { invocation } from './invocation.ts';
import { measurement } from './metrics.ts';
import { clock } from './services.ts';

/** Called by the clock: publishes the CRLs, whether or not anything was revoked, and measures those that are out, whether or not that went well. */
export const handler = invocation('refresh-crls', async () => {
  try {
    await refreshCrls(crlServices(), publishCrl);
  } finally {
    const { oldestSeconds, leastLeftSeconds } = await crlAges(crlServices(), clock());
    log.info('refresh-crls', measurement({ CrlAge: oldestSeconds, CrlTimeLeft: leastLeftSeconds }));
  }
});
