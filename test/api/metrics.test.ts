import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { metricNamespace, metrics, type MetricDefinition, type MetricName } from '../../lambdas/metrics.ts';
import { schedules, type ScheduledName } from '../../lambdas/triggers.ts';
import { localCredentials, region } from '../../local/account.ts';
import { captureLog, type CapturedLog } from '../support/captured-log.ts';
import { awsError } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';

// What the functions measure, taken from their log as CloudWatch would.

let captured: CapturedLog;
let runtime: FaultyRuntime;

beforeAll(async () => {
  captured = captureLog();
  runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
});
afterAll(async () => {
  await runtime.stop();
  jest.restoreAllMocks();
});

interface Measured {
  readonly name: string;
  readonly value: number;
  readonly dimension: string | undefined;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
function measured(): Measured[] {
  return captured.lines().flatMap((line) => {
    const { _aws } = line as { _aws?: { Timestamp: number; CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[] } };
    return (_aws?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions: [dimensions = []], Metrics }) => {
      expect(Namespace).toBe(metricNamespace);
      for (const dimension of dimensions) expect(line[dimension]).toEqual(expect.any(String));
      return Metrics.flatMap(({ Name, Unit }) => {
        const { unit, dimension }: MetricDefinition = metrics[Name as MetricName];
        expect([Name, Unit, dimensions]).toEqual([Name, unit, dimension === undefined ? ['Deployment'] : ['Deployment', dimension]]);
        return [line[Name]].flat().map((value) => ({ name: Name, value: value as number, dimension: dimension && String(line[dimension]) }));
      });
    });
  });
}
const of = (name: MetricName) => measured().filter((metric) => metric.name === name);
const sumOf = (name: MetricName, dimension?: string) => of(name).filter((metric) => metric.dimension === dimension).reduce((sum, { value }) => sum + value, 0);
const revoke = (certificateId: string, body: object) => runtime.call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test', ...body } });

test('issuing, refusing and revoking are counted, by what for', async () => {
  captured.clear();
  const agentId = await runtime.newAgent();
  const certificate = (await runtime.certify(agentId)).body.data;
  expect((await runtime.certify(agentId)).status).toBe(409);
  const renewed = (await runtime.call('POST', `/certificates/${certificate.id}/renew`)).body.data;
  await revoke(renewed.id, { reason_code: 'keyCompromise' });
  const throttles = runtime.kms.inject(requests.createKey, awsError('ThrottlingException'), { times: 2 });
  expect((await runtime.certify(agentId)).status).toBe(201);
  throttles.remove();
  await runtime.call('POST', '/events', { body: { agent_id: agentId, action_type: 'unauthorized_access_attempt' } });
  await runtime.idle();

  expect(sumOf('CertificatesIssued')).toBe(3);
  expect(of('CertificatesRevoked').map(({ dimension, value }) => [dimension, value]).sort()).toEqual([['keyCompromise', 1], ['risk', 1], ['superseded', 1]]);
  expect(of('IssuancesRefused').map(({ dimension, value }) => [dimension, value])).toEqual([['ACTIVE_CERTIFICATE_EXISTS', 1]]);
  expect(sumOf('KmsThrottles', 'CreateKey')).toBe(2);
  const latencies = (name: MetricName) => of(name).map(({ value }) => value);
  for (const [name, count] of [['AutoRevocationLatency', 1], ['CrlPublicationLatency', 3], ['KeyRetirementLatency', 3]] as const) {
    expect([name, latencies(name).length]).toEqual([name, count]);
    for (const value of latencies(name)) expect(value >= 0 && value < 60_000).toBe(true);
  }
}, 60_000);

test('a refusal for want of KMS is told from one that the client is to blame for', async () => {
  captured.clear();
  const agentId = await runtime.newAgent();
  const outage = runtime.kms.inject(requests.createKey, awsError('KMSInternalException'));
  expect((await runtime.certify(agentId)).status).toBe(503);
  outage.remove();
  expect(of('IssuancesRefused').map(({ dimension }) => dimension)).toEqual(['KMS_UNAVAILABLE']);
}, 60_000);

test('the clock measures CRLs, certificates of the authority and keys', async () => {
  captured.clear();
  for (const name of Object.keys(schedules) as ScheduledName[]) await runtime.runSchedule(name);
  const valueOf = (name: MetricName) => of(name)[0]?.value ?? NaN;
  expect(valueOf('CrlAge')).toBeLessThan(60);
  expect(valueOf('CrlTimeLeft')).toBeGreaterThan(24 * 3600);
  const days = (name: MetricName) => Math.round(valueOf(name) / 86_400);
  expect(['OcspSignerTimeLeft', 'AttestationSignerTimeLeft', 'IssuingCaTimeLeft', 'RootCaTimeLeft'].map((name) => days(name as MetricName))).toEqual([30, 730, 3650, 9125]);
  const { length: agentKeys } = await runtime.aftermath.agentKeys();
  expect(valueOf('KeysReconciled')).toBe(agentKeys);
  // Of the authority and of webhooks' secrets beside them.
  expect(valueOf('KeysInAccount')).toBe(agentKeys + 5);
  for (const name of ['AbandonedKeys', 'DeadLeases', 'MissingEffects', 'UnansweredRisks', 'OverdueExpiries', 'ReconcilerFailures'] as const) expect([name, valueOf(name)]).toEqual([name, 0]);
}, 60_000);

test('a CRL that is missing is measured as out of date, though publishing fails', async () => {
  captured.clear();
  const s3 = new S3Client({ endpoint: runtime.s3Endpoint, region, credentials: localCredentials, forcePathStyle: true });
  await s3.send(new DeleteObjectCommand({ Bucket: runtime.bucketNames.distribution, Key: 'crl/shard-3.crl' }));
  s3.destroy();
  runtime.s3.inject({ operation: 'PutObject' }, awsError('InternalError'));
  await expect(runtime.runSchedule('refresh-crls')).rejects.toThrow();
  runtime.calm();
  expect(of('CrlTimeLeft').map(({ value }) => value)).toEqual([0]);

  captured.clear();
  await runtime.runSchedule('refresh-crls');
  expect(sumOf('CrlTimeLeft')).toBeGreaterThan(24 * 3600);
}, 60_000);
