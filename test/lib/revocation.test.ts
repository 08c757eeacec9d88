import { expect, test } from '@jest/globals';
import { synthesize } from './synthesized.ts';

const { ofType, render } = synthesize();

test('the risk stream is read from its beginning, and a record that cannot be processed holds nothing up', () => {
  const mappings = ofType('AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => Properties);
  expect(mappings).toHaveLength(1);
  expect(mappings[0]).toMatchObject({
    StartingPosition: 'TRIM_HORIZON', BatchSize: 100, ParallelizationFactor: 10, BisectBatchOnFunctionError: true,
    FunctionResponseTypes: ['ReportBatchItemFailures'], MaximumRetryAttempts: 10, MaximumRecordAgeInSeconds: 21_600,
  });
  expect(render(mappings[0]?.['EventSourceArn'])).toBe('<risk stream>');
  expect(render(mappings[0]?.['FunctionName'])).toBe('<auto-revoke>');
  expect(render(mappings[0]?.['DestinationConfig'].OnFailure.Destination)).toBe('<dead letters>');
});

test('what is filtered out is told by its kind, never by a number, which no filter can see', () => {
  const [[, mapping] = ['', undefined]] = ofType('AWS::Lambda::EventSourceMapping');
  const patterns = (mapping?.Properties['FilterCriteria'].Filters as { Pattern: string }[]).map(({ Pattern }) => JSON.parse(Pattern) as unknown);
  expect(patterns).toEqual([{ eventName: ['INSERT', 'MODIFY'] }]);
});

test('dead letters are encrypted, kept for 14 days, and sound an alarm', () => {
  const [[queueId, queue] = ['', undefined]] = ofType('AWS::SQS::Queue');
  expect(queue?.Properties).toEqual({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 14 * 86_400, Tags: undefined });
  const [[, policy] = ['', undefined]] = ofType('AWS::SQS::QueuePolicy');
  expect(policy?.Properties['PolicyDocument'].Statement).toEqual([
    expect.objectContaining({ Effect: 'Deny', Principal: { AWS: '*' }, Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
  ]);
  const [[, alarm] = ['', undefined]] = ofType('AWS::CloudWatch::Alarm');
  expect(alarm?.Properties).toMatchObject({
    MetricName: 'ApproximateNumberOfMessagesVisible', ComparisonOperator: 'GreaterThanThreshold', Threshold: 0, EvaluationPeriods: 1, TreatMissingData: 'notBreaching',
  });
  expect(JSON.stringify(alarm?.Properties['Dimensions'])).toContain(queueId);
});
