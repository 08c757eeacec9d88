import { signMessage } from '../authority/sign-message.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import { ok } from '../http/answer.ts';
import { agentIdOf } from '../http/request.ts';
import { messageToSign, signatureResource } from '../http/signing.ts';
import { mutation } from './mutation.ts';
import { clock, issuingAuthority, newId, once, registry } from './services.ts';

const services = once(() => ({ registry: registry(), keys: keyUse(kms()), issuingAuthority: issuingAuthority(), clock, newId }));

// Read while Lambda starts, so that not even the first token has to wait for it.
void (async () => services().issuingAuthority())().catch(() => undefined);

export const handler = mutation('sign-message', async (request) => {
  const { principal, actor, body } = request;
  return ok(signatureResource(await signMessage(services(), { principal, actor, agentId: agentIdOf(request), message: messageToSign(body, clock()) })));
});
