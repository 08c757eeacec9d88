import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Api } from './api.ts';
import { AuthorityKeys } from './authority-keys.ts';
import { CertificateAuthority } from './certificate-authority.ts';
import type { Platform } from './platform.ts';
import { Registry } from './registry.ts';
import { Revocation } from './revocation.ts';
import type { Settings } from './settings.ts';

export interface KakuninStackProps extends StackProps {
  readonly settings: Settings;
}

/** A deployment of Kakunin. */
export class KakuninStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: KakuninStackProps) {
    super(scope, id, props);
    const { tables } = new Registry(this, 'Registry');
    const keys = new AuthorityKeys(this, 'AuthorityKeys', settings.deployment);
    const platform: Platform = { settings, tables, keys };

    const authority = new CertificateAuthority(this, 'CertificateAuthority', platform);
    const api = new Api(this, 'Api', platform);
    const revocation = new Revocation(this, 'Revocation', platform);
    // Nobody should be able to call a service that cannot issue yet.
    api.stage.node.addDependency(authority);

    const outputs = {
      ApiUrl: api.url,
      RegistryTableName: tables.registry.tableName,
      RiskTableName: tables.risk.tableName,
      RootKeyArn: keys.root.keyArn,
      IssuingKeyArn: keys.issuing.keyArn,
      DeadLetterQueueUrl: revocation.deadLetters.queueUrl,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
