import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { randomUUID } from 'node:crypto';
import { outboxKeyPrefix, streamConsumers, type QueueConsumerName, type StreamConsumerName } from '../../../lambdas/triggers.ts';
import { tables, type TableName } from '../../../lambdas/schema.ts';
import { recordFilter } from '../../../local/streams/filter.ts';
import { seedTenants } from '../../../local/tenants.ts';
import { dataOf } from '../agents.ts';
import type { Call, TestRuntime } from '../runtime.ts';
import type { StreamReader } from '../stream.ts';
import type { Subject } from './state.ts';

/* For each function on a stream or a queue: something that it is to deal with, which nobody has dealt with yet, and all ways to spoil it. */

/** A record of a stream, or the body of a message. */
export type Delivery = DynamoDBRecord | string;

export interface Case {
  readonly subject: Subject;
  readonly call: Call;
  /** In the order in which they came about. */
  readonly deliveries: readonly Delivery[];
}

export interface Row {
  readonly prepare: () => Promise<Case>;
  /** Makes of a delivery, which stays as it is, one that nobody can deal with. */
  readonly poison: Readonly<Record<string, (delivery: never) => Delivery>>;
  /** Which of the deliveries each of them is made of; the first one where it does not matter. */
  readonly spoils?: (what: string, delivery: Delivery) => boolean;
}

interface Surroundings {
  readonly runtime: TestRuntime;
  readonly documents: DynamoDBDocumentClient;
  readonly receiverUrl: string;
  readonly streams: Readonly<Record<TableName, StreamReader>>;
}

type Image = Record<string, { S?: string; N?: string; NULL?: boolean; M?: unknown }>;

export function rowsOf({ runtime, documents, receiverUrl, streams }: Surroundings): Record<StreamConsumerName | QueueConsumerName, Row> {
  let cases = 0;

  /** A tenant of its own, with so many agents that have certificates. */
  async function tenantWith(agentCount: number) {
    const name = `case-${++cases}`;
    const key = `kak_test_case${cases}`;
    const [tenant] = await seedTenants(runtime.dynamodbEndpoint, runtime.tableNames.registry, [{ name, key }]);
    const tenantId = tenant?.id ?? '';
    const call: Call = (method, path, options) => runtime.call(method, path, { key, ...options });
    const names = new Map<string, string>();
    const agents = await Promise.all(Array.from({ length: agentCount }, async (_, index) => {
      const { id } = dataOf(await call('POST', '/agents', { body: { name: 'Trader', model_hash: 'sha256:0123' } }), 201);
      const certificate = dataOf(await call('POST', `/agents/${id}/certify`), 201);
      names.set(id, `agent ${index}`).set(certificate.id, `certificate ${index}`).set(certificate.kms_key_arn, `key ${index}`);
      return { id: id as string, certificateId: certificate.id as string };
    }));
    const revoke = async (count: number) => {
      for (const { certificateId } of agents.slice(0, count)) dataOf(await call('POST', `/certificates/${certificateId}/revoke`, { body: { reason: 'test' } }), 200);
    };
    return { call, agents, revoke, subject: { tenantId, names } };
  }

  const webhookOf = async (call: Call, names: Map<string, string>) => {
    const { id } = dataOf(await call('POST', '/webhooks', { body: { url: `${receiverUrl}/${randomUUID()}`, events: ['agent.created', 'certificate.issued', 'certificate.revoked'] } }), 201);
    names.set(id, 'webhook');
    return id as string;
  };

  const fresh = (consumer: StreamConsumerName) => async ({ tenantId, names }: Subject): Promise<DynamoDBRecord[]> => {
    const { table } = streamConsumers[consumer];
    const isWanted = recordFilter(streamConsumers[consumer], tables[table].partitionKey);
    const ids = [tenantId, ...names.keys()];
    return (await streams[table].fresh())
      .filter((record) => isWanted(record) && ids.some((id) => JSON.stringify([record.dynamodb?.Keys, record.dynamodb?.NewImage?.['tenantId']]).includes(id)));
  };

  const endOf = ({ dynamodb }: DynamoDBRecord) => {
    const { certificateId, agentId, tenantId, keyArn, crlShard, cause, endedAt } = (dynamodb?.NewImage ?? {}) as Image;
    return { certificateId: certificateId?.S, agentId: agentId?.S, tenantId: tenantId?.S, keyArn: keyArn?.S, crlShard: Number(crlShard?.N), cause: cause?.S, endedAt: endedAt?.S };
  };

  const outboxPoison = {
    'without a certificate': spoilt({ certificateId: undefined }),
    'with a cause that nobody knows': spoilt({ cause: { S: 'lost' } }),
    'with a shard that is text': spoilt({ crlShard: { S: '0' } }),
    'ended at no time': spoilt({ endedAt: { S: 'yesterday' } }),
  };

  return {
    'auto-revoke': {
      async prepare() {
        const { call, agents, subject } = await tenantWith(4);
        const [one, two, three, four] = agents.map(({ id }) => id);
        const score = async (agentId: string | undefined, value: number) => dataOf(await call('POST', '/risk-scores', { body: { agent_id: agentId, score: value } }), 202);
        await score(one, 0.9);
        await score(one, 0.3);
        await score(two, 0.85);
        await score(three, 0.84);
        // Written by the pipeline, and corrected by it: a change has an old image.
        const item = { agent_id: four, record_id: `${new Date().toISOString()}#${randomUUID()}`, score: 0.2 };
        for (const value of [0.2, 0.95]) await documents.send(new PutCommand({ TableName: runtime.tableNames.risk, Item: { ...item, score: value, observed_at: new Date().toISOString() } }));
        return { call, subject, deliveries: await fresh('auto-revoke')(subject) };
      },
      poison: {
        'without a score': spoilt({ score: undefined }),
        'with a score that is text': spoilt({ score: { S: '0.95' } }),
        'with a score that is null': spoilt({ score: { NULL: true } }),
        'of another tenant': spoilt({ score: { N: '0.95' }, tenant_id: { S: randomUUID() } }),
        'of an agent that does not exist': spoilt({ score: { N: '0.95' }, agent_id: { S: randomUUID() } }),
      },
    },
    'publish-crls': {
      async prepare() {
        const { call, revoke, subject } = await tenantWith(3);
        await revoke(3);
        return { call, subject, deliveries: await fresh('publish-crls')(subject) };
      },
      poison: { ...outboxPoison, 'on a CRL that there is not': spoilt({ crlShard: { N: '9999' } }) },
    },
    'relay-changes': {
      async prepare() {
        const { call, revoke, subject } = await tenantWith(2);
        await webhookOf(call, subject.names);
        await revoke(1);
        return { call, subject, deliveries: await fresh('relay-changes')(subject) };
      },
      poison: {
        ...outboxPoison,
        'without an actor': spoilt({ actor: undefined }),
        'with metadata that is no text': spoilt({ metadata: { M: { one: { N: '1' } } } }),
        'at the place of another': spoilt({ createdAt: { S: '2020-01-01T00:00:00.000Z' } }),
      },
      spoils: (what, delivery) => Object.hasOwn(outboxPoison, what) === (delivery as DynamoDBRecord).dynamodb?.Keys?.['pk']?.S?.startsWith(outboxKeyPrefix),
    },
    'retire-keys': {
      async prepare() {
        const { call, revoke, subject } = await tenantWith(3);
        await revoke(3);
        const ends = (await fresh('publish-crls')(subject)).filter(({ dynamodb }) => dynamodb?.Keys?.['pk']?.S?.startsWith(outboxKeyPrefix)).map(endOf);
        return { call, subject, deliveries: ends.map((end) => JSON.stringify(end)) };
      },
      poison: {
        'that is not JSON': () => '{',
        'that is another thing': () => '{"what":"nobody wants"}',
        'with a cause that nobody knows': (body: string) => JSON.stringify({ ...JSON.parse(body), cause: 'lost' }),
        'ended at no time': (body: string) => JSON.stringify({ ...JSON.parse(body), endedAt: 'yesterday' }),
      },
    },
    'deliver-webhook': {
      async prepare() {
        const { call, subject } = await tenantWith(0);
        const webhookId = await webhookOf(call, subject.names);
        const order = (index: number) => {
          const announcement = { id: randomUUID(), event: 'agent.created', tenant_id: subject.tenantId, created_at: new Date().toISOString(), data: { agent_id: randomUUID() } };
          subject.names.set(announcement.id, `announcement ${index}`);
          return JSON.stringify({ webhookId, announcement, failedAttempts: 0 });
        };
        return { call, subject, deliveries: [0, 1, 2].map(order) };
      },
      poison: {
        'that is not JSON': () => '{',
        'for no webhook': (body: string) => JSON.stringify({ ...JSON.parse(body), webhookId: 'hook' }),
        'of an event that nobody knows': (body: string) => body.replace('agent.created', 'agent.invented'),
        'without an announcement': (body: string) => JSON.stringify({ ...JSON.parse(body), announcement: undefined }),
        'that failed less than never': (body: string) => body.replace('"failedAttempts":0', '"failedAttempts":-1'),
      },
    },
  };
}

let spoiltRecords = 0;

/** The record with a sequence number and a key of its own, and these attributes in the place of its own, or without them. */
function spoilt(attributes: Readonly<Record<string, Image[string] | undefined>>): (record: DynamoDBRecord) => DynamoDBRecord {
  return (record) => {
    const image = { ...record.dynamodb?.NewImage, ...attributes } as Record<string, unknown>;
    for (const [name, value] of Object.entries(attributes)) if (value === undefined) Reflect.deleteProperty(image, name);
    const { OldImage: _, ...dynamodb } = record.dynamodb ?? {};
    return { ...record, eventName: 'INSERT', dynamodb: { ...dynamodb, NewImage: image as never, SequenceNumber: `9${++spoiltRecords}` } };
  };
}
