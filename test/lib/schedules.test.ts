import { describe, expect, test } from '@jest/globals';
import { schedules, type ScheduledName } from '../../lambdas/triggers.ts';
import { synthesize } from './synthesized.ts';

const { ofType, render, functions } = synthesize();

const rules = new Map(ofType('AWS::Events::Rule').map(([id, { Properties }]) => [render(Properties['Targets'][0].Arn).slice(1, -1), { id, ...Properties }] as const));

test('the clock calls what lambdas/triggers.ts says, and nothing else', () => {
  expect([...rules.keys()].sort()).toEqual(Object.keys(schedules).sort());
  expect(ofType('AWS::Scheduler::Schedule')).toEqual([]);
});

describe.each(Object.keys(schedules) as ScheduledName[])('%s', (name) => {
  const rule = rules.get(name) as { readonly id: string; readonly [property: string]: any }; // eslint-disable-line @typescript-eslint/no-explicit-any -- whatever CloudFormation takes

  test('is called as often as it says', () => {
    const { everyMinutes } = schedules[name];
    const rates: Record<number, string> = { 60: 'rate(1 hour)', 1440: 'rate(1 day)' };
    expect(rule['ScheduleExpression']).toBe(rates[everyMinutes]);
    expect(rule['State']).toBe('ENABLED');
    expect(rule['Targets']).toHaveLength(1);
  });

  test('admits its own rule, and needs no role for that', () => {
    const permissions = ofType('AWS::Lambda::Permission').map(([, { Properties }]) => Properties).filter(({ Principal, FunctionName }) => Principal === 'events.amazonaws.com' && render(FunctionName) === `<${name}>`);
    expect(permissions).toEqual([{ Action: 'lambda:InvokeFunction', Principal: 'events.amazonaws.com', FunctionName: expect.anything(), SourceArn: { 'Fn::GetAtt': [rule.id, 'Arn'] } }]);
    expect(rule['RoleArn'] ?? rule['Targets'][0].RoleArn).toBeUndefined();
  });

  test('sounds an alarm once it has failed with all its repetitions', () => {
    const [alarm, ...others] = ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties).filter(({ MetricName, Dimensions }) => MetricName === 'Errors' && render(Dimensions[0].Value) === `<${name}>`);
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ Statistic: 'Sum', Threshold: 3, ComparisonOperator: 'GreaterThanOrEqualToThreshold', Period: schedules[name].everyMinutes * 60, TreatMissingData: 'notBreaching' });
  });

  test('has the time it says, which is over before it is called again', () => {
    expect(functions.get(name)?.Properties['Timeout']).toBe(schedules[name].timeoutSeconds);
    expect(schedules[name].timeoutSeconds).toBeLessThan(schedules[name].everyMinutes * 60);
  });
});

test('the authority is minted and renewed by one and the same function', () => {
  expect(ofType('AWS::Lambda::Function').filter(([, { Properties }]) => Properties['FunctionName'] === 'kakunin-mint-authority')).toHaveLength(1);
});
