import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Schedule } from 'aws-cdk-lib/aws-events';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { retainedName } from './retained-name.ts';

export interface BackupsProps {
  readonly deployment: string;
  readonly tables: readonly ITable[];
  readonly retentionDays: number;
  readonly dataKey: IKey | undefined;
}

/**
 * A daily backup of each table by AWS Backup, beside point-in-time recovery, which reaches back for 35 days. The vault
 * outlives its stack, and nobody deletes from it before the time.
 */
export class Backups extends Construct {
  constructor(scope: Construct, id: string, { deployment, tables, retentionDays, dataKey }: BackupsProps) {
    super(scope, id);
    const vault = new backup.BackupVault(this, 'Vault', {
      backupVaultName: retainedName(this, deployment),
      blockRecoveryPointDeletion: true,
      removalPolicy: RemovalPolicy.RETAIN,
      ...(dataKey !== undefined && { encryptionKey: dataKey }),
    });
    const plan = new backup.BackupPlan(this, 'Plan', {
      backupPlanName: deployment,
      backupVault: vault,
      backupPlanRules: [new backup.BackupPlanRule({ ruleName: 'daily', scheduleExpression: Schedule.cron({ hour: '3', minute: '0' }), deleteAfter: Duration.days(retentionDays) })],
    });
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('backup.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSBackupServiceRolePolicyForBackup')],
    });
    acknowledge(role, {
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]':
        'What a backup takes is AWS Backup’s to say and changes with it; only that service can assume the role, and it reads.',
    });
    plan.addSelection('Tables', { resources: tables.map((table) => backup.BackupResource.fromDynamoDbTable(table)), role, disableDefaultBackupPolicy: true });
  }
}
