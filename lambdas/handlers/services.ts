import { randomUUID } from 'node:crypto';
import { accessRegistry } from '../aws/access.ts';
import { dynamodb } from '../aws/dynamodb-client.ts';
import { dynamodbRegistry } from '../aws/registry.ts';
import { riskRecords } from '../aws/risk-records.ts';
import { rememberedIssuingAuthorities, trustedAuthority } from '../authority/issuing-authority.ts';
import { environment } from './environment.ts';

/*
 * What the handlers hand to the use cases: the adapters, bound to this environment. Each is made on first use and only
 * by the handlers that use it, so that a Lambda reads no variable that is not its own.
 */

/** Makes something once, when it is first asked for. */
export function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

export const clock = () => new Date();
export const now = () => clock().toISOString();
export const newId = () => randomUUID();

export const registryTable = once(() => ({ client: dynamodb(), tableName: environment('registryTable') }));
export const registry = once(() => dynamodbRegistry(dynamodb(), environment('registryTable')));
export const access = once(() => accessRegistry(dynamodb(), environment('registryTable')));
export const issuingAuthorities = once(() => rememberedIssuingAuthorities({ registry: registry(), clock }));
/** The one that issues now: the first of those that the deployment names. */
export const issuingAuthority = () => issuingAuthorities()(environment('issuingGenerations')[0]);
/** The same, unless it was revoked. */
export const trustedIssuingAuthority = async () => trustedAuthority(await issuingAuthority());

export const revocationServices = once(() => ({ registry: registry(), clock, newId }));

export const riskServices = once(() => ({ registry: registry(), records: riskRecords(dynamodb(), environment('riskTable')), clock, newId }));
