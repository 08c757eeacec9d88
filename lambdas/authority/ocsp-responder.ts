import { buildOcspResponderCertificate, lintOcspResponderCertificate } from '../pki/ocsp-responder-certificate.ts';
import { OCSP_RESPONDER_MAX_VALIDITY_SECONDS as validitySeconds } from '../pki/profile.ts';
import type { Authority } from './ports.ts';
import { renewServiceCertificate, type ServiceCertificatePlan, type ServiceCertificateServices } from './service-certificate.ts';

export interface OcspResponderPlan extends ServiceCertificatePlan {
  /** The responder's own key, an RSA_2048. */
  readonly ocspKeyArn: string;
}

/**
 * Makes sure that the OCSP responder has a certificate for the plan's key, of 30 days, with more than half of them left.
 * @throws as renewServiceCertificate does
 */
export async function renewOcspResponder(services: ServiceCertificateServices, plan: OcspResponderPlan): Promise<{ responder: Authority; renewed: boolean }> {
  const { authority: responder, renewed } = await renewServiceCertificate(services, plan, {
    role: 'ocsp',
    name: 'OCSP Responder',
    keyArn: plan.ocspKeyArn,
    build: (request) => buildOcspResponderCertificate({ ...request, validitySeconds }),
    lint: (request) => lintOcspResponderCertificate({ ...request, validitySeconds }),
  });
  return { responder, renewed };
}
