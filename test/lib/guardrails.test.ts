import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { handlerNames } from '../../lib/platform.ts';
import { administrator, deployedPolicies, rootUser } from '../support/deployed-policies.ts';
import { decide, type AccessRequest } from '../support/iam.ts';
import { matches } from '../support/iam-conditions.ts';
import { list, root, synthesize, type Statement } from './synthesized.ts';

/* The policies of docs/guardrails.md, read from the page and put to IAM's rules: what they prevent, and that they leave the service its work. */

const page = readFileSync(new URL('docs/guardrails.md', root), 'utf8');

function policyOf(name: string): Statement[] {
  const [, json = ''] = new RegExp(`<!-- ${name} -->\n\`\`\`json\n([^\`]*)\`\`\``).exec(page) ?? [];
  const { Version, Statement } = JSON.parse(json) as { Version: string; Statement: Statement[] };
  expect(Version).toBe('2012-10-17');
  return Statement;
}

const boundary = policyOf('permissions boundary');
// An organization's policies allow nothing by themselves: AWS attaches this one to begin with.
const serviceControl: Statement[] = [{ Effect: 'Allow', Action: '*', Resource: '*' }, ...policyOf('service control policy')];
const everything: Statement[] = [{ Effect: 'Allow', Action: '*', Resource: '*' }];

// As a key's policy has to.
const account: Statement[] = [{ Effect: 'Allow', Principal: { AWS: rootUser }, Action: '*', Resource: '*' }];

const stack = synthesize();
const policies = deployedPolicies(stack);
const caKey = { 'aws:ResourceTag/kakunin:role': 'ca-issuing' };
const key = 'arn:aws:kms:eu-west-1:000000000000:key/1';
const ask = (action: string, resource = '*', context: AccessRequest['context'] = {}, principal = administrator) => ({ principal, action, resource, context });

describe('the permissions boundary', () => {
  test('leaves every function what its policy allows', () => {
    for (const name of [...stack.functions.keys()]) {
      const refused = stack.statementsOf(name).flatMap(({ Action, Resource }) => list(Action).flatMap((action) => list(Resource).map((resource) => ({ action, resource: policies.text(resource) }))))
        .filter((request) => decide({ ...request, principal: policies.roleArnOf(name) }, { identity: everything, resource: account, boundary }) !== 'allowed');
      expect([name, refused]).toEqual([name, []]);
    }
  });

  test.each(['GetPublicKey', 'Sign', 'CreateGrant', 'RevokeGrant', 'ScheduleKeyDeletion'])('leaves roles kms:%s, which agents’ keys allow them', (action) => {
    const principal = policies.roleArnOf('certify-agent');
    const keyPolicy: Statement[] = [{ Effect: 'Allow', Principal: { AWS: principal }, Action: `kms:${action}`, Resource: '*' }];
    expect(policies.decide(ask(`kms:${action}`, key, {}, principal), { keyPolicy, boundary })).toBe('allowed');
  });

  test.each([
    'iam:CreateRole', 'iam:PutRolePolicy', 'iam:PassRole', 'sts:AssumeRole', 'kms:PutKeyPolicy', 'kms:DisableKey', 'dynamodb:Scan', 'dynamodb:DeleteTable', 'dynamodb:UpdateTable', 'dynamodb:PartiQLSelect',
    's3:DeleteObject', 's3:PutBucketPolicy', 's3:BypassGovernanceRetention', 'lambda:UpdateFunctionCode', 'cloudtrail:StopLogging', 'secretsmanager:GetSecretValue', 'ec2:RunInstances',
  ])('keeps a role from %s, even one that may do everything', (action) => {
    expect(decide(ask(action, action.startsWith('dynamodb:') ? 'arn:aws:dynamodb:eu-west-1:000000000000:table/x' : '*'), { identity: everything, boundary })).toBe('denied');
  });

  test('allows no action in general', () => {
    expect(boundary.flatMap(({ Action }) => list(Action)).filter((action) => action.includes('*'))).toEqual([]);
  });

  test('is put onto every role where CDK’s context names it', () => {
    const roles = synthesize({}, { '@aws-cdk/core:permissionsBoundary': { name: 'kakunin-boundary' } }).ofType('AWS::IAM::Role');
    expect(roles.length).toBeGreaterThan(handlerNames.length);
    expect(roles.filter(([, { Properties }]) => !JSON.stringify(Properties['PermissionsBoundary'] ?? '').includes('policy/kakunin-boundary')).map(([id]) => id)).toEqual([]);
  });
});

describe('the service control policy', () => {
  const allowAll = (request: AccessRequest) => decide(request, { identity: everything, resource: account, serviceControl });

  test.each<[string, string, AccessRequest['context']]>([
    ['deleting a key of the CA', 'kms:ScheduleKeyDeletion', caKey],
    ['disabling one', 'kms:DisableKey', caKey],
    ['changing its policy', 'kms:PutKeyPolicy', caKey],
    ['handing it on', 'kms:CreateGrant', caKey],
    ['calling it something else', 'kms:TagResource', caKey],
    ['deleting the key of webhooks', 'kms:ScheduleKeyDeletion', { 'aws:ResourceTag/kakunin:role': 'webhooks' }],
    ['deleting a table', 'dynamodb:DeleteTable', {}],
    ['ending point-in-time recovery', 'dynamodb:UpdateContinuousBackups', {}],
    ['deleting a backup', 'backup:DeleteRecoveryPoint', {}],
    ['getting round the object lock', 's3:BypassGovernanceRetention', {}],
    ['turning CloudTrail off', 'cloudtrail:StopLogging', {}],
    ['deleting the trail', 'cloudtrail:DeleteTrail', {}],
    ['recording less', 'cloudtrail:PutEventSelectors', {}],
    ['taking a boundary away', 'iam:DeleteRolePermissionsBoundary', {}],
  ])('keeps administrators and the root user from %s, and not those who maintain', (_, action, context) => {
    const resource = action.startsWith('kms:') ? key : '*';
    const maintainer = administrator.replace('Administrator', 'Maintainers');
    expect([administrator, rootUser, maintainer].map((principal) => allowAll(ask(action, resource, context, principal)))).toEqual(['denied explicitly', 'denied explicitly', 'allowed']);
  });

  test('lets agents’ keys go, and everything else happen', () => {
    const agentKey = { 'aws:ResourceTag/kakunin:role': 'agent' };
    for (const [action, context] of [['kms:ScheduleKeyDeletion', agentKey], ['kms:Sign', caKey], ['kms:EnableKey', caKey], ['kms:CreateKey', {}], ['dynamodb:PutItem', {}], ['cloudtrail:LookupEvents', {}]] as const) {
      expect([action, allowAll(ask(action, key, context))]).toEqual([action, 'allowed']);
    }
  });

  test('denies no function anything that its policy allows', () => {
    const denied = serviceControl.filter(({ Effect }) => Effect === 'Deny').flatMap(({ Action }) => list(Action));
    const granted = [...stack.functions.keys()].flatMap((name) => stack.statementsOf(name)).flatMap(({ Action }) => list(Action));
    // Tagging is, but for agents' keys alone.
    expect([...new Set(granted.filter((action) => denied.some((pattern) => matches(pattern, action))))]).toEqual(['kms:TagResource']);
  });
});
