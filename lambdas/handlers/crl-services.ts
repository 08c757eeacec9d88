import type { CrlScope } from '../authority/crl-scope.ts';
import { authorityNotInitialised } from '../authority/errors.ts';
import type { Authority } from '../authority/ports.ts';
import { crlRecords } from '../aws/crl-records.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import { published } from './distribution-services.ts';
import { environment } from './environment.ts';
import { clock, issuingAuthorities, registry, registryTable } from './services.ts';

/* The services of the handlers that publish CRLs. */

export const crlServices = () => ({
  crls: crlRecords(registryTable()),
  distribution: published(),
  keys: keyUse(kms()),
  issuer: issuerOf,
  clock,
  distributionUrl: environment('distributionUrl'),
  crlShardCount: environment('crlShardCount'),
  issuingGenerations: environment('issuingGenerations'),
});

async function issuerOf(issuer: CrlScope['issuer']): Promise<Authority> {
  if (issuer !== 'root') return issuingAuthorities()(issuer);
  const root = await registry().getAuthority('root');
  if (root === undefined) throw authorityNotInitialised();
  return root;
}
