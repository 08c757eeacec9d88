import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { metrics } from '../../lambdas/metrics.ts';
import { root, synthesize } from './synthesized.ts';

const { ofType } = synthesize();
const alarms = ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
const operations = readFileSync(new URL('docs/operations.md', root), 'utf8');
/** As GitHub makes it: https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links */
const anchors = [...operations.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s-]/gu, '').replaceAll(' ', '-'));

test('every alarm says what is wrong and where it is written what to do about it', () => {
  for (const { AlarmDescription } of alarms) {
    expect(AlarmDescription).toMatch(/^\S.+\. What to do: docs\/operations\.md#[a-z0-9-]+$/);
    expect(anchors).toContain(String(AlarmDescription).split('#')[1]);
  }
});

test('every alarm, and its end, goes to the one topic, which mails the address in the settings', () => {
  const [[topicId]] = ofType('AWS::SNS::Topic') as [[string, object]];
  for (const { AlarmActions, OKActions } of alarms) expect([AlarmActions, OKActions]).toEqual([[{ Ref: topicId }], [{ Ref: topicId }]]);
  expect(ofType('AWS::SNS::Subscription')).toEqual([]);
  const withAddress = synthesize({ alarmEmail: 'pki@example.com' }).ofType('AWS::SNS::Subscription').map(([, { Properties }]) => Properties);
  expect(withAddress).toEqual([{ Protocol: 'email', Endpoint: 'pki@example.com', TopicArn: { Ref: topicId } }]);
});

test('CloudWatch may publish to the topic, for alarms of this account alone', () => {
  const statements = ofType('AWS::SNS::TopicPolicy').flatMap(([, { Properties }]) => Properties['PolicyDocument'].Statement as { Effect: string; Principal: unknown; Action: string; Condition: Record<string, object> }[]);
  expect(statements.filter(({ Effect }) => Effect === 'Allow')).toEqual([expect.objectContaining({
    Principal: { Service: 'cloudwatch.amazonaws.com' }, Action: 'sns:Publish',
    Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } }, ArnLike: { 'aws:SourceArn': expect.anything() } },
  })]);
});

/** An alarm's metric, threshold, comparison and what silence means, by its metric's name. */
const about = (metricName: string) => alarms.filter(({ MetricName }) => MetricName === metricName).map(({ Namespace, Dimensions, Threshold, ComparisonOperator, TreatMissingData, ExtendedStatistic, Statistic, Period, EvaluationPeriods }) => ({
  namespace: Namespace, dimensions: Dimensions, bound: `${String(ComparisonOperator).startsWith('Less') ? '<' : '>'} ${Threshold}`, statistic: ExtendedStatistic ?? Statistic, seconds: Period * EvaluationPeriods, silence: TreatMissingData,
}));
const own = { namespace: 'Kakunin', dimensions: [{ Name: 'Deployment', Value: 'kakunin' }], silence: 'notBreaching' };
const day = 86_400;

test('revocations that come late, CRLs that run out and certificates that end are told of', () => {
  expect(about('AutoRevocationLatency')).toEqual([{ ...own, bound: '> 60000', statistic: 'p99', seconds: 300 }]);
  expect(about('CrlTimeLeft')).toEqual([{ ...own, bound: `< ${6 * 3600}`, statistic: 'Minimum', seconds: 3 * 3600, silence: 'breaching' }]);
  expect(about('OcspSignerTimeLeft')).toEqual([{ ...own, bound: `< ${10 * day}`, statistic: 'Minimum', seconds: day }]);
  expect(about('AttestationSignerTimeLeft')).toEqual([{ ...own, bound: `< ${180 * day}`, statistic: 'Minimum', seconds: day }]);
  expect(about('IssuingCaTimeLeft')).toEqual([{ ...own, bound: `< ${545 * day}`, statistic: 'Minimum', seconds: day }]);
  expect(about('RootCaTimeLeft')).toEqual([{ ...own, bound: `< ${730 * day}`, statistic: 'Minimum', seconds: day }]);
  for (const name of ['UnansweredRisks', 'MissingEffects']) expect(about(name)).toEqual([{ ...own, bound: '> 0', statistic: 'Sum', seconds: 3600 }]);
  expect(about('Throttles')).toHaveLength(3);
  expect(about('KeysInAccount')).toEqual([{ ...own, bound: '> 80000', statistic: 'Maximum', seconds: day }]);
});

test('a share of 5xx is told of, a single one is not', () => {
  const [errors] = alarms.filter(({ Metrics }) => Metrics !== undefined);
  expect(errors).toMatchObject({ Threshold: 5, ComparisonOperator: 'GreaterThanOrEqualToThreshold' });
  const [expression, ...parts] = errors?.['Metrics'] as { Id: string; Expression?: string; MetricStat?: { Metric: { MetricName: string; Dimensions: { Name: string }[] }; Stat: string } }[];
  expect(expression?.Expression).toBe('IF(errors >= 5, 100 * errors / requests, 0)');
  expect(Object.fromEntries(parts.map(({ Id, MetricStat }) => [Id, [MetricStat?.Metric.MetricName, MetricStat?.Stat, MetricStat?.Metric.Dimensions.map(({ Name }) => Name).sort()]]))).toEqual({
    errors: ['5XXError', 'Sum', ['ApiName', 'Stage']], requests: ['Count', 'Sum', ['ApiName', 'Stage']],
  });
});

test('the dashboard shows every alarm and every metric of the service\'s own', () => {
  const [[, { Properties }]] = ofType('AWS::CloudWatch::Dashboard') as unknown as [[string, { Properties: Record<string, unknown> }]];
  const body = JSON.stringify(Properties['DashboardBody']);
  for (const name of Object.keys(metrics)) expect(body).toContain(name);
  for (const [id] of ofType('AWS::CloudWatch::Alarm')) expect(body).toContain(id);
});

test('docs/operations.md has every metric, with what it is told apart by', () => {
  for (const [name, { dimension, meaning }] of Object.entries(metrics) as [string, { dimension?: string; meaning: string }][]) {
    expect(operations).toContain(`| \`${name}\`${dimension === undefined ? '' : `, by \`${dimension}\``} | ${meaning}`);
  }
});
