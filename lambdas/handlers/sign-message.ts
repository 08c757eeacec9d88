import { signMessage } from '../authority/sign-message.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import { ok } from '../http/answer.ts';
import { agentIdOf } from '../http/request.ts';
import { messageToSign, signatureResource } from '../http/signing.ts';
import { mutation } from './mutation.ts';
import { clock, issuingAuthorities, issuingAuthority, newId, once, registry } from './services.ts';

const services = once(() => ({ registry: registry(), keys: keyUse(kms()), issuingAuthorities: issuingAuthorities(), clock, newId }));

// Read while Lambda starts, so that the first token of most agents need not wait for it.
void (async () => issuingAuthority())().catch(() => undefined);

export const handler = mutation('sign-message', async (request) => {
  const { principal, actor, body } = request;
  return ok(signatureResource(await signMessage(services(), { principal, actor, agentId: agentIdOf(request), message: messageToSign(body, clock()) })));
});
