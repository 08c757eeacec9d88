import { attestationCertificatePath, issuingCertificatePath, rootCertificatePath } from '../pki/distribution-urls.ts';
import { rootCrl } from './crl-scope.ts';
import type { Authorities } from './mint-authority.ts';
import type { Authority } from './ports.ts';
import { publishAuthority } from './publish-authority.ts';
import { publishCrl, refreshCrl, type CrlServices } from './publish-crl.ts';
import { refreshCrls, type CrlSettings } from './refresh-crls.ts';
import { renewServiceCertificate, type ServiceCertificateServices } from './service-certificate.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';
import type { Organization } from './sign-certificate.ts';

export interface MaintenanceServices extends ServiceCertificateServices, Omit<CrlServices, 'keys'>, CrlSettings {}

export interface MaintenancePlan extends Organization {
  readonly ocspKeyArn: string;
  readonly attestationKeyArn: string;
}

/**
 * Sees that what the authorities sign for themselves holds for long enough, and that there is something at every URL that
 * certificates name: the CA certificates, the root's CRL, and the issuing CAs'; the certificates of the OCSP responder, one
 * from each issuing CA, and of the attestation authority, from the one that issues.
 * @throws Error that says what failed, after everything else is done.
 */
export async function maintainAuthority(services: MaintenanceServices, plan: MaintenancePlan, { issuing, root }: Authorities): Promise<void> {
  const { distribution } = services;
  const parts: (() => Promise<unknown>)[] = [
    () => publishAuthority(distribution, rootCertificatePath, root),
    ...issuing.flatMap((authority) => [
      () => publishAuthority(distribution, issuingCertificatePath(authority.generation), authority),
      () => renewServiceCertificate(services, { ...plan, issuing: authority, role: 'ocsp', keyArn: plan.ocspKeyArn }),
    ]),
    ...issuing.slice(0, 1).map((authority) => async () => {
      const { authority: attestation } = await renewServiceCertificate(services, { ...plan, issuing: authority, role: 'attestation', keyArn: plan.attestationKeyArn });
      await publishAuthority(distribution, attestationCertificatePath, attestation);
    }),
    () => refreshRootCrl(services, issuing),
    () => refreshCrls(services),
  ];
  valuesOf(await sideBySide(parts, parts.length, (part) => part()));
}

/** Publishes the root's CRL if it is due, or does not list an issuing CA yet that was revoked; then that is noted. */
async function refreshRootCrl(services: MaintenanceServices, issuing: readonly Authority[]): Promise<void> {
  const unlisted = issuing.filter(({ revocation }) => revocation !== undefined && revocation.publishedAt === undefined);
  const { thisUpdate } = await (unlisted.length > 0 ? publishCrl : refreshCrl)(services, rootCrl);
  for (const authority of unlisted) {
    const { revocation } = authority;
    if (revocation !== undefined) await services.registry.replaceAuthority({ ...authority, revocation: { ...revocation, publishedAt: thisUpdate } }, authority);
  }
}
