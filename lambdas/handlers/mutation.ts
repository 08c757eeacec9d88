import { requestRecords } from '../aws/request-records.ts';
import { mutationEndpoint, type Run } from '../http/endpoint.ts';
import type { Restore } from '../http/idempotency.ts';
import { log } from '../log.ts';
import type { MutationName } from '../routes.ts';
import { clock, newId, once, registryTable } from './services.ts';

const services = once(() => ({
  records: requestRecords(registryTable()),
  clock,
  newId,
  warn: log.error,
}));

/** The Lambda handler of a route that changes something: as `endpoint`, and it honours Idempotency-Key. */
export function mutation<Name extends MutationName>(name: Name, run: Run<Name>, restore?: Restore) {
  return mutationEndpoint(name, services, run, restore);
}
