import { metricNamespace, metrics, type MetricDefinition, type MetricName } from '../metrics.ts';
import { environment } from './environment.ts';
import { clock } from './services.ts';

/** Measured at once; of several values CloudWatch makes percentiles. */
export type Measurements = Partial<Readonly<Record<MetricName, number | readonly number[]>>>;

// CloudWatch takes no more values of a metric from one line.
const valuesPerLine = 100;

/**
 * Attributes that make a log entry one from which CloudWatch takes metrics, by deployment. Powertools' logger writes them at
 * the top of the entry, where CloudWatch looks for them, so that no call and no permission is needed.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 * @param measured metrics of one dimension, or of none; of more than 100 values the first 100 are kept
 * @param value of the dimension
 */
export function measurement(measured: Measurements, value?: string): Readonly<Record<string, unknown>> {
  const names = Object.keys(measured) as MetricName[];
  const [{ dimension } = {}] = names.map((name): MetricDefinition => metrics[name]);
  const values = Object.fromEntries(names.map((name) => [name, cut(measured[name] ?? [])]));
  return {
    ...values,
    Deployment: environment('deployment'),
    ...(dimension !== undefined && { [dimension]: value }),
    _aws: {
      Timestamp: clock().getTime(),
      CloudWatchMetrics: [{
        Namespace: metricNamespace,
        Dimensions: [dimension === undefined ? ['Deployment'] : ['Deployment', dimension]],
        Metrics: names.map((Name) => ({ Name, Unit: metrics[Name].unit })),
      }],
    },
  };
}

const cut = (values: number | readonly number[]) => (typeof values === 'number' ? values : values.slice(0, valuesPerLine));
