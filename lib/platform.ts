import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { routes, type RouteName } from '../lambdas/routes.ts';
import type { TableName } from '../lambdas/schema.ts';
import { queueConsumers, schedules, streamConsumers, type QueueConsumerName, type ScheduledName, type StreamConsumerName } from '../lambdas/triggers.ts';
import type { AuthorityKeys } from './authority-keys.ts';
import type { Distribution } from './distribution.ts';
import type { QueuePair } from './queues.ts';
import type { Settings } from './settings.ts';
import type { WebhookKey } from './webhook-key.ts';

/** What the functions stand on. */
export interface Platform {
  readonly settings: Settings;
  readonly tables: Readonly<Record<TableName, Table>>;
  readonly keys: AuthorityKeys;
  /** Encrypts data at rest, where a key of the customer's is asked for. */
  readonly dataKey: IKey | undefined;
  /** Encrypts the secrets of webhooks. */
  readonly webhookKey: WebhookKey;
  readonly distribution: Distribution;
  /** Where Lambda leaves what a stream's consumer could not process. */
  readonly deadLetters: IBucket;
  readonly queues: Readonly<Record<QueueConsumerName, QueuePair>>;
  /** Of deliveries whose receivers have failed too often. */
  readonly exhaustedDeliveries: IQueue;
  /** Where the deployment's owner hears of changes. */
  readonly eventBus: EventBus;
  /** Where the audit trail is exported to, and kept under an object lock. */
  readonly auditArchive: IBucket;
  /**
   * The role of retire-keys, which certify-agent names in the policy of every key it creates. It must stay the same role:
   * KMS remembers a role by its unique id, and a new one of the same name could not retire the keys of the old.
   * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
   */
  readonly keyRetirer: Role;
  /** The role of sign-message, named in the same policies, and to stay the same for the same reason. */
  readonly messageSigner: Role;
}

/** A function, by the name of its file in lambdas/handlers. */
export type HandlerName = RouteName | StreamConsumerName | QueueConsumerName | ScheduledName | 'authorize';

/** Every function there is. */
export const handlerNames: readonly HandlerName[] = [
  ...(Object.keys(routes) as RouteName[]),
  ...(Object.keys(streamConsumers) as StreamConsumerName[]),
  ...(Object.keys(queueConsumers) as QueueConsumerName[]),
  ...(Object.keys(schedules) as ScheduledName[]),
  'authorize',
];
