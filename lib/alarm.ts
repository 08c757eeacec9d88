import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct, type IConstruct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Settings } from './settings.ts';

export interface AlarmProps {
  /** What is wrong, in a sentence. */
  readonly what: string;
  /** The heading in docs/operations.md that says what to do about it, as its anchor. */
  readonly runbook: string;
  readonly metric: cloudwatch.IMetric;
  readonly threshold: number;
  /** By default the alarm is for what is above the threshold. */
  readonly comparisonOperator?: cloudwatch.ComparisonOperator;
  /** In how many periods in a row; 1 by default. */
  readonly periods?: number;
  /** Where it is measured all the time, so that silence is a fault; by default a period without data is a good one. */
  readonly soundsWithoutData?: boolean;
}

/** An alarm that sounds as soon as the metric is out of bounds. */
export function createAlarm(scope: Construct, id: string, props: AlarmProps): cloudwatch.Alarm {
  const { what, runbook, metric, threshold, comparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD, periods = 1, soundsWithoutData = false } = props;
  return new cloudwatch.Alarm(scope, id, {
    alarmDescription: `${what} What to do: docs/operations.md#${runbook}`,
    metric,
    threshold,
    comparisonOperator,
    evaluationPeriods: periods,
    treatMissingData: soundsWithoutData ? cloudwatch.TreatMissingData.BREACHING : cloudwatch.TreatMissingData.NOT_BREACHING,
  });
}

/** Tells people of alarms: all of a stack's go to one topic, and from there to whoever has subscribed to it. */
export class AlarmTopic extends Construct {
  readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, { deployment, alarmEmail }: Settings) {
    super(scope, id);
    this.topic = new sns.Topic(this, 'Topic', { topicName: `${deployment}-alarms`, displayName: `Kakunin ${deployment}`, enforceSSL: true });
    // A policy of its own takes the place of SNS's, by which the account's services may publish.
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    const { account } = Stack.of(this);
    this.topic.addToResourcePolicy(new iam.PolicyStatement({
      sid: 'AlarmsAreTold',
      principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [this.topic.topicArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': account },
        ArnLike: { 'aws:SourceArn': Stack.of(this).formatArn({ service: 'cloudwatch', resource: 'alarm', resourceName: '*', arnFormat: ArnFormat.COLON_RESOURCE_NAME }) },
      },
    }));
    const reason = 'What alarms say is which function or measure, and no data; with the key that AWS manages for SNS, CloudWatch could not publish.';
    acknowledge(this.topic, { 'AwsSolutions-SNS2': reason, 'NIST.800.53.R5-SNSEncryptedKMS': reason });
    if (alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(alarmEmail));
  }

  /** Every alarm below `root` that there is by now: when it sounds, and when it is over. */
  tellOf(root: IConstruct): void {
    for (const construct of root.node.findAll()) {
      if (!(construct instanceof cloudwatch.Alarm)) continue;
      construct.addAlarmAction(new SnsAction(this.topic));
      construct.addOkAction(new SnsAction(this.topic));
    }
  }
}
