import type { Authority } from '../authority/ports.ts';
import { describeCertificate, pemToDer } from '../pki/certificate.ts';
import { wholeSeconds } from './resources.ts';

/**
 * The authorities' certificates.
 * @param bundle the chains of agents' certificates: who issues now, who did, and the root
 * @param others whom an issuing one has certified beside agents
 */
export function authorityResource(bundle: readonly Authority[], others: readonly Authority[]) {
  return {
    certificates: [...bundle, ...others].map(({ role, certificatePem }) => {
      const { subject, issuer, serialNumber, notBefore, notAfter, fingerprintSha256 } = describeCertificate(pemToDer(certificatePem));
      return {
        role,
        subject,
        issuer,
        serial_number: serialNumber,
        not_before: wholeSeconds(notBefore.toISOString()),
        not_after: wholeSeconds(notAfter.toISOString()),
        fingerprint_sha256: fingerprintSha256,
        certificate_pem: certificatePem,
      };
    }),
    chain_pem: bundle.map(({ certificatePem }) => certificatePem).join(''),
  };
}
