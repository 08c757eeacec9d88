import { rootCrl } from './crl-scope.ts';
import { renewOcspResponder, type OcspRenewalServices, type OcspResponderPlan } from './ocsp-responder.ts';
import type { Authority } from './ports.ts';
import { publishAuthority } from './publish-authority.ts';
import { refreshCrl, type CrlServices } from './publish-crl.ts';
import { refreshCrls, type CrlSettings } from './refresh-crls.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface MaintenanceServices extends OcspRenewalServices, Omit<CrlServices, 'issuer' | 'keys'>, CrlSettings {}

/**
 * Sees that what the authorities sign for themselves holds for long enough, and that there is something at every URL that
 * certificates name: the CA certificates, the OCSP responder's certificate, the root's CRL, and the issuing CA's.
 * @throws Error that says what failed, after everything else is done.
 */
export async function maintainAuthority(services: MaintenanceServices, plan: Omit<OcspResponderPlan, 'issuing'>, authorities: { issuing: Authority; root: Authority }): Promise<void> {
  const { issuing, root } = authorities;
  const signedBy = (authority: Authority): CrlServices => ({ ...services, issuer: () => Promise.resolve(authority) });
  const parts: (() => Promise<unknown>)[] = [
    () => publishAuthority(services.distribution, authorities),
    () => renewOcspResponder(services, { ...plan, issuing }),
    () => refreshCrl(signedBy(root), rootCrl),
    () => refreshCrls({ ...services, ...signedBy(issuing) }),
  ];
  valuesOf(await sideBySide(parts, parts.length, (part) => part()));
}
