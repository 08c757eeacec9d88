import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { paginateScan, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { crlsOf } from '../published-crl.ts';
import type { Received } from '../receiver.ts';
import type { TestRuntime } from '../runtime.ts';
import type { Performed } from './gate.ts';

/* All that can be seen of a tenant, in words that are the same for another tenant to which the same was done. */

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- items are read attribute by attribute
type Item = Record<string, any>;

export interface Witnesses {
  readonly runtime: TestRuntime;
  readonly documents: DynamoDBDocumentClient;
  readonly kms: KMSClient;
  readonly performed: readonly Performed[];
  readonly received: readonly Received[];
}

export interface Subject {
  readonly tenantId: string;
  /** What its agents, certificates, keys and so on are called, by their ids. */
  readonly names: ReadonlyMap<string, string>;
}

/** Sorted lines: the tenant's items, certificates on CRLs, keys, and what others were told. What was done twice shows only where it should have been done once. */
export async function stateOf({ runtime, documents, kms, performed, received }: Witnesses, { tenantId, names }: Subject): Promise<string[]> {
  const ids = [tenantId, ...names.keys()];
  const all = (await Promise.all([scan(documents, runtime.tableNames.registry, ids, ['pk', 'sk', 'tenantId']), scan(documents, runtime.tableNames.risk, ids, ['agent_id'])])).flat();
  const entries = all.filter((item) => String(item['pk']).startsWith(`AUDIT#${tenantId}#`));
  const known = new Map([...names, [tenantId, 'tenant'], ...entries.map((entry): [string, string] => [entry['id'], `entry(${entry['eventType']} ${names.get(entry['affectedId']) ?? '?'})`])]);
  const named = (text: string) => [...known].reduce((sofar, [id, name]) => sofar.replaceAll(id, name), text);
  const isOwn = (text: string) => [...known.keys()].some((id) => text.includes(id));

  const own = all.filter((item) => isOwn(JSON.stringify([item['pk'], item['sk'], item['agent_id'], item['tenantId']])));
  const items = own.filter(({ pk }) => !/^(CHAIN|CHAINED|KEY|TENANT|IDEMPOTENCY)#/.test(String(pk))).map((item) => neutral(named(sortedJson(comparable(item)))));
  const links = own.filter(({ pk, sk }) => pk === `CHAIN#${tenantId}` && sk !== 'HEAD').map(({ entryId }) => named(entryId)).sort();
  const head = own.find(({ pk, sk }) => pk === `CHAIN#${tenantId}` && sk === 'HEAD');
  const marks = own.filter(({ sk }) => sk === 'CHAINED').length;

  const certificates = [...names].filter(([, name]) => name.startsWith('certificate'));
  const crls = await Promise.all(certificates.map(async ([id, name]) => {
    const { shard, complete } = await crlsOf(runtime.distributionUrl, id);
    const serial = id.replaceAll('-', '').toUpperCase();
    return `${name} on its CRL: ${shard.entries.has(serial)}, on the complete one: ${complete.entries.has(serial)}`;
  }));
  const keys = await Promise.all([...names].filter(([, name]) => name.startsWith('key')).map(async ([arn, name]) =>
    `${name} is ${(await kms.send(new DescribeKeyCommand({ KeyId: arn }))).KeyMetadata?.KeyState}`));

  const sent = performed.flatMap(({ operation, input, answer }) => {
    if (operation === 'SendMessageBatch') return (input['Entries'] as Item[]).filter(({ Id }) => (answer['Successful'] as Item[] | undefined)?.some((one) => one['Id'] === Id)).map(({ MessageBody }) => `sent to ${String(input['QueueUrl']).split('/').at(-1)}: ${sortedJson(JSON.parse(MessageBody))}`);
    return operation === 'PutEvents' ? (input['Entries'] as Item[]).map(({ Detail }) => `published: ${sortedJson(JSON.parse(Detail))}`) : [];
  });
  const delivered = received.map(({ path, headers }) => `received at ${path}: ${headers['x-kakunin-delivery'] as string}`);
  const told = new Set([...sent, ...delivered].filter(isOwn).map((line) => neutral(named(line))));
  return [...items, ...crls, ...keys, ...told, `chain of ${head?.['sequence'] ?? 0}, ${marks} marked: ${links.join(', ')}`].sort();
}

/** The items of which one of the attributes has one of the ids in it. */
async function scan(client: DynamoDBDocumentClient, TableName: string, ids: readonly string[], attributes: readonly string[]): Promise<Item[]> {
  const items: Item[] = [];
  const FilterExpression = attributes.flatMap((attribute) => ids.map((_, index) => `contains(${attribute}, :id${index})`)).join(' OR ');
  const ExpressionAttributeValues = Object.fromEntries(ids.map((id, index) => [`:id${index}`, id]));
  for await (const { Items = [] } of paginateScan({ client }, { TableName, ConsistentRead: true, FilterExpression, ExpressionAttributeValues })) items.push(...Items);
  return items;
}

/** Without what says only that, or when, something was done again, and with the members of a set that is kept as a list once each. */
function comparable({ replayedAt: _, replayed_at: __, ...item }: Item): Item {
  // When KMS destroys a key is unknown to whoever finds it done already.
  if (item['sk'] === 'KEY-DELETION') return { ...item, deletionDate: undefined };
  if (String(item['pk']).startsWith('DELIVERY#')) return { ...item, attempts: [...new Set((item['attempts'] as Item[]).map(({ statusCode, error }) => JSON.stringify({ statusCode, error })))] };
  return item;
}

/** JSON in which the order of members, of which there is none in a table, is that of their names. */
const sortedJson = (value: unknown): string => JSON.stringify(value, (_, member: unknown) =>
  (typeof member === 'object' && member !== null && !Array.isArray(member) && !ArrayBuffer.isView(member) ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1))) : member));

/** Without times, and ids, digests and octets that nobody has named. */
const neutral = (text: string) => text
  .replaceAll(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/g, '<certificate>')
  .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
  .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '<id>')
  .replaceAll(/\b[0-9A-F]{32}\b/g, '<serial>')
  .replaceAll(/"(crlNumber|timeToLive|time_to_live|crlShard)":"?\d+"?/g, '"$1":<number>')
  .replaceAll(/(REVOKED|EXPIRY)#\d+/g, '$1#<shard>')
  .replaceAll(/AUDIT#tenant#[0-9a-f]/g, 'AUDIT#tenant#<shard>')
  .replaceAll(/\{"\d+":\d+(,"\d+":\d+)*\}/g, '<octets>')
  .replaceAll(/[A-Za-z0-9+/]{40,}={0,2}/g, '<octets>');
