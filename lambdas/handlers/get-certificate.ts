import { ownCertificate } from '../authority/certificate.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { certificateIdOf } from '../http/request.ts';
import { certificateResource } from '../http/resources.ts';
import { now, registry } from './services.ts';

export const handler = endpoint('get-certificate', async (request) => {
  const certificate = ownCertificate(await registry().getCertificate(certificateIdOf(request)), request.principal.tenantId);
  return ok(certificateResource(certificate, now()));
});
