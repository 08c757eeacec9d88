import { paceOf } from '../authority/pace.ts';
import { retireKeys } from '../authority/retire-keys.ts';
import { effects } from '../aws/effects.ts';
import { keyRetirement } from '../aws/key-retirement.ts';
import { kmsWithoutRetries } from '../aws/kms-client.ts';
import { environment } from './environment.ts';
import { outboxConsumer } from './outbox-consumer.ts';
import { clock, once, registryTable } from './services.ts';

const retirementServices = once(() => ({
  keys: keyRetirement(kmsWithoutRetries(), { pendingWindowInDays: environment('keyDeletionDays') }),
  effects: effects(registryTable()),
  pace: paceOf(environment('keyRetirementsPerSecond')),
  clock,
}));

/** What the last calls may take, once it is too late to begin another. */
const marginMilliseconds = 15_000;

/** Consumes the registry's stream: has the keys of ended certificates deleted. */
export const handler = outboxConsumer('retire-keys', (ends, context) => (
  retireKeys(retirementServices(), ends, AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - marginMilliseconds)))
));
