import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { tables, type TableName } from '../lambdas/schema.ts';
import { streamConsumers, type StreamConsumer, type StreamConsumerName } from '../lambdas/triggers.ts';
import { createAlarm } from './alarm.ts';
import { streamArnOf } from './grants.ts';
import { createFunction } from './lambda.ts';
import type { Platform } from './platform.ts';

// A function reads a stream through one mapping only. Under another id the next deployment would try to create a second one.
const mappingIds = { registry: 'RegistryRecords', risk: 'RiskRecords' } as const satisfies Record<TableName, string>;

/** What follows from a change in a table: each consumer of a stream, and what becomes of the records it cannot process. */
export class Revocation extends Construct {
  constructor(scope: Construct, id: string, platform: Platform) {
    super(scope, id);
    for (const [name, consumer] of Object.entries(streamConsumers) as [StreamConsumerName, StreamConsumer][]) {
      const consuming = createFunction(this, name, platform);
      const mapping = consuming.addEventSourceMapping(mappingIds[consumer.table], mappingOf(consumer, platform));
      addAlarms(mapping, name);
      alarmOnLag(mapping, name, consuming);
      alarmOnThrottles(mapping, name, consuming);
    }
  }
}

function mappingOf(consumer: StreamConsumer, { tables: deployed, deadLetters }: Platform): lambda.EventSourceMappingOptions {
  return {
    eventSourceArn: streamArnOf(deployed[consumer.table]),
    startingPosition: lambda.StartingPosition.TRIM_HORIZON,
    batchSize: consumer.batchSize,
    maxBatchingWindow: Duration.seconds(consumer.batchingWindowSeconds),
    parallelizationFactor: consumer.parallelizationFactor,
    filters: [filterOf(consumer)],
    // By default a record that cannot be processed is retried until it leaves the stream and holds up its shard for a
    // day. Here it is isolated, tried again within bounds, and set aside.
    // https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
    bisectBatchOnError: true,
    reportBatchItemFailures: true,
    retryAttempts: consumer.retryAttempts,
    maxRecordAge: Duration.seconds(consumer.maximumRecordAgeSeconds),
    // S3 is the one destination that receives the records themselves, so that they can be replayed after they have left
    // the stream. CDK's own S3OnFailureDestination would let the function read and delete what it failed at; what it
    // takes to write there stands in permissions.ts.
    // https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    onFailure: { bind: () => ({ destination: deadLetters.bucketArn }) },
    metricsConfig: { metrics: [lambda.MetricType.EVENT_COUNT] },
  };
}

/**
 * What a consumer is not called for is told by the kind of change and by the partition key. Items dropped by their time to
 * live, for one, say nothing about an agent. What numbers say is left to the functions: filters do not see DynamoDB's
 * numbers, which arrive as strings.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
 */
function filterOf({ table, eventNames, partitionKeyPrefixes }: StreamConsumer) {
  return lambda.FilterCriteria.filter({
    eventName: lambda.FilterRule.or(...eventNames),
    ...(partitionKeyPrefixes !== undefined && {
      dynamodb: { Keys: { [tables[table].partitionKey]: { S: partitionKeyPrefixes.flatMap((prefix) => lambda.FilterRule.beginsWith(prefix)) } } },
    }),
  });
}

/** A record that was set aside waits to be replayed; one that could not even be set aside is lost to its consumer. */
function addAlarms(mapping: lambda.EventSourceMapping, name: StreamConsumerName): void {
  const alarms = {
    DeadLetters: ['OnFailureDestinationDeliveredEventCount', 'dead-letters', `${name} could not process records and they were put aside.`],
    Dropped: ['DroppedEventCount', 'records-are-lost-to-a-function', `${name} could not process records, and they could not be put aside either.`],
  } as const;
  for (const [id, [metricName, runbook, what]] of Object.entries(alarms)) {
    createAlarm(mapping, id, {
      what,
      runbook,
      // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
      metric: new cloudwatch.Metric({
        namespace: 'AWS/Lambda',
        metricName,
        dimensionsMap: { EventSourceMappingUUID: mapping.eventSourceMappingId },
        statistic: cloudwatch.Stats.SUM,
        period: Duration.minutes(1),
      }),
      threshold: 0,
    });
  }
}

const longestLag = Duration.minutes(5);

/**
 * While a record is tried again, what is behind it in its shard waits: with one now and then nobody notices, with many the
 * shard falls behind by hours. The age is that of the last record of each batch when it is read.
 */
function alarmOnLag(scope: Construct, name: StreamConsumerName, consuming: lambda.IFunction): void {
  createAlarm(scope, 'Lag', {
    what: `${name} is more than ${longestLag.toMinutes()} minutes behind what is written.`,
    runbook: 'a-function-is-behind',
    metric: consuming.metric('IteratorAge', { statistic: cloudwatch.Stats.MAXIMUM, period: Duration.minutes(1) }),
    threshold: longestLag.toMilliseconds(),
  });
}

/** Lambda has no room for it: the account's concurrency is used up, and nothing else would tell, since what is not called measures nothing. */
function alarmOnThrottles(scope: Construct, name: StreamConsumerName, consuming: lambda.IFunction): void {
  createAlarm(scope, 'Throttled', {
    what: `${name} is not called, because Lambda has no room for it.`,
    runbook: 'a-function-is-behind',
    metric: consuming.metricThrottles({ statistic: cloudwatch.Stats.SUM, period: Duration.minutes(5) }),
    threshold: 0,
  });
}
