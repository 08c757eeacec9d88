import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { now, registry } from './services.ts';
import { Refusal } from '../authority/errors.ts';

/** Healthy means: the registry answers, and there is an authority to issue with. */
export const handler = endpoint('get-health', async () => {
  const issuing = await registry().getAuthority('issuing');
  if (issuing === undefined) throw new Refusal('CA_NOT_INITIALISED', 'The certificate authority has not been set up yet. Try again when the deployment has finished.');
  return ok({ status: 'ok', checks: { registry: 'ok', certificate_authority: 'ok' }, time: now() });
});
