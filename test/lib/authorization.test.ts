import { describe, expect, test } from '@jest/globals';
import { handlerNames, type HandlerName } from '../../lib/platform.ts';
import { administrator, deployedPolicies, rootUser } from '../support/deployed-policies.ts';
import type { AccessRequest } from '../support/iam.ts';
import { synthesize, type Statement } from './synthesized.ts';

/*
 * Who could do what is worst: each question is put to IAM's rules, for every function and for whoever may do all that IAM can
 * allow. test/lib/permissions.test.ts has the statements; here is what follows from them and from the keys' policies.
 */

const stack = synthesize();
const policies = deployedPolicies(stack);
const arnOf = (resource: unknown) => policies.arnOf(String(stack.resources.find(([, one]) => one === resource)?.[0]));

const digest = { 'kms:MessageType': 'DIGEST', 'kms:SigningAlgorithm': 'RSASSA_PKCS1_V1_5_SHA_256' };
const agentKey = 'arn:aws:kms:eu-west-1:000000000000:key/an-agents';
const root = arnOf(stack.key('ca-root'));
const issuing = arnOf(stack.key('ca-issuing'));
const ocsp = arnOf(stack.key('ca-ocsp'));
const attestation = arnOf(stack.key('ca-attestation'));
const webhooks = arnOf(stack.key('webhooks'));
const authorityKeys = [root, issuing, ocsp, attestation];
const registry = arnOf(stack.table.registry);

/** The policy that an agent's key is born with, as lambdas/aws/key-management.ts writes it for certify-agent. */
const agentKeyPolicy: Statement[] = [
  { Effect: 'Allow', Principal: { AWS: rootUser }, Action: 'kms:*', Resource: '*' },
  { Effect: 'Allow', Principal: { AWS: policies.roleArnOf('certify-agent') }, Action: ['kms:GetPublicKey', 'kms:ScheduleKeyDeletion'], Resource: '*' },
  { Effect: 'Allow', Principal: { AWS: policies.roleArnOf('retire-keys') }, Action: 'kms:ScheduleKeyDeletion', Resource: '*' },
  { Effect: 'Allow', Principal: { AWS: policies.roleArnOf('sign-message') }, Action: 'kms:Sign', Resource: '*', Condition: { StringEquals: digest } },
];

type Question = Omit<AccessRequest, 'principal'>;
const ask = (principal: string, question: Question) => policies.decide({ ...question, principal }, question.resource === agentKey ? { keyPolicy: agentKeyPolicy } : {});
/** Which functions may, and besides them the administrator and the root user. */
function whoMay(question: Question): string[] {
  const functions = handlerNames.filter((name) => ask(policies.roleArnOf(name), question) === 'allowed');
  const people = Object.entries({ administrator, 'root user': rootUser }).filter(([, principal]) => ask(principal, question) === 'allowed').map(([name]) => name);
  return [...functions.sort(), ...people];
}
const people = ['administrator', 'root user'];

const onItem = (action: string, key: string, enclosing?: string): Question =>
  ({ action: `dynamodb:${action}`, resource: registry, context: { 'dynamodb:LeadingKeys': [key], ...(enclosing !== undefined && { 'dynamodb:EnclosingOperation': [enclosing] }) } });
const inTransaction = (action: string, key: string) => onItem(action, key, 'TransactWriteItems');

describe('keys of the authority', () => {
  test.each<[string, Question, HandlerName[]]>([
    ['sign with the root key', { action: 'kms:Sign', resource: root, context: digest }, ['mint-authority']],
    ['sign with the issuing key', { action: 'kms:Sign', resource: issuing, context: digest }, ['certify-agent', 'mint-authority', 'publish-crls', 'refresh-crls', 'renew-certificate']],
    ['sign with the OCSP responder’s key', { action: 'kms:Sign', resource: ocsp, context: digest }, ['get-ocsp', 'post-ocsp']],
    ['sign with the attestation key', { action: 'kms:Sign', resource: attestation, context: digest }, ['export-audit-trail', 'halt-agent']],
    ['sign a message that KMS hashes', { action: 'kms:Sign', resource: issuing, context: { ...digest, 'kms:MessageType': 'RAW' } }, []],
    ['sign by another algorithm', { action: 'kms:Sign', resource: issuing, context: { ...digest, 'kms:SigningAlgorithm': 'RSASSA_PSS_SHA_256' } }, []],
  ])('%s: only its functions, and neither an administrator nor the account’s root user', (_, question, may) => {
    expect(whoMay(question)).toEqual(may);
  });

  test.each([...authorityKeys, webhooks])('nobody schedules the deletion of %s, hands it on or decrypts with it in general', (resource) => {
    for (const action of ['kms:ScheduleKeyDeletion', 'kms:CreateGrant', 'kms:GenerateDataKey', 'kms:ReplicateKey', 'kms:ImportKeyMaterial', 'kms:DeleteImportedKeyMaterial', 'kms:Decrypt', 'kms:Encrypt']) {
      expect([action, whoMay({ action, resource })]).toEqual([action, []]);
    }
  });

  test.each([...authorityKeys, webhooks])('of %s, who administers the account may change the policy, and so whatever it says; no function may', (resource) => {
    for (const action of ['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:EnableKey', 'kms:CancelKeyDeletion']) expect([action, whoMay({ action, resource })]).toEqual([action, people]);
  });

  test('the denials outweigh a statement that allows', () => {
    const slip: Statement = { Effect: 'Allow', Principal: { AWS: administrator }, Action: 'kms:*', Resource: '*' };
    for (const role of ['ca-root', 'ca-issuing', 'ca-ocsp', 'ca-attestation'] as const) {
      const keyPolicy = [...policies.resourcePolicy(arnOf(stack.key(role))), slip];
      for (const action of ['kms:Sign', 'kms:ScheduleKeyDeletion', 'kms:CreateGrant']) {
        expect([role, action, policies.decide({ principal: administrator, action, resource: root, context: digest }, { keyPolicy })]).toEqual([role, action, 'denied explicitly']);
      }
    }
  });
});

describe('keys of agents', () => {
  const tags = { 'aws:RequestTag/kakunin:deployment': 'kakunin', 'aws:RequestTag/kakunin:role': 'agent' };
  const agents = { 'kms:KeySpec': 'RSA_2048', 'kms:KeyUsage': 'SIGN_VERIFY', 'kms:KeyOrigin': 'AWS_KMS', 'kms:MultiRegion': 'false', 'kms:BypassPolicyLockoutSafetyCheck': 'true', ...tags };
  const createKey = (context: Record<string, string | readonly string[] | undefined>): Question => ({ action: 'kms:CreateKey', resource: '*', context: { ...agents, ...context } });

  test('only certifying and renewing create them', () => {
    expect(whoMay(createKey({}))).toEqual(['certify-agent', 'renew-certificate', ...people]);
  });

  test.each<[string, Record<string, string | readonly string[] | undefined>]>([
    ['one with a tag beside the five', { 'aws:TagKeys': ['kakunin:deployment', 'kakunin:role', 'access'] }],
    ['a symmetric one', { 'kms:KeySpec': 'SYMMETRIC_DEFAULT', 'kms:KeyUsage': 'ENCRYPT_DECRYPT' }],
    ['one of another size', { 'kms:KeySpec': 'RSA_4096' }],
    ['one that encrypts', { 'kms:KeyUsage': 'ENCRYPT_DECRYPT' }],
    ['one whose material comes from outside', { 'kms:KeyOrigin': 'EXTERNAL' }],
    ['one for several Regions', { 'kms:MultiRegion': 'true' }],
    ['one without tags', { 'aws:RequestTag/kakunin:deployment': undefined, 'aws:RequestTag/kakunin:role': undefined }],
    ['one of another deployment', { 'aws:RequestTag/kakunin:deployment': 'another' }],
    ['one that calls itself the CA’s', { 'aws:RequestTag/kakunin:role': 'ca-issuing' }],
  ])('no function creates %s', (_, context) => {
    expect(whoMay(createKey(context))).toEqual(people);
  });

  test('no function tags a key that is somebody else’s, or as anything but an agent’s', () => {
    const tag = (context: Record<string, string | readonly string[]>): Question => ({ action: 'kms:TagResource', resource: issuing, context });
    expect(whoMay(tag({ ...tags, 'aws:ResourceTag/kakunin:deployment': 'kakunin', 'aws:ResourceTag/kakunin:role': 'ca-issuing' }))).toEqual(people);
    expect(whoMay(tag({ ...tags, 'aws:ResourceTag/kakunin:deployment': 'another', 'aws:ResourceTag/kakunin:role': 'agent' }))).toEqual(people);
    expect(whoMay({ ...tag({ ...tags, 'aws:RequestTag/kakunin:role': 'ca-root' }), resource: '*' })).toEqual(people);
    expect(whoMay({ ...tag({ ...tags, 'aws:TagKeys': ['kakunin:deployment', 'kakunin:role', 'access'] }), resource: '*' })).toEqual(people);
  });

  test('sign-message signs with them, and with no other key', () => {
    expect(whoMay({ action: 'kms:Sign', resource: agentKey, context: digest })).toEqual(['sign-message', ...people]);
    expect(whoMay({ action: 'kms:Sign', resource: agentKey, context: { ...digest, 'kms:MessageType': 'RAW' } })).toEqual(people);
    for (const resource of authorityKeys) expect(ask(policies.roleArnOf('sign-message'), { action: 'kms:Sign', resource, context: digest })).toBe('denied explicitly');
  });

  test('their deletion is scheduled by the function that the outbox leads to, and by their creator, who takes back what failed', () => {
    expect(whoMay({ action: 'kms:ScheduleKeyDeletion', resource: agentKey })).toEqual(['certify-agent', 'retire-keys', ...people]);
    // Of a key that renew-certificate made it is renew-certificate, and certify-agent is nobody.
    const made = agentKeyPolicy.map((statement) => JSON.parse(JSON.stringify(statement).replaceAll(policies.roleArnOf('certify-agent'), policies.roleArnOf('renew-certificate')))) as Statement[];
    const may = (name: HandlerName) => policies.decide({ principal: policies.roleArnOf(name), action: 'kms:ScheduleKeyDeletion', resource: agentKey }, { keyPolicy: made });
    expect(['certify-agent', 'renew-certificate', 'retire-keys', 'reconcile', 'relay-changes'].map((name) => may(name as HandlerName))).toEqual(['denied', 'allowed', 'allowed', 'denied', 'denied']);
  });

  test('nobody but the account changes their policy', () => {
    for (const action of ['kms:PutKeyPolicy', 'kms:DisableKey', 'kms:CancelKeyDeletion', 'kms:UntagResource']) expect([action, whoMay({ action, resource: agentKey })]).toEqual([action, people]);
  });
});

describe('items of the registry', () => {
  test.each<[string, Question, HandlerName[]]>([
    ['read API keys', onItem('GetItem', 'KEY#1'), ['authorize']],
    ['make an API key', onItem('PutItem', 'KEY#1'), []],
    ['make an API key in a transaction', inTransaction('PutItem', 'KEY#1'), []],
    ['put an authority in its place', onItem('PutItem', 'CA#issuing'), ['mint-authority']],
    ['put a certificate', inTransaction('PutItem', 'CERT#1'), ['certify-agent', 'renew-certificate']],
    ['put a certificate by itself', onItem('PutItem', 'CERT#1'), []],
    ['put an agent', inTransaction('PutItem', 'AGENT#1'), ['create-agent']],
    ['delete a certificate', inTransaction('DeleteItem', 'CERT#1'), []],
    ['delete an audit entry', inTransaction('DeleteItem', 'AUDIT#1#0'), []],
    ['change an audit entry', inTransaction('UpdateItem', 'AUDIT#1#0'), []],
    ['put an audit entry by itself', onItem('PutItem', 'AUDIT#1#0'), []],
    ['change a link of a chain', onItem('UpdateItem', 'CHAIN#1'), []],
    ['take an entry off its CRL', inTransaction('DeleteItem', 'REVOKED#0'), []],
    ['note an expiry', inTransaction('DeleteItem', 'EXPIRY#0'), ['expire-certificates', 'reconcile']],
    ['delete a webhook', inTransaction('DeleteItem', 'WEBHOOK#1'), ['delete-webhook']],
    ['delete a webhook without an audit entry', onItem('DeleteItem', 'WEBHOOK#1'), []],
    ['read everything', { action: 'dynamodb:Scan', resource: registry, context: {} }, []],
    ['ask in PartiQL', { action: 'dynamodb:PartiQLSelect', resource: registry, context: {} }, []],
    ['delete the table', { action: 'dynamodb:DeleteTable', resource: registry }, []],
    ['take its protection away', { action: 'dynamodb:UpdateTable', resource: registry }, []],
    ['end its point-in-time recovery', { action: 'dynamodb:UpdateContinuousBackups', resource: registry }, []],
  ])('%s', (_, question, may) => {
    expect(whoMay(question)).toEqual([...may, ...people]);
  });

  test('what sign-message writes is one audit entry under a certificate that it looks at', () => {
    const may = (question: Question) => ask(policies.roleArnOf('sign-message'), question);
    expect([inTransaction('ConditionCheckItem', 'CERT#1'), inTransaction('PutItem', 'AUDIT#1#0'), inTransaction('PutItem', 'CERT#1'), onItem('PutItem', 'AUDIT#1#0'), inTransaction('UpdateItem', 'AGENT#1')].map(may))
      .toEqual(['allowed', 'allowed', 'denied', 'denied', 'denied']);
  });
});

describe('buckets', () => {
  const archive = arnOf(stack.bucket['audit archive']);

  test('nobody reaches one without TLS', () => {
    for (const bucket of [archive, arnOf(stack.bucket.files), arnOf(stack.bucket['dead letters'])]) {
      expect(ask(administrator, { action: 's3:GetObject', resource: `${bucket}/x`, context: { 'aws:SecureTransport': 'false' } })).toBe('denied explicitly');
    }
  });

  test('no function deletes what was exported, or shortens how long it is kept', () => {
    for (const action of ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObjectRetention', 's3:BypassGovernanceRetention']) expect([action, whoMay({ action, resource: `${archive}/audit/1` })]).toEqual([action, people]);
    expect(whoMay({ action: 's3:PutObject', resource: `${archive}/audit/1` })).toEqual(['export-audit-trail', ...people]);
  });
});
