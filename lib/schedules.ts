import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { schedules, type ScheduledName } from '../lambdas/triggers.ts';
import { createAlarm } from './alarm.ts';
import { createFunction } from './lambda.ts';
import type { Platform } from './platform.ts';

/**
 * What the clock calls. Rules rather than EventBridge Scheduler, which would need a role to call functions with: each
 * function admits its one rule and nobody has a right more. EventBridge delivers for up to a day, Lambda runs a function
 * that failed twice more, and the next hour asks again.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export class Schedules extends Construct {
  /** @param existing functions that there are for another reason too. */
  constructor(scope: Construct, id: string, platform: Platform, existing: Partial<Record<ScheduledName, IFunction>>) {
    super(scope, id);
    for (const [name, { everyMinutes }] of Object.entries(schedules) as [ScheduledName, (typeof schedules)[ScheduledName]][]) {
      const target = existing[name] ?? createFunction(this, name, platform);
      new events.Rule(this, `Call-${name}`, {
        description: `Kakunin ${platform.settings.deployment}: ${name}`,
        schedule: events.Schedule.rate(Duration.minutes(everyMinutes)),
        targets: [new LambdaFunction(target)],
      });
      alarmOnFailure(this, name, target);
    }
  }
}

const attempts = 3;

/** Whatever is not renewed in time ends: CRLs after a day, the OCSP responder's certificate after weeks. */
function alarmOnFailure(scope: Construct, name: ScheduledName, target: IFunction): void {
  createAlarm(scope, `Failed-${name}`, {
    what: `${name} failed ${attempts} times in a row.`,
    runbook: 'what-the-clock-calls-fails',
    metric: target.metricErrors({ statistic: cloudwatch.Stats.SUM, period: Duration.minutes(schedules[name].everyMinutes) }),
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    threshold: attempts,
  });
}
