import { describe, expect, test } from '@jest/globals';
import { deadLetterQueueOf, exhaustedDeliveryQueue, letterQueues, queueConsumers, type QueueConsumer, type QueueConsumerName } from '../../lambdas/triggers.ts';
import { lines, synthesize, type Resource, type Statement } from './synthesized.ts';

const { ofType, render, functions } = synthesize();

const queues = new Map(ofType('AWS::SQS::Queue').map(([id, resource]) => [render({ Ref: id }), resource] as const));
const mappings = new Map(ofType('AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => [render(Properties['EventSourceArn']), Properties] as const));
const alarmsOf = (id: string) => ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties).filter(({ Dimensions }) => render(Dimensions?.[0]?.Value ?? '') === id);

test('there is a queue for each consumer of lambdas/triggers.ts, one for its dead letters, one for exhausted deliveries, and no other', () => {
  const names = Object.keys(queueConsumers) as QueueConsumerName[];
  expect([...queues.keys()].sort()).toEqual(names.flatMap((name) => [`<queue ${name}>`, `<queue ${deadLetterQueueOf(name)}>`]).concat(`<queue ${exhaustedDeliveryQueue}>`).sort());
});

describe.each(Object.entries(queueConsumers) as [QueueConsumerName, QueueConsumer][])('%s', (name, consumer) => {
  test('is called with the messages of its queue, and reports those that failed', () => {
    const { FunctionName, ...mapping } = mappings.get(`<queue ${name}>`) ?? {};
    expect(render(FunctionName)).toBe(`<${name}>`);
    expect(mapping).toMatchObject({ BatchSize: consumer.batchSize, ScalingConfig: { MaximumConcurrency: consumer.maximumConcurrency }, FunctionResponseTypes: ['ReportBatchItemFailures'] });
    expect(functions.get(name)?.Properties['Timeout']).toBe(consumer.timeoutSeconds);
  });

  test('has its messages back when it is surely over, and puts those aside that it fails at', () => {
    const { RedrivePolicy, VisibilityTimeout } = queues.get(`<queue ${name}>`)?.Properties ?? {};
    expect(VisibilityTimeout).toBe(consumer.visibilityTimeoutSeconds);
    expect(consumer.visibilityTimeoutSeconds).toBeGreaterThanOrEqual(2 * consumer.timeoutSeconds);
    expect(RedrivePolicy.maxReceiveCount).toBe(consumer.maximumReceives);
    expect(render(RedrivePolicy.deadLetterTargetArn)).toBe(`<queue ${deadLetterQueueOf(name)}>`);
  });

  test('has dead letters that wait for as long as SQS keeps them, with an alarm at the first', () => {
    expect(queues.get(`<queue ${deadLetterQueueOf(name)}>`)?.Properties['MessageRetentionPeriod']).toBe(14 * 86_400);
    const alarms = alarmsOf(`<queue ${deadLetterQueueOf(name)}>`);
    expect(alarms).toMatchObject([{ MetricName: 'ApproximateNumberOfMessagesVisible', Statistic: 'Maximum', Threshold: 0, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'notBreaching' }]);
    expect(alarms[0]?.['AlarmDescription']).toContain(name);
  });

  test('sounds an alarm when messages wait for too long, though not for being tried again by themselves', () => {
    expect(alarmsOf(`<queue ${name}>`)).toMatchObject([{ MetricName: 'ApproximateAgeOfOldestMessage', Statistic: 'Maximum', Threshold: consumer.longestWaitSeconds, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'notBreaching' }]);
    expect(consumer.longestWaitSeconds).toBeGreaterThan(consumer.visibilityTimeoutSeconds * consumer.maximumReceives);
  });
});

test('exhausted deliveries, which are no fault of ours, wait for as long as SQS keeps them, without an alarm and apart from the dead letters that have one', () => {
  const { MessageRetentionPeriod, RedrivePolicy } = queues.get(`<queue ${exhaustedDeliveryQueue}>`)?.Properties ?? {};
  expect([MessageRetentionPeriod, RedrivePolicy]).toEqual([14 * 86_400, undefined]);
  expect(alarmsOf(`<queue ${exhaustedDeliveryQueue}>`)).toEqual([]);
  expect(render(functions.get('deliver-webhook')?.Properties['Environment'].Variables.EXHAUSTED_DELIVERY_QUEUE_URL)).toBe(`<queue ${exhaustedDeliveryQueue}>`);
  expect(Object.keys(letterQueues).map((name) => `<queue ${name}>`)).toEqual(expect.arrayContaining([...queues.keys()].filter((name) => !mappings.has(name))));
});

test('messages are encrypted at rest and on the way', () => {
  for (const { Properties } of queues.values()) expect(Properties['SqsManagedSseEnabled']).toBe(true);
  const policies = ofType('AWS::SQS::QueuePolicy').flatMap(([, { Properties }]: readonly [string, Resource]) => Properties['PolicyDocument'].Statement as Statement[]);
  expect(lines(policies, render)).toEqual([...queues.keys()].map((queue) => `DENY sqs:* on ${queue}, aws:SecureTransport Bool false`).sort());
});
