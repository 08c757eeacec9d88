import { describe, expect, test } from '@jest/globals';
import { streamConsumers, type StreamConsumer, type StreamConsumerName } from '../../lambdas/triggers.ts';
import { lines, synthesize } from './synthesized.ts';

const { ofType, render, functions, bucket, bucketPolicy } = synthesize();

const mappings = new Map(ofType('AWS::Lambda::EventSourceMapping').filter(([, { Properties }]) => render(Properties['EventSourceArn']).endsWith('stream>')).map(([id, { Properties }]) => [render(Properties['FunctionName']).slice(1, -1), { id, ...Properties }] as const));

test('the streams are read by the consumers of lambdas/triggers.ts, and by nobody else', () => {
  expect([...mappings.keys()].sort()).toEqual(Object.keys(streamConsumers).sort());
  expect(mappings.size).toBe(3);
});

describe.each(Object.entries(streamConsumers) as [StreamConsumerName, StreamConsumer][])('%s', (name, consumer) => {
  const mapping = mappings.get(name) as { readonly id: string; readonly [property: string]: any }; // eslint-disable-line @typescript-eslint/no-explicit-any -- whatever CloudFormation takes

  test('reads its stream from the beginning, in batches and lanes as it says', () => {
    expect(render(mapping['EventSourceArn'])).toBe(`<${consumer.table} stream>`);
    expect(mapping).toMatchObject({
      StartingPosition: 'TRIM_HORIZON', BatchSize: consumer.batchSize, MaximumBatchingWindowInSeconds: consumer.batchingWindowSeconds,
      ParallelizationFactor: consumer.parallelizationFactor,
    });
    expect(functions.get(name)?.Properties['Timeout']).toBe(consumer.timeoutSeconds);
  });

  test('is not held up by a record that it cannot process', () => {
    expect(mapping).toMatchObject({
      BisectBatchOnFunctionError: true, FunctionResponseTypes: ['ReportBatchItemFailures'],
      MaximumRetryAttempts: consumer.retryAttempts, MaximumRecordAgeInSeconds: consumer.maximumRecordAgeSeconds,
    });
    expect(render(mapping['DestinationConfig'].OnFailure.Destination)).toBe('<dead letters>');
  });

  test('is called for its kind of change and of item, told by text, never by a number, which no filter can see', () => {
    const patterns = (mapping['FilterCriteria'].Filters as { Pattern: string }[]).map(({ Pattern }) => JSON.parse(Pattern) as unknown);
    expect(patterns).toEqual([{
      eventName: [...consumer.eventNames],
      ...(consumer.partitionKeyPrefixes !== undefined && { dynamodb: { Keys: { pk: { S: consumer.partitionKeyPrefixes.map((prefix) => ({ prefix })) } } } }),
    }]);
  });

  test('sounds an alarm with the first record that is set aside, and another with the first that is lost', () => {
    expect(mapping['MetricsConfig']).toEqual({ Metrics: ['EventCount'] });
    const alarms = ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties).filter(({ Dimensions }) => JSON.stringify(Dimensions ?? []).includes(mapping.id));
    expect(alarms.map(({ MetricName }) => MetricName as string).sort()).toEqual(['DroppedEventCount', 'OnFailureDestinationDeliveredEventCount']);
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({
        Namespace: 'AWS/Lambda', Dimensions: [{ Name: 'EventSourceMappingUUID', Value: { Ref: mapping.id } }], Statistic: 'Sum', Period: 60,
        ComparisonOperator: 'GreaterThanThreshold', Threshold: 0, EvaluationPeriods: 1, TreatMissingData: 'notBreaching',
      });
      expect(alarm['AlarmDescription']).toContain(name);
    }
  });

  test('sounds an alarm when it falls behind', () => {
    const alarms = ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties).filter(({ MetricName, AlarmDescription }) => MetricName === 'IteratorAge' && (AlarmDescription as string).startsWith(`${name} `));
    expect(alarms).toMatchObject([{ Namespace: 'AWS/Lambda', Statistic: 'Maximum', Period: 60, ComparisonOperator: 'GreaterThanThreshold', Threshold: 300_000, TreatMissingData: 'notBreaching' }]);
    expect(render(alarms[0]?.['Dimensions'][0].Value)).toBe(`<${name}>`);
  });
});

describe('dead letters', () => {
  const { Properties, DeletionPolicy } = bucket['dead letters'];

  test('are private, encrypted, kept for 90 days, and outlive the stack', () => {
    expect(Properties).toMatchObject({
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      LifecycleConfiguration: { Rules: [{ Status: 'Enabled', ExpirationInDays: 90 }] },
    });
    expect(DeletionPolicy).toBe('Retain');
  });

  test('travel by TLS only, and no policy of the bucket lets anybody in', () => {
    expect(lines(bucketPolicy('dead letters'), render)).toEqual([
      'DENY s3:* on <dead letters>, aws:SecureTransport Bool false',
      'DENY s3:* on <dead letters>/*, aws:SecureTransport Bool false',
    ]);
  });
});
