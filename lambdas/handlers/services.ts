import { randomBytes, randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { accessRegistry } from '../aws/access.ts';
import { dynamodb, kms } from '../aws/clients.ts';
import { keyManagement } from '../aws/key-management.ts';
import { dynamodbRegistry } from '../aws/registry.ts';
import { riskRecords } from '../aws/risk-records.ts';
import { rememberedIssuingAuthority } from '../authority/issuing-authority.ts';
import { environment, profileSettings } from './environment.ts';

/*
 * What the handlers hand to the use cases: the adapters, bound to this environment. Each is made on first use and only
 * by the handlers that use it, so that a Lambda reads no variable, and loads no client, that is not its own.
 */

/** Makes something once, when it is first asked for. */
function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

const logger = new Logger({ serviceName: 'kakunin' });

export const clock = () => new Date();
export const now = () => clock().toISOString();
const newId = () => randomUUID();
const random = (byteCount: number) => new Uint8Array(randomBytes(byteCount));

export const registry = once(() => dynamodbRegistry(dynamodb(), environment('registryTable')));
export const access = once(() => accessRegistry(dynamodb(), environment('registryTable')));
export const issuingAuthority = once(() => rememberedIssuingAuthority(registry()));

export const revocationServices = once(() => ({ registry: registry(), clock, newId }));

export const riskServices = once(() => ({ registry: registry(), records: riskRecords(dynamodb(), environment('riskTable')), clock, newId }));

export const issuanceServices = once(() => ({
  registry: registry(),
  keys: keyManagement(kms(), { deployment: environment('deployment'), ...creator() }),
  issuingAuthority: issuingAuthority(),
  settings: profileSettings(),
  clock,
  random,
  warn: (message: string, cause: unknown) => { logger.error(message, cause as Error); },
}));

export const mintingServices = once(() => ({
  registry: registry(),
  keys: keyManagement(kms(), { deployment: environment('deployment') }),
  settings: profileSettings(),
  clock,
  random,
}));

function creator() {
  const roleArn = environment('certifierRoleArn');
  const accountId = environment('accountId');
  return roleArn !== undefined && accountId !== undefined ? { creator: { roleArn, accountId } } : {};
}
