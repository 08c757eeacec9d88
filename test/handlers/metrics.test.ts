import { afterAll, expect, jest, test } from '@jest/globals';
import { countMetrics } from '../../lambdas/handlers/metrics.ts';
import { captureLog } from '../support/captured-log.ts';

afterAll(() => { jest.restoreAllMocks(); });

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
test('a log entry with metrics has at its top what CloudWatch takes them from', async () => {
  const captured = captureLog();
  const { log } = await import('../../lambdas/log.ts');
  const now = new Date('2026-05-17T10:00:00.000Z');
  log.info('reconcile', { completed: true, ...countMetrics({ AbandonedKeys: 2, DeadLeases: 0 }, 'kakunin', now) });
  const [entry, ...others] = captured.lines();
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ message: 'reconcile', completed: true, AbandonedKeys: 2, DeadLeases: 0, Deployment: 'kakunin' });
  expect(entry?.['_aws']).toEqual({
    Timestamp: now.getTime(),
    CloudWatchMetrics: [{ Namespace: 'Kakunin', Dimensions: [['Deployment']], Metrics: [{ Name: 'AbandonedKeys', Unit: 'Count' }, { Name: 'DeadLeases', Unit: 'Count' }] }],
  });
});
