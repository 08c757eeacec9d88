import { publishCrl } from '../authority/publish-crl.ts';
import { refreshCrls } from '../authority/refresh-crls.ts';
import { crlServices } from './crl-services.ts';
import { invocation } from './invocation.ts';

/** Called by the clock: publishes the CRLs, whether or not anything was revoked. */
export const handler = invocation('refresh-crls', () => refreshCrls(crlServices(), publishCrl));
