import { Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { tables, TableName } from '../lambdas/schema.ts';
import { justifyWildcard } from './wildcards.ts';

/* What can be granted, each as a statement of IAM's; who is granted what stands in permissions.ts. */

export type Permission = (role: iam.Role) => void;
export type ItemAction = 'GetItem' | 'BatchGetItem' | 'ConditionCheckItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'BatchWriteItem' | 'Query';
export type IndexName = { [Name in TableName]: keyof (typeof tables)[Name]['indexes'] }[TableName];

/**
 * Actions on items whose partition key matches one of `kinds`, within transactions and apart from them: the parts of a
 * transaction "are governed by the permissions used for the underlying PutItem, UpdateItem, DeleteItem, and GetItem
 * operations", each with the keys of its own.
 * ForAllValues also holds where a request has no partition key at all, as a Scan, which is one more reason to grant none.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
export function accessItems(table: Table, actions: readonly ItemAction[], kinds: readonly string[] = []): Permission {
  return allow({
    actions: actions.map((action) => `dynamodb:${action}`),
    resources: [table.tableArn],
    ...(kinds.length > 0 && { conditions: ofKinds(kinds) }),
  });
}

/**
 * The same within TransactWriteItems alone: for what is deleted, looked at without being written, or put behind a condition
 * that the rest of the transaction is about.
 */
export function transactItems(table: Table, actions: readonly ItemAction[], kinds: readonly string[]): Permission {
  return allow({
    actions: actions.map((action) => `dynamodb:${action}`),
    resources: [table.tableArn],
    conditions: { ...ofKinds(kinds), 'ForAnyValue:StringEquals': { 'dynamodb:EnclosingOperation': ['TransactWriteItems'] } },
  });
}

const ofKinds = (kinds: readonly string[]) => ({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [...kinds] } });

/** Queries of an index. Its partition keys begin with a tenant's id, so there is no kind to hold them to. */
export function queryIndex(table: Table, index: IndexName): Permission {
  return allow({ actions: ['dynamodb:Query'], resources: [`${table.tableArn}/index/${index}`] });
}

/** The ARN of the stream of a table that has one. */
export function streamArnOf({ tableStreamArn }: Table): string {
  if (tableStreamArn === undefined) throw new Error('A table whose stream is read has no stream.');
  return tableStreamArn;
}

/**
 * What Lambda needs to poll a stream in the function's name.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 */
export function readStream(table: Table): Permission {
  const read = allow({ actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], resources: [streamArnOf(table)] });
  const list = allow(
    { actions: ['dynamodb:ListStreams'], resources: [`${table.tableArn}/stream/*`] },
    'Streams are listed of a table, whichever it has had; the list has nothing but their names.',
  );
  return (role) => { read(role); list(role); };
}

/** Actions on the objects of a bucket whose keys match `keys`, such as `crl/*`. */
export function accessObjects(bucket: IBucket, actions: readonly ('GetObject' | 'PutObject')[], keys: string, reason: string): Permission {
  return allow({ actions: actions.map((action) => `s3:${action}`), resources: [bucket.arnForObjects(keys)] }, reason);
}

/**
 * Without it S3 answers 403 instead of 404 for an object that is not there.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function listBucket(bucket: IBucket): Permission {
  return allow({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] });
}

/**
 * What Lambda needs to set aside, in the function's name, what the function could not process.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export function setAside(deadLetters: IBucket): Permission {
  const [write, list] = [accessObjects(deadLetters, ['PutObject'], '*', 'Lambda names the objects, by event source mapping, shard and time; the bucket holds nothing else.'), listBucket(deadLetters)];
  return (role) => { write(role); list(role); };
}

/**
 * What Lambda needs to poll a queue in the function's name.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
 */
export function receiveMessages(queue: IQueue): Permission {
  return allow({ actions: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'], resources: [queue.queueArn] });
}

export function sendMessages(queue: IQueue): Permission {
  return allow({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] });
}

export function publishEvents(eventBus: EventBus): Permission {
  return allow({ actions: ['events:PutEvents'], resources: [eventBus.eventBusArn] });
}

/**
 * Keys for agents, born in KMS and of no other sort than the profile asks for. A key that does not exist yet has no ARN,
 * hence the `*`; the conditions do the work, and hold for parameters left at their defaults too.
 *
 * Reading the new key's public half, granting it, signing with it and scheduling its deletion come from the key policy that
 * the function gives the key, which names this role and those of sign-message and retire-keys: a principal named there counts
 * at once, while tags may take five minutes to count. So no function can grant a key that was not born here, or schedule its
 * deletion, the CA keys least of all.
 *
 * Tags can only be passed by someone who may tag any key. Whoever holds that right may here only say "agent of this
 * deployment", and not of a key that says otherwise already, such as a CA key.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
 * https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
 */
export function createAgentKeys(deployment: string): Permission {
  // No tag beside the five (lambdas/aws/key-management.ts): others may decide who may use a key.
  const noOtherTags = { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['deployment', 'role', 'tenant', 'agent', 'certificate'].map((name) => `kakunin:${name}`) } };
  const agentTags = { 'aws:RequestTag/kakunin:deployment': deployment, 'aws:RequestTag/kakunin:role': 'agent' };
  const create = allow({
    actions: ['kms:CreateKey'],
    resources: ['*'],
    conditions: {
      StringEquals: { 'kms:KeySpec': 'RSA_2048', 'kms:KeyUsage': 'SIGN_VERIFY', 'kms:KeyOrigin': 'AWS_KMS', ...agentTags },
      Bool: { 'kms:MultiRegion': 'false' },
      ...noOtherTags,
    },
  }, 'A key that does not exist yet has no ARN: the conditions say what it has to be.');
  const tag = allow({
    actions: ['kms:TagResource'],
    resources: ['*'],
    conditions: {
      StringEquals: agentTags,
      StringEqualsIfExists: { 'aws:ResourceTag/kakunin:deployment': deployment, 'aws:ResourceTag/kakunin:role': 'agent' },
      ...noOtherTags,
    },
  }, 'Creating a key with tags takes the right to tag it, before it has an ARN: the conditions leave no other tags, and no keys that are tagged as something else of ours. Keys of the account without such tags could be given these five.');
  return (role) => { create(role); tag(role); };
}

/**
 * Which keys there are, what they are tagged with, and how an agent's key is. Listing knows no resources, and of a key one
 * must read the tags to learn whose it is; nothing of this can use or change a key.
 */
export function readAgentKeys(deployment: string): Permission {
  const list = allow({ actions: ['kms:ListKeys'], resources: ['*'] }, 'KMS lists the keys of the account, and knows no resources for that.');
  return (role) => {
    const keys = [Stack.of(role).formatArn({ service: 'kms', resource: 'key', resourceName: '*' })];
    const readTags = allow({ actions: ['kms:ListResourceTags'], resources: keys }, 'Whose a key is, its tags say, and nothing before they are read.');
    const describe = allow({
      actions: ['kms:DescribeKey'],
      resources: keys,
      conditions: { StringEquals: { 'aws:ResourceTag/kakunin:deployment': deployment, 'aws:ResourceTag/kakunin:role': 'agent' } },
    }, 'Agents’ keys are made at run time: their tags stand for their ARNs.');
    for (const permit of [list, readTags, describe]) permit(role);
  };
}

/** @param reason why a resource has a `*` in it; without one it must have none. */
function allow(statement: iam.PolicyStatementProps & Pick<Required<iam.PolicyStatementProps>, 'actions' | 'resources'>, reason?: string): Permission {
  const open = statement.resources.filter((resource) => resource.includes('*'));
  if (open.length > 0 && reason === undefined) throw new Error(`${statement.actions.join(', ')} on ${open.join(', ')} needs a reason.`);
  return (role) => {
    for (const resource of open) justifyWildcard(role, statement.actions, resource, reason ?? '');
    role.addToPrincipalPolicy(new iam.PolicyStatement(statement));
  };
}
