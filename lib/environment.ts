import { Stack } from 'aws-cdk-lib';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { HandlerName, Platform } from './platform.ts';

/** Every variable a handler may read. A setting left out leaves its variable out. */
function variables({ settings, tables, keys, webhookKey, distribution, auditArchive, queues, exhaustedDeliveries, eventBus, keyRetirer, messageSigner }: Platform, role: IRole) {
  return {
    REGISTRY_TABLE: tables.registry.tableName,
    RISK_TABLE: tables.risk.tableName,
    DEPLOYMENT: settings.deployment,
    RISK_THRESHOLD: String(settings.riskThreshold),
    CA_ORGANIZATION: settings.organization,
    CA_COUNTRY: settings.country,
    CERTIFICATE_VALIDITY_DAYS: String(settings.certificateValidityDays),
    PRIVATE_ARC: settings.privateArc,
    POLICY_OID: settings.policyOid,
    SPIFFE_TRUST_DOMAIN: settings.spiffeTrustDomain,
    ROOT_KEY_ID: keys.root.keyArn,
    ISSUING_GENERATIONS: settings.issuingGenerations.join(','),
    ISSUING_KEY_IDS: keys.issuing.map(({ key }) => key.keyArn).join(','),
    OCSP_KEY_ID: keys.ocsp.keyArn,
    ATTESTATION_KEY_ID: keys.attestation.keyArn,
    WEBHOOK_KEY_ID: webhookKey.keyArn,
    DISTRIBUTION_BUCKET: distribution.bucket.bucketName,
    DISTRIBUTION_URL: distribution.url,
    RETIREMENT_QUEUE_URL: queues['retire-keys'].queue.queueUrl,
    DELIVERY_QUEUE_URL: queues['deliver-webhook'].queue.queueUrl,
    EXHAUSTED_DELIVERY_QUEUE_URL: exhaustedDeliveries.queueUrl,
    EVENT_BUS_NAME: eventBus.eventBusName,
    AUDIT_BUCKET: auditArchive.bucketName,
    CRL_SHARDS: String(settings.crlShards),
    KEY_DELETION_DAYS: String(settings.keyDeletionDays),
    KEY_RETIRER_ROLE_ARN: keyRetirer.roleArn,
    MESSAGE_SIGNER_ROLE_ARN: messageSigner.roleArn,
    CERTIFIER_ROLE_ARN: role.roleArn,
    GRANTEE_ACCOUNTS: settings.granteeAccounts.join(',') || undefined,
    ACCOUNT_ID: Stack.of(role).account,
  };
}

type Variable = keyof ReturnType<typeof variables>;

const profile = ['PRIVATE_ARC', 'POLICY_OID', 'SPIFFE_TRUST_DOMAIN', 'DISTRIBUTION_URL'] as const;
const issuing = [
  'REGISTRY_TABLE', 'ISSUING_GENERATIONS', 'DEPLOYMENT', 'KEY_DELETION_DAYS', 'CERTIFICATE_VALIDITY_DAYS', ...profile, 'CRL_SHARDS', 'CERTIFIER_ROLE_ARN', 'KEY_RETIRER_ROLE_ARN', 'MESSAGE_SIGNER_ROLE_ARN', 'ACCOUNT_ID', 'GRANTEE_ACCOUNTS',
] as const;
const publishing = ['REGISTRY_TABLE', 'DEPLOYMENT', 'ISSUING_GENERATIONS', 'DISTRIBUTION_BUCKET', 'DISTRIBUTION_URL', 'CRL_SHARDS'] as const;

const needed: Record<HandlerName, readonly Variable[]> = {
  'create-agent': ['REGISTRY_TABLE'],
  'list-agents': ['REGISTRY_TABLE'],
  'get-agent': ['REGISTRY_TABLE'],
  'update-agent': ['REGISTRY_TABLE'],
  'retire-agent': ['REGISTRY_TABLE'],
  'halt-agent': ['REGISTRY_TABLE'],
  'certify-agent': issuing,
  'sign-message': ['REGISTRY_TABLE', 'ISSUING_GENERATIONS'],
  'list-certificates': ['REGISTRY_TABLE'],
  'get-certificate': ['REGISTRY_TABLE'],
  'revoke-certificate': ['REGISTRY_TABLE'],
  'renew-certificate': issuing,
  'verify-certificate': ['REGISTRY_TABLE'],
  'verify-message': ['REGISTRY_TABLE'],
  'get-authority': ['REGISTRY_TABLE', 'ISSUING_GENERATIONS'],
  'get-crl': ['ISSUING_GENERATIONS', 'DISTRIBUTION_BUCKET', 'DISTRIBUTION_URL'],
  'post-ocsp': ['REGISTRY_TABLE', 'ISSUING_GENERATIONS'],
  'get-ocsp': ['REGISTRY_TABLE', 'ISSUING_GENERATIONS'],
  'get-openapi': [],
  'get-health': ['REGISTRY_TABLE', 'ISSUING_GENERATIONS'],
  'ingest-event': ['REGISTRY_TABLE', 'RISK_TABLE', 'RISK_THRESHOLD'],
  'list-events': ['REGISTRY_TABLE', 'RISK_TABLE'],
  'get-agent-risk': ['REGISTRY_TABLE', 'RISK_TABLE'],
  'list-audit-entries': ['REGISTRY_TABLE'],
  'create-webhook': ['REGISTRY_TABLE', 'WEBHOOK_KEY_ID'],
  'list-webhooks': ['REGISTRY_TABLE'],
  'get-webhook': ['REGISTRY_TABLE'],
  'update-webhook': ['REGISTRY_TABLE', 'WEBHOOK_KEY_ID'],
  'delete-webhook': ['REGISTRY_TABLE'],
  'list-webhook-deliveries': ['REGISTRY_TABLE'],
  'record-risk-score': ['REGISTRY_TABLE', 'RISK_TABLE', 'RISK_THRESHOLD'],
  'authorize': ['REGISTRY_TABLE'],
  'auto-revoke': ['REGISTRY_TABLE', 'DEPLOYMENT', 'RISK_THRESHOLD'],
  'publish-crls': publishing,
  'relay-changes': ['REGISTRY_TABLE', 'DEPLOYMENT', 'RETIREMENT_QUEUE_URL', 'DELIVERY_QUEUE_URL', 'EVENT_BUS_NAME'],
  'retire-keys': ['REGISTRY_TABLE', 'DEPLOYMENT', 'KEY_DELETION_DAYS'],
  'deliver-webhook': ['REGISTRY_TABLE', 'WEBHOOK_KEY_ID', 'DELIVERY_QUEUE_URL', 'EXHAUSTED_DELIVERY_QUEUE_URL'],
  'refresh-crls': publishing,
  'expire-certificates': ['REGISTRY_TABLE', 'ISSUING_GENERATIONS', 'CRL_SHARDS'],
  'reconcile': ['REGISTRY_TABLE', 'RISK_TABLE', 'RISK_THRESHOLD', 'DEPLOYMENT', 'ISSUING_GENERATIONS', 'CRL_SHARDS', 'RETIREMENT_QUEUE_URL'],
  'export-audit-trail': ['REGISTRY_TABLE', 'AUDIT_BUCKET'],
  'mint-authority': ['CA_ORGANIZATION', 'CA_COUNTRY', ...profile, 'ROOT_KEY_ID', 'ISSUING_KEY_IDS', 'OCSP_KEY_ID', 'ATTESTATION_KEY_ID', ...publishing],
};

/** A function's environment: what its handler reads and nothing else. `role` is the function's own. */
export function environmentOf(handler: HandlerName, platform: Platform, role: IRole): Record<string, string> {
  const all = variables(platform, role);
  const own = needed[handler].flatMap((name) => {
    const value = all[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { NODE_OPTIONS: '--enable-source-maps', POWERTOOLS_SERVICE_NAME: 'kakunin', ...Object.fromEntries(own) };
}
