import { paceOf } from '../authority/pace.ts';
import { retireKeys } from '../authority/retire-keys.ts';
import { effects } from '../aws/effects.ts';
import { keyRetirement } from '../aws/key-retirement.ts';
import { kmsWithoutRetries } from '../aws/kms-client.ts';
import { readKeyEndMessage } from '../aws/outbox-stream.ts';
import { environment } from './environment.ts';
import { logLatencies } from './latencies.ts';
import { queueConsumer } from './queue-consumer.ts';
import { clock, once, registryTable } from './services.ts';

const retirementServices = once(() => ({
  keys: keyRetirement(kmsWithoutRetries(), { pendingWindowInDays: environment('keyDeletionDays') }),
  effects: effects(registryTable()),
  pace: paceOf(environment('keyRetirementsPerSecond')),
  clock,
}));

/** What the last calls may take, once it is too late to begin another. */
const marginMilliseconds = 15_000;

/** Called with ended certificates and abandoned keys: has the keys deleted. */
export const handler = queueConsumer('retire-keys', readKeyEndMessage, async (ends, context) => {
  const outcomes = await retireKeys(retirementServices(), ends, AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - marginMilliseconds)));
  logLatencies('retire-keys', 'KeyRetirementLatency', ends, outcomes);
  return outcomes;
});
