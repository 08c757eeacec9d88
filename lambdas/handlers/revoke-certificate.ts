import { revokeCertificate } from '../authority/revoke-certificate.ts';
import { ok } from '../http/answer.ts';
import { certificateIdOf } from '../http/request.ts';
import { revocationResource } from '../http/resources.ts';
import { mutation } from './mutation.ts';
import { revocationServices } from './services.ts';

export const handler = mutation('revoke-certificate', async (request) => {
  const { principal: { tenantId }, actor, body } = request;
  const revoked = await revokeCertificate(revocationServices(), {
    certificateId: certificateIdOf(request), tenantId, actor, reason: body.reason, reasonCode: body.reason_code ?? 'unspecified',
  });
  return ok(revocationResource(revoked));
});
