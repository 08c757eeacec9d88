import type { CloudFormationCustomResourceEvent, ScheduledEvent } from 'aws-lambda';
import { assertNoneServes } from '../authority/issuing-generations.ts';
import { maintainAuthority } from '../authority/maintain-authority.ts';
import { mintAuthority } from '../authority/mint-authority.ts';
import { expiries } from '../aws/expiries.ts';
import { describeCertificate, pemToDer } from '../pki/certificate.ts';
import { logTimesLeft } from './authority-metrics.ts';
import { crlServices } from './crl-services.ts';
import { environment, issuingKeys } from './environment.ts';
import { invocation } from './invocation.ts';
import { registryTable } from './services.ts';
import { mintingServices } from './signing-services.ts';

type DeploymentEvent = Pick<CloudFormationCustomResourceEvent, 'RequestType'> & { readonly OldResourceProperties?: Readonly<Record<string, unknown>> };

/**
 * The custom resource that mints the authorities' certificates, called by the clock as well: it sees to what they sign
 * for themselves. A deletion removes nothing, and an update adds at most a generation of the issuing CA: every certificate
 * ever issued depends on those there are. The answer holds fingerprints only, for CloudFormation takes no more than 4,096
 * bytes; the certificates are in the registry.
 * https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources-readme.html
 */
export const handler = invocation('mint-authority', async (event: DeploymentEvent | ScheduledEvent) => {
  const PhysicalResourceId = 'kakunin-certificate-authority';
  if ('RequestType' in event && event.RequestType === 'Delete') return { PhysicalResourceId };
  const services = { ...crlServices(), ...mintingServices() };
  if ('RequestType' in event) await assertNoneServes({ ...services, expiries: expiries(registryTable()) }, services.issuingGenerations, issuedBefore(event));
  const country = environment('country');
  const subject = { organization: environment('organization'), ...(country !== undefined && { country }) };
  const authorities = await mintAuthority(services, { ...subject, rootKeyArn: environment('rootKeyArn'), issuingKeys: issuingKeys() });
  try {
    await maintainAuthority(services, { ...subject, ocspKeyArn: environment('ocspKeyArn'), attestationKeyArn: environment('attestationKeyArn') }, authorities);
  } finally {
    await logTimesLeft('mint-authority');
  }
  const fingerprint = (pem = '') => describeCertificate(pemToDer(pem)).fingerprintSha256;
  return {
    PhysicalResourceId,
    Data: { IssuingFingerprintSha256: fingerprint(authorities.issuing[0]?.certificatePem), RootFingerprintSha256: fingerprint(authorities.root.certificatePem) },
  };
});

/** The generation that issued before this deployment; a stack from before there could be others had the first. */
function issuedBefore({ OldResourceProperties: old }: DeploymentEvent): number | undefined {
  return old && Number.parseInt(String(old['IssuingGenerations'] ?? 1), 10);
}
