import type { AccessRequest } from './iam.ts';

/* What IAM is asked for a call of the AWS SDK: which actions, on which resources, and what is known of them. */

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- inputs of any operation
export type Input = Record<string, any>;

export interface SdkCall {
  readonly service: 'dynamodb' | 'kms' | 's3' | 'sqs' | 'events';
  /** `TransactWriteItems`. */
  readonly operation: string;
  readonly input: Input;
}

export type Asked = Omit<AccessRequest, 'principal'>;

/** Where the call's resources are in the stack: ARNs by the names that they have in the call. */
export interface Resources {
  readonly tables: Readonly<Record<string, { readonly arn: string; readonly partitionKey: string }>>;
  readonly buckets: Readonly<Record<string, string>>;
  readonly queues: Readonly<Record<string, string>>;
  readonly eventBus: string;
  /** Keys that the stack makes; any other is an agent's, and its own ARN names it. */
  readonly keys: Readonly<Record<string, string>>;
}

/** Throws for an operation that it does not know. */
export function asked(call: SdkCall, resources: Resources): Asked[] {
  return { dynamodb: askedOfDynamodb, kms: askedOfKms, s3: askedOfS3, sqs: askedOfSqs, events: askedOfEvents }[call.service](call, resources);
}

const parts = { Put: 'PutItem', Update: 'UpdateItem', Delete: 'DeleteItem', ConditionCheck: 'ConditionCheckItem' } as const;

/** A transaction is asked about part by part, and a batch for each table. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html */
function askedOfDynamodb({ operation, input }: SdkCall, { tables }: Resources): Asked[] {
  const on = (tableName: string, action: string, items: readonly Input[], more: Asked['context'] = {}): Asked => {
    const { arn, partitionKey } = find(tables, tableName);
    return { action: `dynamodb:${action}`, resource: arn, context: { 'dynamodb:LeadingKeys': items.map((item) => String(item[partitionKey].S)), ...more } };
  };
  switch (operation) {
    case 'GetItem': case 'UpdateItem': case 'DeleteItem': return [on(input['TableName'], operation, [input['Key']])];
    case 'PutItem': return [on(input['TableName'], operation, [input['Item']])];
    case 'BatchGetItem': return Object.entries<Input>(input['RequestItems']).map(([table, { Keys }]) => on(table, operation, Keys));
    case 'BatchWriteItem': return Object.entries<Input[]>(input['RequestItems']).map(([table, writes]) => on(table, operation, writes.map(({ PutRequest, DeleteRequest }) => PutRequest?.Item ?? DeleteRequest.Key)));
    case 'TransactWriteItems': return (input['TransactItems'] as Input[]).flatMap((part) => Object.entries<Input>(part).map(([kind, { TableName, Item, Key }]) =>
      on(TableName, parts[kind as keyof typeof parts], [Item ?? Key], { 'dynamodb:EnclosingOperation': [operation] })));
    case 'Query': {
      const { TableName, IndexName, KeyConditionExpression, ExpressionAttributeValues } = input;
      const [, placeholder = ''] = /^\s*[#\w]+ = (:\w+)/.exec(KeyConditionExpression) ?? [];
      const { arn } = find(tables, TableName);
      return [{ action: 'dynamodb:Query', resource: IndexName === undefined ? arn : `${arn}/index/${IndexName}`, context: { 'dynamodb:LeadingKeys': [String(ExpressionAttributeValues[placeholder].S)] } }];
    }
    default: throw unknown(operation);
  }
}

// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
function askedOfKms({ operation, input }: SdkCall, { keys }: Resources): Asked[] {
  const { KeyId, EncryptionContext = {}, Tags = [], ...named } = input;
  const resource = KeyId === undefined ? '*' : (keys[KeyId] ?? String(KeyId));
  const tags = Object.fromEntries((Tags as Input[]).map(({ TagKey, TagValue }) => [`aws:RequestTag/${TagKey}`, String(TagValue)]));
  const context: Record<string, string | string[] | undefined> = {
    ...tags,
    // What the stack has not made is an agent's.
    ...(KeyId !== undefined && keys[KeyId] === undefined && { 'aws:ResourceTag/kakunin:deployment': 'kakunin', 'aws:ResourceTag/kakunin:role': 'agent' }),
    ...(Tags.length > 0 && { 'aws:TagKeys': (Tags as Input[]).map(({ TagKey }) => String(TagKey)) }),
    ...Object.fromEntries(Object.entries<string>(EncryptionContext).map(([name, value]) => [`kms:EncryptionContext:${name}`, value])),
    ...(Object.keys(EncryptionContext).length > 0 && { 'kms:EncryptionContextKeys': Object.keys(EncryptionContext) }),
    ...(operation === 'Sign' && { 'kms:MessageType': named['MessageType'] ?? 'RAW', 'kms:SigningAlgorithm': named['SigningAlgorithm'] }),
    ...(operation === 'ScheduleKeyDeletion' && { 'kms:ScheduleKeyDeletionPendingWindowInDays': String(named['PendingWindowInDays'] ?? 30) }),
    ...(operation === 'CreateGrant' && { 'kms:GranteePrincipal': named['GranteePrincipal'], 'kms:GrantOperations': named['Operations'] }),
    ...(operation === 'CreateKey' && {
      'kms:KeySpec': named['KeySpec'] ?? 'SYMMETRIC_DEFAULT', 'kms:KeyUsage': named['KeyUsage'] ?? 'ENCRYPT_DECRYPT', 'kms:KeyOrigin': named['Origin'] ?? 'AWS_KMS',
      'kms:MultiRegion': String(named['MultiRegion'] ?? false), 'kms:BypassPolicyLockoutSafetyCheck': String(named['BypassPolicyLockoutSafetyCheck'] ?? false),
    }),
  };
  const request = { action: `kms:${operation}`, resource, context };
  // Whoever makes a key with tags needs the right to tag it as well. https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
  return operation === 'CreateKey' && Tags.length > 0 ? [request, { action: 'kms:TagResource', resource: '*', context: tags }] : [request];
}

function askedOfS3({ operation, input: { Bucket, Key } }: SdkCall, { buckets }: Resources): Asked[] {
  const bucket = find(buckets, Bucket);
  switch (operation) {
    case 'GetObject': case 'PutObject': return [{ action: `s3:${operation}`, resource: `${bucket}/${Key}` }];
    case 'HeadObject': return [{ action: 's3:GetObject', resource: `${bucket}/${Key}` }];
    case 'ListObjectsV2': return [{ action: 's3:ListBucket', resource: bucket }];
    default: throw unknown(operation);
  }
}

function askedOfSqs({ operation, input: { QueueUrl } }: SdkCall, { queues }: Resources): Asked[] {
  // A batch takes the permission of a single message.
  if (operation !== 'SendMessage' && operation !== 'SendMessageBatch') throw unknown(operation);
  return [{ action: 'sqs:SendMessage', resource: find(queues, String(QueueUrl).split('/').at(-1) ?? '') }];
}

function askedOfEvents({ operation }: SdkCall, { eventBus }: Resources): Asked[] {
  if (operation !== 'PutEvents') throw unknown(operation);
  return [{ action: 'events:PutEvents', resource: eventBus }];
}

function find<Value>(named: Readonly<Record<string, Value>>, name: string): Value {
  const found = named[name];
  if (found === undefined) throw new Error(`Nothing in the stack is what ${name} is here.`);
  return found;
}

const unknown = (operation: string) => new Error(`It is not known here what ${operation} takes.`);
