import type { AbandonedKey } from '../authority/certificate-end.ts';
import { paceOf } from '../authority/pace.ts';
import type { ReconcilerServices } from '../authority/reconcile.ts';
import { dynamodb } from '../aws/dynamodb-client.ts';
import { effects } from '../aws/effects.ts';
import { expiries } from '../aws/expiries.ts';
import { keyInventory } from '../aws/key-inventory.ts';
import { kms } from '../aws/kms-client.ts';
import { sendMessages } from '../aws/message-queue.ts';
import { passProgressNote } from '../aws/pass-progress.ts';
import { replayEnd } from '../aws/replay.ts';
import { severeRisks } from '../aws/severe-risks.ts';
import { sqs } from '../aws/sqs-client.ts';
import { environment } from './environment.ts';
import { clock, newId, once, registry, registryTable } from './services.ts';

// Of 500 that list keys and 2,000 that read tags or describe a key, which others in the account need too. A full account's
// 100,000 keys are gone through in about an hour.
const kmsRequestsPerSecond = 40;

const pace = once(() => paceOf(kmsRequestsPerSecond));

/** @param signal ends the waiting for KMS */
export const reconcilerServices = (signal: AbortSignal): ReconcilerServices => ({
  registry: registry(),
  keys: keyInventory(kms(), { deployment: environment('deployment'), turn: () => pace().turn(signal) }),
  effects: effects(registryTable()),
  risks: severeRisks({ client: dynamodb(), tableName: environment('riskTable') }),
  threshold: environment('riskThreshold'),
  expiries: expiries(registryTable()),
  crlShardCount: environment('crlShardCount'),
  issuingGenerations: environment('issuingGenerations'),
  progress: passProgressNote(registryTable()),
  sendKeys: (keys) => sendMessages({ client: sqs(), queueUrl: environment('retirementQueueUrl'), tenantOf: ({ tenantId }: AbandonedKey) => tenantId }, keys),
  replayEnd: (certificateId, replayedAt) => replayEnd(registryTable(), certificateId, replayedAt),
  clock,
  newId,
});
