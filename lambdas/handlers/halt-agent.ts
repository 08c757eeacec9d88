import { haltAgent } from '../authority/halt-agent.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import { ok } from '../http/answer.ts';
import { haltResource } from '../http/halt-resource.ts';
import { agentIdOf } from '../http/request.ts';
import { log } from '../log.ts';
import { mutation } from './mutation.ts';
import { once, revocationServices } from './services.ts';

const haltServices = once(() => ({
  ...revocationServices(),
  keys: keyUse(kms()),
  warn: log.error,
}));

export const handler = mutation('halt-agent', async (request) => {
  const { principal: { tenantId }, actor, body } = request;
  const receipt = await haltAgent(haltServices(), {
    agentId: agentIdOf(request), tenantId, actor, reason: body.reason ?? 'kill_switch_activated', operatorNote: body.operator_note ?? undefined,
  });
  // Asked again, also under the same Idempotency-Key, a receipt that could not be signed is.
  return { ...ok(haltResource(receipt)), ...(receipt.signature === undefined && { kept: false }) };
});
