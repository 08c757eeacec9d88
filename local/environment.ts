import { environment } from '../lambdas/handlers/environment.ts';
import type { TableName } from '../lambdas/schema.ts';
import type { QueueConsumerName } from '../lambdas/triggers.ts';
import { accountId, localCredentials, region } from './account.ts';
import type { AuthorityKeyArns } from './authority-keys.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What must hold before the first SDK client is made: signatures by nobody in particular, and nothing of the developer's own AWS account.
 * Where credentials come from a container endpoint they are left to it, so that their absence can be tried out.
 */
export function sdkEnvironment(current: Environment): Environment {
  const fromContainer = current['AWS_CONTAINER_CREDENTIALS_FULL_URI'] !== undefined;
  return {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: fromContainer ? undefined : localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fromContainer ? undefined : localCredentials.secretAccessKey,
    AWS_SESSION_TOKEN: undefined,
    // A profile stands above the variables, and may bring endpoints of its own.
    AWS_PROFILE: undefined,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: undefined,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    POWERTOOLS_LOG_LEVEL: current['POWERTOOLS_LOG_LEVEL'] ?? 'WARN',
  };
}

/** What the stack has a default for, and whoever starts the service may set. */
export function settingsEnvironment(current: Environment): Environment {
  return {
    RISK_THRESHOLD: current['RISK_THRESHOLD'] ?? '0.85',
    CA_ORGANIZATION: current['CA_ORGANIZATION'] ?? 'Kakunin',
    // All of it for one process, which keeps one pace however many calls are under way in it.
    KEY_RETIREMENTS_PER_SECOND: current['KEY_RETIREMENTS_PER_SECOND'] ?? '15',
  };
}

/**
 * Reads, in the handlers' stead, what whoever starts the service may have set: some would meet it hours later, in a function that no one
 * waits for. Throws an Error that names the variable.
 */
export function checkSettings(): void {
  for (const name of ['riskThreshold', 'organization', 'country', 'issuingGenerations', 'crlShardCount', 'keyDeletionDays', 'keyRetirementsPerSecond', 'webhookAllowedNetworks', 'webhookTrustAnchorFile'] as const) environment(name);
}

/** The roles that agents' keys name, of a KMS that does not ask for them. */
export const localRoleArns = {
  certifier: `arn:aws:iam::${accountId}:role/kakunin-local-certifier`,
  keyRetirer: `arn:aws:iam::${accountId}:role/kakunin-local-key-retirer`,
  messageSigner: `arn:aws:iam::${accountId}:role/kakunin-local-message-signer`,
} as const;

export interface HandlerSettings {
  readonly dynamodbEndpoint: string;
  readonly kmsEndpoint: string;
  readonly s3Endpoint: string;
  readonly sqsEndpoint: string;
  readonly eventBridgeEndpoint: string;
  readonly eventBusName: string;
  /** At the endpoint that the handlers are to use: the SDK goes to the host of the URL. */
  readonly queueUrls: Readonly<Record<QueueConsumerName, string>>;
  readonly exhaustedDeliveryQueueUrl: string;
  readonly tableNames: Readonly<Record<TableName, string>>;
  readonly distributionBucket: string;
  readonly auditBucket: string;
  /** What certificates name, without a trailing slash. */
  readonly distributionUrl: string;
  readonly authorityKeys: AuthorityKeyArns;
}

/** The variables of every Lambda, as lib/lambda.ts sets them; lambdas/handlers/environment.ts reads them. */
export function handlerEnvironment(settings: HandlerSettings): Environment {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: settings.dynamodbEndpoint,
    AWS_ENDPOINT_URL_KMS: settings.kmsEndpoint,
    AWS_ENDPOINT_URL_S3: settings.s3Endpoint,
    AWS_ENDPOINT_URL_SQS: settings.sqsEndpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: settings.eventBridgeEndpoint,
    RETIREMENT_QUEUE_URL: settings.queueUrls['retire-keys'],
    DELIVERY_QUEUE_URL: settings.queueUrls['deliver-webhook'],
    EXHAUSTED_DELIVERY_QUEUE_URL: settings.exhaustedDeliveryQueueUrl,
    EVENT_BUS_NAME: settings.eventBusName,
    REGISTRY_TABLE: settings.tableNames.registry,
    RISK_TABLE: settings.tableNames.risk,
    DISTRIBUTION_BUCKET: settings.distributionBucket,
    DISTRIBUTION_URL: settings.distributionUrl,
    AUDIT_BUCKET: settings.auditBucket,
    DEPLOYMENT: 'local',
    ROOT_KEY_ID: settings.authorityKeys.rootKeyArn,
    ISSUING_KEY_IDS: settings.authorityKeys.issuingKeyArns.join(','),
    OCSP_KEY_ID: settings.authorityKeys.ocspKeyArn,
    ATTESTATION_KEY_ID: settings.authorityKeys.attestationKeyArn,
    WEBHOOK_KEY_ID: settings.authorityKeys.webhookKeyArn,
    ACCOUNT_ID: accountId,
    CERTIFIER_ROLE_ARN: localRoleArns.certifier,
    KEY_RETIRER_ROLE_ARN: localRoleArns.keyRetirer,
    MESSAGE_SIGNER_ROLE_ARN: localRoleArns.messageSigner,
  };
}

/** Sets the variables, unsets those that are undefined, and returns how to put everything back. */
export function applyEnvironment(environment: Environment): () => void {
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  const assign = (entries: Iterable<readonly [string, string | undefined]>) => {
    for (const [name, value] of entries) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
  assign(Object.entries(environment));
  return () => assign(before);
}
