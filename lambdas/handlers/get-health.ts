import { authorityNotInitialised } from '../authority/errors.ts';
import { trustedAuthority } from '../authority/issuing-authority.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { environment } from './environment.ts';
import { now, registry } from './services.ts';

/** Healthy means: the registry answers, and there is an authority to issue with. */
export const handler = endpoint('get-health', async () => {
  const issuing = await registry().getAuthority('issuing', environment('issuingGenerations')[0]);
  if (issuing === undefined) throw authorityNotInitialised();
  trustedAuthority(issuing);
  return ok({ status: 'ok', checks: { registry: 'ok', certificate_authority: 'ok' }, time: now() });
});
