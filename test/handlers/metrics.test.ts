import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { measurement } from '../../lambdas/handlers/metrics.ts';
import { captureLog } from '../support/captured-log.ts';

beforeAll(() => { process.env['DEPLOYMENT'] = 'kakunin'; });
afterAll(() => { jest.restoreAllMocks(); });

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
test('a log entry with metrics has at its top what CloudWatch takes them from', async () => {
  const captured = captureLog();
  const { log } = await import('../../lambdas/log.ts');
  log.info('reconcile', { completed: true, ...measurement({ AbandonedKeys: 2, DeadLeases: 0 }) });
  const [entry, ...others] = captured.lines();
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ message: 'reconcile', completed: true, AbandonedKeys: 2, DeadLeases: 0, Deployment: 'kakunin' });
  expect(entry?.['_aws']).toEqual({
    Timestamp: expect.any(Number),
    CloudWatchMetrics: [{ Namespace: 'Kakunin', Dimensions: [['Deployment']], Metrics: [{ Name: 'AbandonedKeys', Unit: 'Count' }, { Name: 'DeadLeases', Unit: 'Count' }] }],
  });
});

test('a metric with a dimension names its value', () => {
  expect(measurement({ CertificatesRevoked: 3 }, 'keyCompromise')).toMatchObject({
    CertificatesRevoked: 3, Cause: 'keyCompromise',
    _aws: { CloudWatchMetrics: [{ Dimensions: [['Deployment', 'Cause']], Metrics: [{ Name: 'CertificatesRevoked', Unit: 'Count' }] }] },
  });
});

test('of several values as many are kept as CloudWatch takes', () => {
  const { CrlPublicationLatency } = measurement({ CrlPublicationLatency: Array.from({ length: 150 }, (_, index) => index) });
  expect(CrlPublicationLatency).toHaveLength(100);
});
