import { RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { administeredByAccount } from './authority-keys.ts';
import type { Settings } from './settings.ts';
import { rotation } from './webhook-key.ts';

// What services need that encrypt data in somebody's name, and DynamoDB besides to go on doing so: CreateGrant.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
const use = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncryptFrom', 'kms:ReEncryptTo', 'kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:DescribeKey'];

/**
 * The key that tables, queues, logs and what is not public of the buckets are encrypted with, where the setting `customerKey`
 * asks for one: made here, or the one that it names, whose policy has to say what this one's does.
 *
 * As with the keys that AWS manages, whoever may use a table, bucket or queue of the account may do so through its service,
 * and through nothing else; so no function needs a right for it.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
 */
export function createDataKey(scope: Construct, { customerKey, deployment }: Settings): kms.IKey | undefined {
  if (customerKey === false) return undefined;
  if (customerKey !== true) return kms.Key.fromKeyArn(scope, 'DataKey', customerKey);
  const { account, region, partition, urlSuffix } = Stack.of(scope);
  const services = ['dynamodb', 's3', 'sqs', 'backup'].map((service) => `${service}.${region}.amazonaws.com`);
  const statements = [
    administeredByAccount('AccountAdministersButDoesNotDecrypt', rotation),
    new iam.PolicyStatement({ sid: 'NobodyDeletes', effect: iam.Effect.DENY, principals: [new iam.StarPrincipal()], actions: ['kms:ScheduleKeyDeletion'], resources: ['*'] }),
    new iam.PolicyStatement({
      sid: 'AccountUsesThroughServices',
      principals: [new iam.AnyPrincipal()],
      // AWS Backup gives up the grants that it made: https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
      actions: [...use, 'kms:CreateGrant', 'kms:RetireGrant'],
      resources: ['*'],
      conditions: { StringEquals: { 'kms:CallerAccount': account, 'kms:ViaService': services } },
    }),
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    new iam.PolicyStatement({
      sid: 'LogsAreEncrypted',
      principals: [new iam.ServicePrincipal(`logs.${region}.${urlSuffix}`)],
      actions: use,
      resources: ['*'],
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*` } },
    }),
  ];
  const key = new kms.Key(scope, 'DataKey', {
    keySpec: kms.KeySpec.SYMMETRIC_DEFAULT,
    enableKeyRotation: true,
    description: `Kakunin ${deployment} data`,
    removalPolicy: RemovalPolicy.RETAIN,
    policy: new iam.PolicyDocument({ statements }),
  });
  Tags.of(key).add('kakunin:deployment', deployment);
  Tags.of(key).add('kakunin:role', 'data');
  return key;
}
