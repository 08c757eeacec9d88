import { describe, expect, test } from '@jest/globals';
import { administrator, deployedPolicies } from '../support/deployed-policies.ts';
import { synthesize } from './synthesized.ts';

/* What data at rest is encrypted with, and what there is of it besides. */

type Stack = ReturnType<typeof synthesize>;

const encryptionOf = ({ ofType, render, table, bucket }: Stack) => ({
  tables: Object.values(table).map(({ Properties }) => Properties['SSESpecification']),
  queues: ofType('AWS::SQS::Queue').map(([, { Properties }]) => (Properties['KmsMasterKeyId'] === undefined ? Properties['SqsManagedSseEnabled'] : render(Properties['KmsMasterKeyId']))),
  logs: [...new Set(ofType('AWS::Logs::LogGroup').map(([, { Properties }]) => (Properties['KmsKeyId'] === undefined ? 'CloudWatch' : render(Properties['KmsKeyId']))))],
  buckets: Object.fromEntries(Object.entries(bucket).map(([name, { Properties }]) => {
    const { SSEAlgorithm, KMSMasterKeyID } = Properties['BucketEncryption'].ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault;
    return [name, KMSMasterKeyID === undefined ? SSEAlgorithm : render(KMSMasterKeyID)];
  })),
});

const dataKeyOf = ({ ofType }: Stack) => ofType('AWS::KMS::Key').find(([, { Properties }]) => JSON.stringify(Properties['Tags']).includes('"data"'));

test('as it comes, AWS’s own keys encrypt all of it, and nobody is billed for another', () => {
  const stack = synthesize();
  expect(dataKeyOf(stack)).toBeUndefined();
  expect(encryptionOf(stack)).toEqual({
    tables: [{ SSEEnabled: true }, { SSEEnabled: true }],
    queues: [true, true, true, true, true],
    logs: ['CloudWatch'],
    buckets: { 'files': 'AES256', 'dead letters': 'AES256', 'audit archive': 'AES256', 'access logs': 'AES256' },
  });
});

describe('with a key of the customer’s', () => {
  const stack = synthesize({ customerKey: true });
  const [id = '', key] = dataKeyOf(stack) ?? [];
  const policies = deployedPolicies(stack);
  const dataKey = policies.arnOf(id);

  test('it encrypts everything but what is public, and what S3 writes under its own keys alone', () => {
    expect(encryptionOf(stack)).toEqual({
      tables: [1, 2].map(() => ({ SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: { 'Fn::GetAtt': [id, 'Arn'] } })),
      queues: [1, 2, 3, 4, 5].map(() => `<${id}>`),
      logs: [`<${id}>`],
      buckets: { 'files': 'AES256', 'dead letters': `<${id}>`, 'audit archive': `<${id}>`, 'access logs': 'AES256' },
    });
  });

  test('it is rotated, tagged, and outlives its stack', () => {
    expect(key).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain', Properties: { EnableKeyRotation: true } });
  });

  test('functions use it through the services that hold the data, without a right of their own, and nobody uses it otherwise', () => {
    const decide = (principal: string, action: string, context = {}) => policies.decide({ principal, action, resource: dataKey, context });
    const via = (service: string) => ({ 'kms:ViaService': `${service}.eu-west-1.amazonaws.com` });
    for (const principal of [policies.roleArnOf('authorize'), policies.roleArnOf('retire-keys'), administrator]) {
      for (const service of ['dynamodb', 's3', 'sqs', 'backup']) expect([service, decide(principal, 'kms:Decrypt', via(service))]).toEqual([service, 'allowed']);
      expect(['kms:Decrypt', 'kms:GenerateDataKey', 'kms:CreateGrant'].map((action) => decide(principal, action))).toEqual(['denied', 'denied', 'denied']);
      expect(decide(principal, 'kms:Decrypt', via('secretsmanager'))).toBe('denied');
      expect(decide(principal, 'kms:Decrypt', { ...via('dynamodb'), 'kms:CallerAccount': '999999999999' })).toBe('denied');
      expect(decide(principal, 'kms:ScheduleKeyDeletion')).toBe('denied explicitly');
    }
  });

  test('CloudWatch Logs uses it for the log groups of the account, and for nothing else', () => {
    const logs = (key?.Properties['KeyPolicy'].Statement as { Sid?: string }[]).find(({ Sid }) => Sid === 'LogsAreEncrypted');
    expect(logs).toMatchObject({ Effect: 'Allow', Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': expect.anything() } } });
  });
});

test('a key that is there is used, and none is made', () => {
  const customerKey = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const stack = synthesize({ customerKey });
  expect(dataKeyOf(stack)).toBeUndefined();
  expect(encryptionOf(stack)).toMatchObject({ logs: [customerKey], buckets: { 'audit archive': customerKey } });
});

describe('backups', () => {
  test('are made where it is said how long they are kept', () => {
    expect(synthesize().resources.filter(([, { Type }]) => Type.startsWith('AWS::Backup::'))).toEqual([]);
  });

  test('are made of each table daily, into a vault that stays and that nobody deletes from', () => {
    const { ofType, render } = synthesize({ backupRetentionDays: 400 });
    const [[, plan], [, selection], [, vault]] = (['Plan', 'Selection', 'Vault'] as const).map((type) => ofType(`AWS::Backup::Backup${type}`)[0] ?? []) as [[unknown, unknown], [unknown, { Properties: { BackupSelection: { Resources: unknown[] } } }], [unknown, unknown]];
    expect(plan).toMatchObject({ Properties: { BackupPlan: { BackupPlanRule: [{ Lifecycle: { DeleteAfterDays: 400 }, ScheduleExpression: 'cron(0 3 * * ? *)' }] } } });
    expect(selection.Properties.BackupSelection.Resources.map(render)).toEqual([expect.stringContaining('<registry>'), expect.stringContaining('<risk>')]);
    expect(vault).toMatchObject({ DeletionPolicy: 'Retain', Properties: { AccessPolicy: { Statement: [{ Effect: 'Deny', Action: expect.arrayContaining(['backup:DeleteRecoveryPoint']) }] } } });
  });
});

test('every bucket but that of the logs notes who asked for what, there', () => {
  const { bucket, render } = synthesize();
  expect(Object.entries(bucket).map(([name, { Properties }]) => [name, Properties['LoggingConfiguration'] && render(Properties['LoggingConfiguration'].DestinationBucketName)])).toEqual([
    ['files', '<access logs>'], ['dead letters', '<access logs>'], ['audit archive', '<access logs>'], ['access logs', undefined],
  ]);
});
