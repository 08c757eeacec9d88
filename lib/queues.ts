import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deadLetterQueueOf, exhaustedDeliveryQueue, queueConsumers, type QueueConsumer, type QueueConsumerName } from '../lambdas/triggers.ts';
import { acknowledge } from './acknowledge.ts';
import { createAlarm } from './alarm.ts';
import { createFunction } from './lambda.ts';
import type { Platform } from './platform.ts';

export interface QueuePair {
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;
}

// SQS keeps a message no longer.
const longestRetention = Duration.days(14);

/** The queues of lambdas/triggers.ts, each with one for its dead letters, and the functions that are called with their messages. */
export class Queues extends Construct {
  readonly queues: Readonly<Record<QueueConsumerName, QueuePair>>;
  /** Without an alarm: what is in it is for its tenant to see to, who can read of it in the history of deliveries. */
  readonly exhaustedDeliveries: sqs.Queue;

  /** @param dataKey encrypts messages, in the place of SQS's own keys. */
  constructor(scope: Construct, id: string, deployment: string, dataKey: IKey | undefined) {
    super(scope, id);
    const common = encryptedBy(dataKey);
    this.queues = Object.fromEntries(consumers().map(([name, consumer]) => [name, this.createPair(name, consumer, deployment, common)])) as Record<QueueConsumerName, QueuePair>;
    this.exhaustedDeliveries = new sqs.Queue(this, 'ExhaustedDeliveries', { ...common, queueName: `${deployment}-${exhaustedDeliveryQueue}`, retentionPeriod: longestRetention });
    acknowledge(this.exhaustedDeliveries, { 'AwsSolutions-SQS3': 'It is itself where deliveries are put aside, and no function reads it: nothing in it can fail.' });
  }

  /** Creates the functions, which need to know the rest of the platform. */
  addConsumers(platform: Platform): void {
    for (const [name, { batchSize, maximumConcurrency }] of consumers()) {
      createFunction(this, name, platform).addEventSourceMapping('Messages', {
        eventSourceArn: this.queues[name].queue.queueArn,
        batchSize,
        maxConcurrency: maximumConcurrency,
        reportBatchItemFailures: true,
      });
    }
  }

  private createPair(name: QueueConsumerName, { visibilityTimeoutSeconds, maximumReceives, longestWaitSeconds }: QueueConsumer, deployment: string, common: sqs.QueueProps): QueuePair {
    const deadLetters = new sqs.Queue(this, `${name}-DeadLetters`, { ...common, queueName: `${deployment}-${deadLetterQueueOf(name)}`, retentionPeriod: longestRetention });
    const queue = new sqs.Queue(this, `${name}-Queue`, {
      ...common,
      queueName: `${deployment}-${name}`,
      visibilityTimeout: Duration.seconds(visibilityTimeoutSeconds),
      deadLetterQueue: { queue: deadLetters as sqs.IQueue, maxReceiveCount: maximumReceives },
    });
    createAlarm(deadLetters, 'NotEmpty', {
      what: `${name} could not process messages and they were put aside.`,
      runbook: 'dead-letters',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ statistic: cloudwatch.Stats.MAXIMUM, period: Duration.minutes(1) }),
      threshold: 0,
    });
    createAlarm(queue, 'Waiting', {
      what: `Messages wait for ${name} for more than ${longestWaitSeconds / 60} minutes.`,
      runbook: 'messages-wait',
      metric: queue.metricApproximateAgeOfOldestMessage({ statistic: cloudwatch.Stats.MAXIMUM, period: Duration.minutes(1) }),
      threshold: longestWaitSeconds,
    });
    return { queue, deadLetters };
  }
}

const encryptedBy = (dataKey: IKey | undefined): sqs.QueueProps => ({
  ...(dataKey === undefined ? { encryption: sqs.QueueEncryption.SQS_MANAGED } : { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: dataKey }),
  enforceSSL: true,
});

const consumers = () => Object.entries(queueConsumers) as [QueueConsumerName, QueueConsumer][];
