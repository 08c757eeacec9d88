/**
 * Attributes that make a log entry one from which CloudWatch takes metrics, each a count, by deployment. Powertools' logger
 * writes them at the top of the entry, where CloudWatch looks for them, so that no call and no permission is needed.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 * @param counts by the metrics' names
 */
export function countMetrics(counts: Readonly<Record<string, number>>, deployment: string, now: Date): object {
  const Metrics = Object.keys(counts).map((Name) => ({ Name, Unit: 'Count' }));
  return { ...counts, Deployment: deployment, _aws: { Timestamp: now.getTime(), CloudWatchMetrics: [{ Namespace: 'Kakunin', Dimensions: [['Deployment']], Metrics }] } };
}
