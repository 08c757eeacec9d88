import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { now, registry } from './services.ts';
import { authorityNotInitialised } from '../authority/errors.ts';

/** Healthy means: the registry answers, and there is an authority to issue with. */
export const handler = endpoint('get-health', async () => {
  const issuing = await registry().getAuthority('issuing');
  if (issuing === undefined) throw authorityNotInitialised();
  return ok({ status: 'ok', checks: { registry: 'ok', certificate_authority: 'ok' }, time: now() });
});
