import { generationOfShard } from '../pki/issuing-generation.ts';
import type { Certificate } from './certificate.ts';
import { certificateNeverIssued } from './errors.ts';
import { underIssuer, type IssuingAuthorities } from './issuing-authority.ts';
import type { Registry } from './ports.ts';

export interface CertificateLookupServices {
  readonly registry: Pick<Registry, 'getCertificate'>;
  readonly issuingAuthorities: IssuingAuthorities;
}

/**
 * The certificate as it stands for others: with its issuer revoked, so is it.
 * @throws Refusal CERTIFICATE_NOT_FOUND, REGISTRY_UNAVAILABLE
 */
export async function lookUpCertificate({ registry, issuingAuthorities }: CertificateLookupServices, certificateId: string): Promise<Certificate> {
  const certificate = await registry.getCertificate(certificateId);
  if (certificate === undefined) throw certificateNeverIssued();
  return underIssuer(certificate, await issuingAuthorities(generationOfShard(certificate.crlShard)));
}
