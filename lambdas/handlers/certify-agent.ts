import { issueCertificate } from '../authority/issue-certificate.ts';
import { created } from '../http/answer.ts';
import { agentIdOf } from '../http/request.ts';
import { certificateResource } from '../http/resources.ts';
import { countingRefusals } from './issuance-metrics.ts';
import { mutation } from './mutation.ts';
import { now } from './services.ts';
import { issuanceServices } from './signing-services.ts';

// Read while Lambda starts, so that not even the first request has to wait for it.
void (async () => issuanceServices().issuingAuthority())().catch(() => undefined);

export const handler = mutation('certify-agent', countingRefusals(async (request) => {
  const { principal: { tenantId }, actor, body } = request;
  const certificate = await issueCertificate(issuanceServices(), {
    agentId: agentIdOf(request), tenantId, actor, granteePrincipalArn: body.grantee_principal_arn ?? undefined,
  });
  return created(certificateResource(certificate, now()));
}));
