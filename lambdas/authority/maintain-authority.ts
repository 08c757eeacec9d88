import { attestationCertificatePath, issuingCertificatePath, rootCertificatePath } from '../pki/distribution-urls.ts';
import { rootCrl } from './crl-scope.ts';
import type { Authority } from './ports.ts';
import { publishAuthority } from './publish-authority.ts';
import { refreshCrl, type CrlServices } from './publish-crl.ts';
import { refreshCrls, type CrlSettings } from './refresh-crls.ts';
import { renewServiceCertificate, type ServiceCertificateServices } from './service-certificate.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';
import type { Organization } from './sign-certificate.ts';

export interface MaintenanceServices extends ServiceCertificateServices, Omit<CrlServices, 'issuer' | 'keys'>, CrlSettings {}

export interface MaintenancePlan extends Organization {
  readonly ocspKeyArn: string;
  readonly attestationKeyArn: string;
}

/**
 * Sees that what the authorities sign for themselves holds for long enough, and that there is something at every URL that
 * certificates name: the CA certificates, the root's CRL, and the issuing CA's; the certificates of the OCSP responder and
 * of the attestation authority.
 * @throws Error that says what failed, after everything else is done.
 */
export async function maintainAuthority(services: MaintenanceServices, plan: MaintenancePlan, authorities: { issuing: Authority; root: Authority }): Promise<void> {
  const { issuing, root } = authorities;
  const { distribution } = services;
  const signedBy = (authority: Authority): CrlServices => ({ ...services, issuer: () => Promise.resolve(authority) });
  const parts: (() => Promise<unknown>)[] = [
    () => publishAuthority(distribution, issuingCertificatePath, issuing),
    () => publishAuthority(distribution, rootCertificatePath, root),
    () => renewServiceCertificate(services, { ...plan, issuing, role: 'ocsp', keyArn: plan.ocspKeyArn }),
    async () => {
      const { authority: attestation } = await renewServiceCertificate(services, { ...plan, issuing, role: 'attestation', keyArn: plan.attestationKeyArn });
      await publishAuthority(distribution, attestationCertificatePath, attestation);
    },
    () => refreshCrl(signedBy(root), rootCrl),
    () => refreshCrls({ ...services, ...signedBy(issuing) }),
  ];
  valuesOf(await sideBySide(parts, parts.length, (part) => part()));
}
