import * as iam from 'aws-cdk-lib/aws-iam';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { tables } from '../lambdas/schema.ts';
import type { HandlerName, Platform } from './platform.ts';

type Permission = (role: iam.IRole) => void;
type ItemAction = 'GetItem' | 'BatchGetItem' | 'PutItem' | 'UpdateItem';
type RegistryIndex = keyof typeof tables.registry.indexes;

// Partition keys of the registry, by kind of item (lambdas/schema.ts).
const agents = 'AGENT#*';
const certificates = 'CERT#*';
const auditEntries = 'AUDIT#*';
const authorities = 'CA#*';
const issuingAuthority = 'CA#issuing';
const apiKeys = 'KEY#*';

/**
 * Who may do what: the one place where a function gets its rights, beside its own log group and X-Ray. Nobody deletes or
 * scans, nobody writes another kind of item than its own, and only the authorizer reads API keys.
 */
function permissions({ settings, tables: { registry, risk }, keys }: Platform): Record<HandlerName, readonly Permission[]> {
  const items = (actions: readonly ItemAction[], ...kinds: string[]) => accessItems(registry, actions, kinds);
  const query = (index: RegistryIndex) => queryIndex(registry, index);
  return {
    'create-agent': [items(['PutItem'], agents, auditEntries)],
    'list-agents': [query('by-tenant'), items(['BatchGetItem'], agents)],
    'get-agent': [items(['GetItem'], agents), query('by-agent'), items(['BatchGetItem'], certificates)],
    'update-agent': [items(['GetItem', 'UpdateItem', 'PutItem'], agents, certificates, auditEntries)],
    'retire-agent': [items(['GetItem', 'UpdateItem', 'PutItem'], agents, certificates, auditEntries)],
    'certify-agent': [
      items(['GetItem', 'UpdateItem', 'PutItem'], agents, certificates, auditEntries),
      items(['GetItem'], issuingAuthority),
      createAgentKeys(settings.deployment),
      (role) => { keys.issuing.allowSigning(role); },
    ],
    'list-certificates': [query('by-tenant'), query('by-agent'), items(['BatchGetItem'], certificates)],
    'get-certificate': [items(['GetItem'], certificates)],
    'revoke-certificate': [items(['GetItem', 'UpdateItem', 'PutItem'], certificates, agents, auditEntries)],
    'verify-certificate': [items(['GetItem'], certificates)],
    'get-authority': [items(['GetItem'], authorities)],
    'get-health': [items(['GetItem'], issuingAuthority)],
    'ingest-event': [items(['GetItem'], agents, certificates), accessItems(risk, ['GetItem', 'PutItem'])],
    'record-risk-score': [items(['GetItem'], agents), accessItems(risk, ['PutItem'])],
    'authorize': [items(['GetItem'], apiKeys)],
    'auto-revoke': [items(['GetItem', 'UpdateItem', 'PutItem'], agents, certificates, auditEntries), readStream(risk)],
    'mint-authority': [
      items(['GetItem', 'PutItem'], authorities),
      (role) => { keys.root.allowReadingPublicKey(role); },
      (role) => { keys.issuing.allowReadingPublicKey(role); },
      // The root signs itself and the issuing CA; the issuing key signs nothing here.
      (role) => { keys.root.allowSigning(role); },
    ],
  };
}

/** Gives a function's role what its handler needs. */
export function grantPermissions(handler: HandlerName, platform: Platform, role: iam.IRole): void {
  for (const permit of permissions(platform)[handler]) permit(role);
}

/**
 * Actions on items whose partition key matches one of `kinds`. A transaction needs the actions of its parts; all kinds a
 * transaction touches stand in one statement, because AWS does not say whether it checks the parts one by one.
 * ForAllValues also holds where a request has no partition key at all, as a Scan, which is one more reason to grant none.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
function accessItems(table: Table, actions: readonly ItemAction[], kinds: readonly string[] = []): Permission {
  return allow({
    actions: actions.map((action) => `dynamodb:${action}`),
    resources: [table.tableArn],
    ...(kinds.length > 0 && { conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [...kinds] } } }),
  });
}

/** Queries of an index. Its partition keys begin with a tenant's id, so there is no kind to hold them to. */
function queryIndex(table: Table, index: RegistryIndex): Permission {
  return allow({ actions: ['dynamodb:Query'], resources: [`${table.tableArn}/index/${index}`] });
}

/**
 * What Lambda needs to poll a stream in the function's name.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 */
function readStream(table: Table): Permission {
  return allow({
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
    resources: [`${table.tableArn}/stream/*`],
  });
}

/**
 * Keys for agents, born in KMS and of no other sort than the profile asks for. A key that does not exist yet has no ARN,
 * hence the `*`; the conditions do the work, and hold for parameters left at their defaults too.
 *
 * Reading the new key's public half and scheduling its deletion come from the key policy that the function gives the key,
 * which names this role: a principal named there counts at once, while tags may take five minutes to count. So no
 * function can schedule the deletion of a key that it did not create, the CA keys least of all.
 *
 * Tags can only be passed by someone who may tag any key. Whoever holds that right may here only say "agent of this
 * deployment", and not of a key that says otherwise already, such as a CA key.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 * https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
 */
function createAgentKeys(deployment: string): Permission {
  const agentTags = { 'aws:RequestTag/kakunin:deployment': deployment, 'aws:RequestTag/kakunin:role': 'agent' };
  const create = allow({
    actions: ['kms:CreateKey'],
    resources: ['*'],
    conditions: {
      StringEquals: { 'kms:KeySpec': 'RSA_2048', 'kms:KeyUsage': 'SIGN_VERIFY', 'kms:KeyOrigin': 'AWS_KMS', ...agentTags },
      Bool: { 'kms:MultiRegion': 'false' },
    },
  });
  const tag = allow({
    actions: ['kms:TagResource'],
    resources: ['*'],
    conditions: {
      StringEquals: agentTags,
      StringEqualsIfExists: { 'aws:ResourceTag/kakunin:deployment': deployment, 'aws:ResourceTag/kakunin:role': 'agent' },
    },
  });
  return (role) => { create(role); tag(role); };
}

function allow(statement: iam.PolicyStatementProps): Permission {
  return (role) => { role.addToPrincipalPolicy(new iam.PolicyStatement(statement)); };
}
