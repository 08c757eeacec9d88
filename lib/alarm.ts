import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

export interface AlarmProps {
  /** What is wrong, and what to do about it. */
  readonly alarmDescription: string;
  readonly metric: cloudwatch.Metric;
  readonly threshold: number;
  /** By default the alarm is for what is above the threshold. */
  readonly comparisonOperator?: cloudwatch.ComparisonOperator;
}

/** An alarm that sounds at the first period in which the metric is out of bounds; a period without data is a good one. */
export function createAlarm(scope: Construct, id: string, { comparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD, ...props }: AlarmProps): cloudwatch.Alarm {
  return new cloudwatch.Alarm(scope, id, { ...props, comparisonOperator, evaluationPeriods: 1, treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING });
}
