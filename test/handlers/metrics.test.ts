import { expect, jest, test } from '@jest/globals';
import { Logger } from '@aws-lambda-powertools/logger';
import { countMetrics } from '../../lambdas/handlers/metrics.ts';

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
test('a log entry with metrics has at its top what CloudWatch takes them from', () => {
  const logger = new Logger({ serviceName: 'kakunin', logLevel: 'INFO' });
  const written: string[] = [];
  jest.spyOn((logger as unknown as { console: Console }).console, 'info').mockImplementation((line: string) => void written.push(line));
  const now = new Date('2026-05-17T10:00:00.000Z');
  logger.info('reconcile', { completed: true, ...countMetrics({ AbandonedKeys: 2, DeadLeases: 0 }, 'kakunin', now) });
  const entry = JSON.parse(written[0] ?? '{}') as Record<string, unknown> & { _aws: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[] } };
  expect(entry).toMatchObject({ message: 'reconcile', AbandonedKeys: 2, DeadLeases: 0, Deployment: 'kakunin' });
  expect(entry._aws).toEqual({
    Timestamp: now.getTime(),
    CloudWatchMetrics: [{ Namespace: 'Kakunin', Dimensions: [['Deployment']], Metrics: [{ Name: 'AbandonedKeys', Unit: 'Count' }, { Name: 'DeadLeases', Unit: 'Count' }] }],
  });
  // Each name stands for a member of the entry, numbers for metrics and text for dimensions.
  for (const { Dimensions, Metrics } of entry._aws.CloudWatchMetrics) {
    for (const name of Dimensions.flat()) expect(typeof entry[name]).toBe('string');
    for (const { Name } of Metrics) expect(typeof entry[Name]).toBe('number');
  }
});
