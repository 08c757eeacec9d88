import { describe, expect, test } from '@jest/globals';
import type { Statement } from '../lib/synthesized.ts';
import { decide, type Policies } from './iam.ts';
import { holds, matches } from './iam-conditions.ts';

/* IAM's rules, by the examples of its documentation and at their edges: what is claimed of policies is worth no more than these. */

const principal = 'arn:aws:iam::000000000000:role/r';
const root = 'arn:aws:iam::000000000000:root';
const allow: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };
const ask = (policies: Policies, action = 's3:GetObject', resource = 'arn:aws:s3:::b/k') => decide({ principal, action, resource }, policies);

test.each<[string, Policies, string]>([
  ['nothing is allowed by nobody', { identity: [] }, 'denied'],
  ['an identity’s policy allows', { identity: [allow] }, 'allowed'],
  ['a resource’s policy allows whom it names', { identity: [], resource: [{ ...allow, Principal: { AWS: principal } }] }, 'allowed'],
  ['and nobody else', { identity: [], resource: [{ ...allow, Principal: { AWS: [`${principal}2`] } }] }, 'denied'],
  ['a service is not a role', { identity: [], resource: [{ ...allow, Principal: { Service: 'logs.amazonaws.com' } }] }, 'denied'],
  ['an account that is named decides by IAM', { identity: [], resource: [{ ...allow, Principal: { AWS: root } }] }, 'denied'],
  ['a denial outweighs, by the identity', { identity: [allow, { ...allow, Effect: 'Deny' }] }, 'denied explicitly'],
  ['by the resource', { identity: [allow], resource: [{ ...allow, Effect: 'Deny', Principal: '*' }] }, 'denied explicitly'],
  ['of the whole account', { identity: [allow], resource: [{ ...allow, Effect: 'Deny', Principal: { AWS: root } }] }, 'denied explicitly'],
  ['a boundary limits', { identity: [allow], boundary: [{ ...allow, Action: 's3:PutObject' }] }, 'denied'],
  ['what a resource’s policy gives to a role as well', { identity: [], resource: [{ ...allow, Principal: { AWS: principal } }], boundary: [] }, 'denied'],
  ['an organization limits', { identity: [allow], serviceControl: [] }, 'denied'],
  ['and denies', { identity: [allow], serviceControl: [allow, { ...allow, Effect: 'Deny' }] }, 'denied explicitly'],
])('%s', (_, policies, decision) => {
  expect(ask(policies)).toBe(decision);
});

test('a key takes both: IAM alone opens none, and the key’s policy has to let the account decide', () => {
  const key = 'arn:aws:kms:eu-west-1:000000000000:key/1';
  const account: Statement = { ...allow, Principal: { AWS: root } };
  expect(ask({ identity: [allow] }, 'kms:Sign', key)).toBe('denied');
  expect(ask({ identity: [], resource: [account] }, 'kms:Sign', key)).toBe('denied');
  expect(ask({ identity: [allow], resource: [account] }, 'kms:Sign', key)).toBe('allowed');
  expect(ask({ identity: [], resource: [{ ...allow, Principal: { AWS: principal } }] }, 'kms:Sign', key)).toBe('allowed');
  expect(ask({ identity: [allow], resource: [{ ...account, Condition: { ArnEquals: { 'aws:PrincipalArn': `${principal}2` } } }] }, 'kms:Sign', key)).toBe('denied');
});

test('what is not known is refused rather than guessed', () => {
  expect(() => ask({ identity: [{ ...allow, NotAction: 'x' } as Statement] })).toThrow('NotAction');
  expect(() => holds('IpAddress', '1.2.3.4', ['0.0.0.0/0'])).toThrow('IpAddress');
  expect(() => matches('${aws:username}', 'x')).toThrow();
  expect(() => holds('StringEquals', ['a', 'b'], ['a'])).toThrow('ForAllValues');
});

describe('conditions', () => {
  test.each<[string, string | readonly string[] | undefined, readonly string[], boolean]>([
    ['StringEquals', 'a', ['b', 'a'], true], ['StringEquals', 'A', ['a'], false], ['StringEquals', undefined, ['a'], false], ['StringEquals', 'ab', ['a*'], false],
    ['StringEqualsIfExists', undefined, ['a'], true], ['StringEqualsIfExists', 'b', ['a'], false],
    ['StringNotEquals', undefined, ['a'], true], ['StringNotEquals', 'a', ['a', 'b'], false], ['StringNotEquals', 'c', ['a', 'b'], true],
    ['StringLike', 'CERT#1', ['CERT#*'], true], ['StringLike', 'XCERT#1', ['CERT#*'], false], ['StringLike', 'a.c', ['a?c'], true], ['StringLike', 'abc', ['a.c'], false],
    ['ForAllValues:StringLike', ['CERT#1', 'AUDIT#1'], ['CERT#*'], false], ['ForAllValues:StringLike', ['CERT#1', 'CERT#2'], ['CERT#*'], true], ['ForAllValues:StringLike', undefined, ['CERT#*'], true],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['b'], true], ['ForAnyValue:StringEquals', undefined, ['b'], false], ['ForAnyValue:StringEquals', ['a'], ['b'], false],
    ['Bool', 'false', ['false'], true], ['Bool', 'true', ['false'], false], ['Bool', undefined, ['false'], false],
    ['Null', undefined, ['true'], true], ['Null', 'a', ['true'], false], ['Null', 'a', ['false'], true], ['Null', undefined, ['false'], false],
    ['ArnEquals', principal, [principal], true], ['ArnLike', principal, ['arn:aws:iam::*:role/*'], true], ['ArnLike', 'arn:aws:iam::1:role/x', ['arn:*:role/x'], false],
    ['ArnNotEquals', undefined, [principal], true], ['ArnNotEquals', principal, [principal], false],
  ])('%s of %p and %p is %p', (operator, actual, tested, result) => {
    expect(holds(operator, actual, tested)).toBe(result);
  });
});

test('wildcards stand for any text, and nothing else is special', () => {
  expect(['s3:GetObject', 's3:PutObject'].map((action) => matches('s3:Get*', action))).toEqual([true, false]);
  expect(matches('arn:aws:s3:::b/crl/complete.*', 'arn:aws:s3:::b/crl/completeX')).toBe(false);
  expect(matches('a+(b)', 'aab')).toBe(false);
});
