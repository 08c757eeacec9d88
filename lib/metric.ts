import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { metricNamespace, metrics, type MetricDefinition, type MetricName } from '../lambdas/metrics.ts';

/** A metric of lambdas/metrics.ts, of one deployment. @param value of its dimension, where it has one */
export function metricOf(name: MetricName, deployment: string, options: Pick<cloudwatch.MetricOptions, 'statistic' | 'period' | 'label'>, value?: string): cloudwatch.Metric {
  const { dimension }: MetricDefinition = metrics[name];
  return new cloudwatch.Metric({
    namespace: metricNamespace,
    metricName: name,
    dimensionsMap: { Deployment: deployment, ...(dimension !== undefined && value !== undefined && { [dimension]: value }) },
    ...options,
  });
}

/** All values of a metric's dimension, each as a line of its own. */
export function everyValueOf(name: MetricName, deployment: string, statistic: string, period: Duration): cloudwatch.MathExpression {
  const { dimension }: MetricDefinition = metrics[name];
  return new cloudwatch.MathExpression({
    expression: `SEARCH('{${metricNamespace},Deployment,${String(dimension)}} MetricName="${name}" Deployment="${deployment}"', '${statistic}', ${period.toSeconds()})`,
    usingMetrics: {},
    label: '',
    period,
  });
}
