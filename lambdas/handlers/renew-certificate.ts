import { renewCertificate } from '../authority/renew-certificate.ts';
import { created } from '../http/answer.ts';
import { certificateIdOf } from '../http/request.ts';
import { certificateResource } from '../http/resources.ts';
import { countingRefusals } from './issuance-metrics.ts';
import { mutation } from './mutation.ts';
import { now } from './services.ts';
import { issuanceServices } from './signing-services.ts';

// Read while Lambda starts, so that not even the first request has to wait for it.
void (async () => issuanceServices().issuingAuthority())().catch(() => undefined);

export const handler = mutation('renew-certificate', countingRefusals(async (request) => {
  const { principal: { tenantId }, actor } = request;
  const certificate = await renewCertificate(issuanceServices(), { certificateId: certificateIdOf(request), tenantId, actor });
  return created(certificateResource(certificate, now()));
}));
