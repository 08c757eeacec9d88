import { Duration } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { MetricName } from '../lambdas/metrics.ts';
import { createAlarm } from './alarm.ts';
import { metricOf } from './metric.ts';
import type { Settings } from './settings.ts';

const day = Duration.days(1);
const { LESS_THAN_THRESHOLD } = cloudwatch.ComparisonOperator;

/** A failure of the service, and not of one request now and then: so many in five minutes, and such a share of them. */
const serverErrors = { atLeast: 5, percent: 5 } as const;

const slowestAutoRevocation = Duration.seconds(60);

/** Before the CRLs that relying parties have run out, with time to do something about it. */
const crlMargin = Duration.hours(6);

/** What has to be renewed by then. The service does so by itself but for the CAs' own, which take the operator. */
const shortestTimesLeft = {
  OcspSignerTimeLeft: [Duration.days(10), 'The OCSP responder’s certificate ends within 10 days and has not been renewed.'],
  AttestationSignerTimeLeft: [Duration.days(180), 'The certificate of what signs halt receipts and the audit trail’s heads ends within 180 days and has not been renewed.'],
  // An agent’s certificate is for a year and must not outlive its issuer.
  IssuingCaTimeLeft: [Duration.days(365 + 180), 'The issuing CA’s certificate ends within a year and a half: certificates will soon be shorter than a year.'],
  RootCaTimeLeft: [Duration.days(2 * 365), 'The root CA’s certificate ends within two years.'],
} as const satisfies Partial<Record<MetricName, readonly [Duration, string]>>;

/** Alarms on what hurts the service's users, whatever part is to blame. Those on single parts stand with these. */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, { deployment, kmsKeyQuota }: Settings, stages: readonly apigateway.Stage[]) {
    super(scope, id);
    createAlarm(this, 'SlowAutoRevocation', {
      what: `Agents whose risk reached the threshold kept their certificates for more than ${slowestAutoRevocation.toSeconds()} s.`,
      runbook: 'agents-are-revoked-late',
      metric: metricOf('AutoRevocationLatency', deployment, { statistic: cloudwatch.Stats.percentile(99), period: Duration.minutes(5) }),
      threshold: slowestAutoRevocation.toMilliseconds(),
    });
    createAlarm(this, 'CrlEnds', {
      what: `A CRL ends within ${crlMargin.toHours()} hours or is not there, or nobody has looked for three hours.`,
      runbook: 'a-crl-ends',
      metric: metricOf('CrlTimeLeft', deployment, { statistic: cloudwatch.Stats.MINIMUM, period: Duration.hours(1) }),
      threshold: crlMargin.toSeconds(),
      comparisonOperator: LESS_THAN_THRESHOLD,
      periods: 3,
      soundsWithoutData: true,
    });
    for (const [name, [shortest, what]] of Object.entries(shortestTimesLeft) as [MetricName, readonly [Duration, string]][]) {
      createAlarm(this, name, {
        what, runbook: 'a-certificate-of-the-authority-ends', metric: metricOf(name, deployment, { statistic: cloudwatch.Stats.MINIMUM, period: day }), threshold: shortest.toSeconds(), comparisonOperator: LESS_THAN_THRESHOLD,
      });
    }
    createAlarm(this, 'ServerErrors', {
      what: `At least ${serverErrors.percent} % of the requests within five minutes were answered with a 5xx.`,
      runbook: 'requests-are-answered-with-5xx',
      metric: shareOfServerErrors(stages),
      threshold: serverErrors.percent,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    });
    // A function that is not called at all measures nothing. What it should have done the reconciler finds, within the hour.
    for (const [name, what] of [['UnansweredRisks', 'Risks that should have revoked had not'], ['MissingEffects', 'Certificates had ended, and their CRL or their key’s deletion was missing']] as const) {
      createAlarm(this, name, {
        what: `${what}: the reconciler had to do it.`,
        runbook: 'the-reconciler-had-to-step-in',
        metric: metricOf(name, deployment, { statistic: cloudwatch.Stats.SUM, period: Duration.hours(1) }),
        threshold: 0,
      });
    }
    createAlarm(this, 'KeyQuota', {
      what: `The account has more than 80 % of the ${kmsKeyQuota} KMS keys that it may have in this Region.`,
      runbook: 'the-accounts-keys-run-out',
      metric: metricOf('KeysInAccount', deployment, { statistic: cloudwatch.Stats.MAXIMUM, period: day }),
      threshold: 0.8 * kmsKeyQuota,
    });
  }
}

/** Of all stages together. */
function shareOfServerErrors(stages: readonly apigateway.Stage[]): cloudwatch.MathExpression {
  const period = Duration.minutes(5);
  const options = { statistic: cloudwatch.Stats.SUM, period };
  const sum = (name: string) => (stages.length === 1 ? name : `(${stages.map((_, index) => `FILL(${name}${index || ''}, 0)`).join(' + ')})`);
  const metrics = stages.flatMap((stage, index) => [[`errors${index || ''}`, stage.metricServerError(options)], [`requests${index || ''}`, stage.metricCount(options)]] as const);
  return new cloudwatch.MathExpression({
    expression: `IF(${sum('errors')} >= ${serverErrors.atLeast}, 100 * ${sum('errors')} / ${sum('requests')}, 0)`,
    usingMetrics: Object.fromEntries(metrics),
    label: 'answers with a 5xx, in per cent',
    period,
  });
}
