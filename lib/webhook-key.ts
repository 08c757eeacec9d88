import { RemovalPolicy, Tags } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { administeredByAccount, neitherHandedOnNorDeleted } from './authority-keys.ts';

// Only for a webhook that is named by its tenant and its id (lambdas/aws/secret-encryption.ts), and by nothing else.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
const forOneWebhook = {
  Null: { 'kms:EncryptionContext:tenant_id': 'false', 'kms:EncryptionContext:webhook_id': 'false' },
  'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['tenant_id', 'webhook_id'] },
};

// CloudFormation turns it on once the key is there.
export const rotation = ['kms:EnableKeyRotation', 'kms:DisableKeyRotation', 'kms:ListKeyRotations'];

/**
 * Encrypts the secrets that webhooks are signed with; KMS puts new key material in its place every year, and keeps the old
 * for what that has encrypted. It outlives its stack, and works for nobody until `allow` names who.
 */
export class WebhookKey extends kms.Key {
  constructor(scope: Construct, id: string, deployment: string) {
    super(scope, id, {
      keySpec: kms.KeySpec.SYMMETRIC_DEFAULT,
      enableKeyRotation: true,
      description: `Kakunin ${deployment} webhooks`,
      removalPolicy: RemovalPolicy.RETAIN,
      policy: new iam.PolicyDocument({ statements: [administeredByAccount('AccountAdministersButDoesNotDecrypt', rotation), neitherHandedOnNorDeleted()] }),
    });
    Tags.of(this).add('kakunin:deployment', deployment);
    Tags.of(this).add('kakunin:role', 'webhooks');
  }

  /** Lets `role` do so. As with the authority's keys it takes both locks, IAM's policy and the key's. */
  allow(actions: readonly ('kms:Encrypt' | 'kms:Decrypt')[], role: iam.IRole): void {
    role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: [...actions], resources: [this.keyArn], conditions: forOneWebhook }));
    this.addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.AccountRootPrincipal()],
      actions: [...actions],
      resources: ['*'],
      conditions: { ...forOneWebhook, ArnEquals: { 'aws:PrincipalArn': role.roleArn } },
    }));
  }
}
