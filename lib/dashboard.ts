import { Duration } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct, type IConstruct } from 'constructs';
import { metrics, type MetricDefinition, type MetricName } from '../lambdas/metrics.ts';
import { everyValueOf, metricOf } from './metric.ts';
import type { Settings } from './settings.ts';

const width = 24;
const period = Duration.minutes(5);
const hour = Duration.hours(1);
const { SUM, MAXIMUM, MINIMUM } = cloudwatch.Stats;
const percentiles = [50, 99].map((percent) => cloudwatch.Stats.percentile(percent));

/** What is to be seen at a glance, from what users see down to what will matter in weeks. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { deployment }: Settings, stages: readonly apigateway.Stage[]) {
    super(scope, id);
    // Where there are two, the second is of the routes that ask for no key (public-api.ts).
    const everyStage = (lines: (stage: apigateway.Stage, label: (name: string) => string) => cloudwatch.IMetric[]) =>
      stages.flatMap((stage, index) => lines(stage, (name) => (index === 0 ? name : `${name}, without a key`)));
    /** Each statistic of each metric as a line. */
    const graph = (title: string, names: readonly MetricName[], statistics: readonly string[], every = period) => new cloudwatch.GraphWidget({
      title, width: width / 3, leftYAxis: { min: 0, label: unitOf(names), showUnits: false },
      left: names.flatMap((name) => statistics.map((statistic) => metricOf(name, deployment, { statistic, period: every, label: statistics.length > 1 ? `${name} ${statistic}` : name }))),
    });
    /** Each value of a metric's dimension as a line. */
    const broken = (title: string, name: MetricName) => new cloudwatch.GraphWidget({ title, width: width / 3, leftYAxis: { min: 0, showUnits: false }, left: [everyValueOf(name, deployment, SUM, period)], stacked: true });

    new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: deployment,
      defaultInterval: Duration.hours(12),
      widgets: [
        [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', width, height: 5, alarms: alarmsOf(scope) })],
        [
          new cloudwatch.GraphWidget({
            title: 'Requests', width: width / 3, leftYAxis: { min: 0 },
            left: everyStage((stage, label) => [stage.metricCount({ period, label: label('all') }), stage.metricClientError({ period, statistic: SUM, label: label('4xx') }), stage.metricServerError({ period, statistic: SUM, label: label('5xx') })]),
          }),
          new cloudwatch.GraphWidget({ title: 'Latency of requests', width: width / 3, leftYAxis: { min: 0 }, left: everyStage((stage, label) => percentiles.map((statistic) => stage.metricLatency({ period, statistic, label: label(statistic) }))) }),
          graph('Certificates issued', ['CertificatesIssued'], [SUM]),
        ],
        [broken('Issuances refused, by code', 'IssuancesRefused'), broken('Certificates revoked, by cause', 'CertificatesRevoked'), broken('Requests that KMS throttled', 'KmsThrottles')],
        [
          graph('From a risk to the revocation', ['AutoRevocationLatency'], percentiles),
          graph('From a revocation to its CRL', ['CrlPublicationLatency'], percentiles),
          graph('From an end to the key’s', ['KeyRetirementLatency'], percentiles),
        ],
        [
          graph('CRLs', ['CrlAge', 'CrlTimeLeft'], [MAXIMUM], hour),
          graph('Certificates of the authority end in', ['OcspSignerTimeLeft', 'AttestationSignerTimeLeft', 'IssuingCaTimeLeft', 'RootCaTimeLeft'], [MINIMUM], Duration.days(1)),
          graph('KMS keys', ['KeysInAccount', 'KeysReconciled'], [MAXIMUM], hour),
        ],
        [new cloudwatch.GraphWidget({
          title: 'What the reconciler found', width, leftYAxis: { min: 0, showUnits: false },
          left: (['AbandonedKeys', 'DeadLeases', 'MissingEffects', 'UnansweredRisks', 'OverdueExpiries', 'ReconcilerFailures'] as const).map((name) => metricOf(name, deployment, { statistic: SUM, period: hour, label: name })),
        })],
      ],
    });
  }
}

function alarmsOf(root: IConstruct): cloudwatch.IAlarm[] {
  return root.node.findAll().filter((construct) => construct instanceof cloudwatch.Alarm);
}

function unitOf(names: readonly MetricName[]): string {
  const [unit = ''] = names.map((name): string => (metrics[name] satisfies MetricDefinition).unit.toLowerCase());
  return unit;
}
