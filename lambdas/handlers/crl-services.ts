import { crlRecords } from '../aws/crl-records.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import { published } from './distribution-services.ts';
import { environment } from './environment.ts';
import { clock, issuingAuthority, once, registryTable } from './services.ts';

/* The services of the handlers that publish CRLs. */

export const crlServices = once(() => ({
  crls: crlRecords(registryTable()),
  distribution: published(),
  keys: keyUse(kms()),
  issuer: issuingAuthority(),
  clock,
  distributionUrl: environment('distributionUrl'),
  crlShardCount: environment('crlShardCount'),
}));
