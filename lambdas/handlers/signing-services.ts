import { randomBytes } from 'node:crypto';
import { kms } from '../aws/kms-client.ts';
import { keyManagement, keyUse } from '../aws/key-management.ts';
import { log } from '../log.ts';
import { environment, profileSettings } from './environment.ts';
import { countingThrottles } from './issuance-metrics.ts';
import { clock, newId, once, registry, trustedIssuingAuthority } from './services.ts';

/* The services of the handlers that sign; apart from services.ts, so that no other function carries a KMS client. */

const random = (byteCount: number) => new Uint8Array(randomBytes(byteCount));

export const issuanceServices = once(() => ({
  registry: registry(),
  keys: keyManagement(countingThrottles(kms()), { deployment: environment('deployment'), pendingWindowInDays: environment('keyDeletionDays'), ...agentKeyRoles() }),
  issuingAuthority: trustedIssuingAuthority,
  settings: profileSettings(),
  crlShardCount: environment('crlShardCount'),
  granteeAccounts: environment('granteeAccounts'),
  clock,
  random,
  newId,
  warn: log.error,
}));

export const mintingServices = once(() => ({
  registry: registry(),
  keys: keyUse(kms()),
  settings: profileSettings(),
  clock,
  random,
}));

function agentKeyRoles() {
  const certifierRoleArn = environment('certifierRoleArn');
  const accountId = environment('accountId');
  if (certifierRoleArn === undefined || accountId === undefined) return {};
  return { agentKeyRoles: { accountId, certifierRoleArn, retirerRoleArn: environment('keyRetirerRoleArn'), signerRoleArn: environment('messageSignerRoleArn') } };
}
