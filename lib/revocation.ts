import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { createFunction } from './lambda.ts';
import type { Platform } from './platform.ts';

/** Revokes the certificates of agents at high risk: the risk table's stream, its function, and what becomes of its failures. */
export class Revocation extends Construct {
  readonly deadLetters: sqs.Queue;

  constructor(scope: Construct, id: string, platform: Platform) {
    super(scope, id);
    // Lambda leaves here where in the stream a record stood that it gave up on; the record itself is still in the table.
    this.deadLetters = new sqs.Queue(this, 'DeadLetters', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const autoRevoke = createFunction(this, 'auto-revoke', platform, { timeout: Duration.minutes(1) });
    autoRevoke.addEventSourceMapping('RiskRecords', {
      eventSourceArn: streamArnOf(platform),
      startingPosition: lambda.StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      parallelizationFactor: 10,
      // By default a record that cannot be processed is retried until it leaves the stream and holds up its shard for a
      // day. Here it is isolated, tried again within bounds, and set aside.
      // https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      retryAttempts: 10,
      maxRecordAge: Duration.hours(6),
      onFailure: new SqsDlq(this.deadLetters),
      // Records dropped by their time to live say nothing about an agent. Scores are compared in the function: numeric
      // filters do not see DynamoDB's numbers, which arrive as strings.
      // https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
      filters: [lambda.FilterCriteria.filter({ eventName: lambda.FilterRule.or('INSERT', 'MODIFY') })],
    });
    new cloudwatch.Alarm(this, 'DeadLettersPresent', {
      alarmDescription: 'Risk records could not be acted upon: certificates that should be revoked may still be active.',
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: 'Maximum' }),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: 0,
      evaluationPeriods: 1,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }
}

function streamArnOf({ tables: { risk } }: Platform): string {
  if (risk.tableStreamArn === undefined) throw new Error('The risk table has no stream.');
  return risk.tableStreamArn;
}
