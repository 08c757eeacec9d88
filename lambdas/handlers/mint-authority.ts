import type { CloudFormationCustomResourceEvent, ScheduledEvent } from 'aws-lambda';
import { maintainAuthority } from '../authority/maintain-authority.ts';
import { mintAuthority } from '../authority/mint-authority.ts';
import { describeCertificate, pemToDer } from '../pki/certificate.ts';
import { logTimesLeft } from './authority-metrics.ts';
import { crlServices } from './crl-services.ts';
import { environment } from './environment.ts';
import { invocation } from './invocation.ts';
import { mintingServices } from './signing-services.ts';

/**
 * The custom resource that mints the authorities' certificates, called by the clock as well: it sees to what they sign
 * for themselves. An update changes nothing and a deletion removes nothing: every certificate ever issued depends on them.
 * The answer holds fingerprints only, for CloudFormation takes no more than 4,096 bytes; the certificates are in the registry.
 * https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources-readme.html
 */
export const handler = invocation('mint-authority', async (event: Pick<CloudFormationCustomResourceEvent, 'RequestType'> | ScheduledEvent) => {
  const PhysicalResourceId = 'kakunin-certificate-authority';
  if ('RequestType' in event && event.RequestType === 'Delete') return { PhysicalResourceId };
  const country = environment('country');
  const subject = { organization: environment('organization'), ...(country !== undefined && { country }) };
  const { issuing, root } = await mintAuthority(mintingServices(), { ...subject, rootKeyArn: environment('rootKeyArn'), issuingKeyArn: environment('issuingKeyArn') });
  const plan = { ...subject, ocspKeyArn: environment('ocspKeyArn'), attestationKeyArn: environment('attestationKeyArn') };
  try {
    await maintainAuthority({ ...crlServices(), ...mintingServices() }, plan, { issuing, root });
  } finally {
    await logTimesLeft('mint-authority');
  }
  const fingerprint = (pem: string) => describeCertificate(pemToDer(pem)).fingerprintSha256;
  return {
    PhysicalResourceId,
    Data: { IssuingFingerprintSha256: fingerprint(issuing.certificatePem), RootFingerprintSha256: fingerprint(root.certificatePem) },
  };
});
