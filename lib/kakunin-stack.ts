import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { basePath } from '../lambdas/routes.ts';
import { acknowledge } from './acknowledge.ts';
import { AlarmTopic } from './alarm.ts';
import { Alarms } from './alarms.ts';
import { Api } from './api.ts';
import { AuthorityKeys } from './authority-keys.ts';
import { Backups } from './backups.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import { createDataKey } from './data-key.ts';
import { Dashboard } from './dashboard.ts';
import { Distribution } from './distribution.ts';
import { createEdgeSecret } from './edge-mark.ts';
import { createExecutionRole } from './lambda.ts';
import type { Platform } from './platform.ts';
import { PublicApi } from './public-api.ts';
import { createPrivateBucket } from './private-bucket.ts';
import { Queues } from './queues.ts';
import { Registry } from './registry.ts';
import { Revocation } from './revocation.ts';
import { Schedules } from './schedules.ts';
import type { Settings } from './settings.ts';
import { WebAcl } from './web-acl.ts';
import { WebhookKey } from './webhook-key.ts';

export interface KakuninStackProps extends StackProps {
  readonly settings: Settings;
}

/** A deployment of Kakunin. */
export class KakuninStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: KakuninStackProps) {
    super(scope, id, props);
    const dataKey = createDataKey(this, settings);
    const { tables } = new Registry(this, 'Registry', dataKey);
    const keys = new AuthorityKeys(this, 'AuthorityKeys', settings);
    const webhookKey = new WebhookKey(this, 'WebhookKey', settings.deployment);
    const api = new Api(this, 'Api', settings, dataKey);
    const publicApi = settings.mutualTls && new PublicApi(this, 'PublicApi', { deployment: settings.deployment, dataKey, api: api.restApi });
    const accessLogs = createPrivateBucket(this, 'AccessLogs', { lifecycle: { expiration: Duration.days(365) } });
    const edgeSecret = settings.webAcl ? createEdgeSecret(this) : undefined;
    const distribution = new Distribution(this, 'Distribution', { settings, restApi: (publicApi ?? api).restApi, accessLogs, edgeSecret });
    const deadLetters = createPrivateBucket(this, 'DeadLetters', { lifecycle: { expiration: Duration.days(90) }, dataKey, accessLogs });
    const auditArchive = createPrivateBucket(this, 'AuditArchive', { retention: retentionOf(settings), dataKey, accessLogs });
    const queues = new Queues(this, 'Queues', settings.deployment, dataKey);
    const eventBus = new EventBus(this, 'EventBus', { eventBusName: settings.deployment, description: `Kakunin ${settings.deployment}: what changes` });
    const keyRetirer = createExecutionRole(this, 'KeyRetirer');
    const messageSigner = createExecutionRole(this, 'MessageSigner');
    const platform: Platform = { settings, tables, keys, dataKey, webhookKey, distribution, deadLetters, auditArchive, queues: queues.queues, exhaustedDeliveries: queues.exhaustedDeliveries, eventBus, keyRetirer, messageSigner };

    const authority = new CertificateAuthority(this, 'CertificateAuthority', platform);
    const functions = api.addRoutes(platform, authority);
    publicApi?.addRoutes(functions);
    const stages = [api, ...(publicApi === undefined ? [] : [publicApi])].map(({ restApi }) => restApi.deploymentStage);
    if (edgeSecret !== undefined) new WebAcl(this, 'WebAcl', { settings, stages, edgeSecret, dataKey });
    new Revocation(this, 'Revocation', platform);
    queues.addConsumers(platform);
    new Schedules(this, 'Schedules', platform, { 'mint-authority': authority.mintAuthority });
    const { deployment, backupRetentionDays: retentionDays } = settings;
    const allTables = Object.values(tables) as ITable[];
    if (retentionDays !== undefined) new Backups(this, 'Backups', { deployment, tables: allTables, retentionDays, dataKey });
    else for (const table of allTables) acknowledge(table, { 'NIST.800.53.R5-DynamoDBInBackupPlan': 'Point-in-time recovery and deletion protection are on; the setting backupRetentionDays adds daily backups.' });
    new Alarms(this, 'Alarms', settings, stages);
    const alarmTopic = new AlarmTopic(this, 'AlarmTopic', settings);
    alarmTopic.tellOf(this);
    new Dashboard(this, 'Dashboard', settings, stages);
    // Nobody should be able to call a service that cannot issue yet.
    for (const stage of stages) stage.node.addDependency(authority);

    const outputs = {
      ApiUrl: api.url,
      DistributionUrl: distribution.url,
      VerifyUrl: `${distribution.secureUrl}${basePath}/verify`,
      ...(settings.distributionDomain && { DistributionDomainTarget: distribution.domainTarget }),
      ...(publicApi && { PublicApiUrl: publicApi.url }),
      ...(api.domainTarget !== undefined && { ApiDomainTarget: api.domainTarget }),
      RegistryTableName: tables.registry.tableName,
      RiskTableName: tables.risk.tableName,
      DistributionBucketName: distribution.bucket.bucketName,
      EventBusName: eventBus.eventBusName,
      AlarmTopicArn: alarmTopic.topic.topicArn,
      DeadLetterBucketName: deadLetters.bucketName,
      AuditBucketName: auditArchive.bucketName,
      RootKeyArn: keys.root.keyArn,
      IssuingKeyArn: keys.issuing[0].key.keyArn,
      OcspKeyArn: keys.ocsp.keyArn,
      AttestationKeyArn: keys.attestation.keyArn,
      WebhookKeyArn: webhookKey.keyArn,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

function retentionOf({ auditRetentionDays, auditRetentionMode }: Settings): ObjectLockRetention {
  const period = Duration.days(auditRetentionDays);
  return auditRetentionMode === 'COMPLIANCE' ? ObjectLockRetention.compliance(period) : ObjectLockRetention.governance(period);
}
