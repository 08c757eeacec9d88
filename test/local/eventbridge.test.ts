import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { EventBridgeClient, ListRulesCommand, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { startEventBridge, type EmbeddedEventBridge } from '../../local/eventbridge.ts';

let eventBridge: EmbeddedEventBridge;
let client: EventBridgeClient;
const now = new Date('2026-03-01T12:00:00.250Z');

const clientOf = (endpoint: string) => new EventBridgeClient({ endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' }, maxAttempts: 1 });

beforeAll(async () => {
  eventBridge = await startEventBridge({ buses: ['kakunin'], keptEvents: 15, clock: () => now });
  client = clientOf(eventBridge.endpoint);
});
afterAll(async () => {
  client.destroy();
  await eventBridge.close();
});

const entry = (more: PutEventsRequestEntry = {}): PutEventsRequestEntry => ({ Source: 'kakunin', DetailType: 'certificate.revoked', Detail: '{"serial":"4f","reasons":[1,"é"]}', ...more });
const put = (...Entries: PutEventsRequestEntry[]) => client.send(new PutEventsCommand({ Entries }));

let before: number;
beforeEach(async () => {
  // The list is full from here on, so what a test puts are its last entries.
  await put(...Array.from({ length: 8 }, () => entry({ Source: 'filler' })));
  await put(...Array.from({ length: 8 }, () => entry({ Source: 'filler' })));
  before = eventBridge.events.filter(({ event }) => event.source === 'filler').length;
});
const added = () => eventBridge.events.filter(({ event }) => event.source !== 'filler');

test('an event is kept as a target would see it', async () => {
  const { Entries = [], FailedEntryCount } = await put(
    entry(),
    entry({ EventBusName: 'kakunin', Time: new Date('2026-01-01T00:00:00.999Z'), Resources: ['arn:aws:kms:eu-west-1:000000000000:key/1'] }),
    entry({ EventBusName: 'arn:aws:events:eu-west-1:000000000000:event-bus/kakunin' }),
  );
  expect(FailedEntryCount).toBe(0);
  expect(before).toBe(15);
  const event = { version: '0', 'detail-type': 'certificate.revoked', source: 'kakunin', account: '000000000000', time: '2026-03-01T12:00:00Z', region: 'eu-west-1', resources: [], detail: { serial: '4f', reasons: [1, 'é'] } };
  expect(added()).toEqual([
    { eventBusName: 'default', event: { ...event, id: Entries[0]?.EventId } },
    { eventBusName: 'kakunin', event: { ...event, id: Entries[1]?.EventId, time: '2026-01-01T00:00:00Z', resources: ['arn:aws:kms:eu-west-1:000000000000:key/1'] } },
    { eventBusName: 'kakunin', event: { ...event, id: Entries[2]?.EventId } },
  ]);
  expect(Entries[0]?.EventId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(eventBridge.events).toHaveLength(15);
});

test('an event for a bus that is not there is answered, and goes nowhere', async () => {
  const { Entries, FailedEntryCount } = await put(entry({ EventBusName: 'absent' }), entry({ EventBusName: 'arn:aws:events:us-east-1:000000000000:event-bus/kakunin' }));
  expect(FailedEntryCount).toBe(0);
  expect(Entries).toEqual([{ EventId: expect.any(String) }, { EventId: expect.any(String) }]);
  expect(added()).toEqual([]);
});

test('entries fail one by one', async () => {
  const { Entries, FailedEntryCount } = await put(
    entry({ Source: undefined }), entry({ Source: '' }), entry({ DetailType: undefined }), entry({ DetailType: 'x'.repeat(129) }), entry({ Detail: undefined }),
    entry({ Detail: '{' }), entry({ Detail: '[]' }), entry({ Detail: 'null' }), entry({ Source: 'aws.kms' }), entry({ DetailType: 'x'.repeat(128) }),
  );
  const invalid = (parameter: string) => ({ ErrorCode: 'InvalidArgument', ErrorMessage: expect.stringContaining(`Parameter ${parameter} is not valid. Reason: ${parameter}`) });
  const malformed = { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  expect(Entries).toEqual([
    invalid('Source'), invalid('Source'), invalid('DetailType'), invalid('DetailType'), invalid('Detail'), malformed, malformed, malformed,
    { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' }, { EventId: expect.any(String) },
  ]);
  expect(FailedEntryCount).toBe(9);
  expect(added().map(({ event }) => event['detail-type'])).toEqual(['x'.repeat(128)]);
});

describe('requests', () => {
  test('hold 1 to 10 entries', async () => {
    await expect(put()).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining("at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1") });
    await expect(put(...Array.from({ length: 11 }, () => entry()))).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining('less than or equal to 10') });
    expect((await put(...Array.from({ length: 10 }, () => entry()))).Entries).toHaveLength(10);
  });

  test('hold 1 MiB of source, type, detail, resources and time', async () => {
    const sized = (bytes: number): PutEventsRequestEntry => ({ Source: 's', DetailType: 't', Resources: ['é'], Time: now, Detail: JSON.stringify({ x: 'x'.repeat(bytes - 1 - 1 - 2 - 14 - 8) }) });
    const half = 512 * 1024;
    expect((await put(sized(half), sized(half))).FailedEntryCount).toBe(0);
    await expect(put(sized(half), sized(half + 1))).rejects.toMatchObject({ name: 'ValidationException', message: 'Total size of the entries in the request is over the limit.' });
  });

  test('name no endpoint, and no other operation', async () => {
    await expect(client.send(new ListRulesCommand({}))).rejects.toMatchObject({ name: 'UnknownOperationException', message: 'This EventBridge does not implement ListRules; it implements PutEvents.' });
    const post = async (body: object) => {
      const headers = { 'x-amz-target': 'AWSEvents.PutEvents', authorization: 'AWS4-HMAC-SHA256', 'content-type': 'application/x-amz-json-1.1' };
      const response = await fetch(eventBridge.endpoint, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1');
      return response.json();
    };
    expect(await post({ EndpointId: 'abcde.veo', Entries: [entry()] })).toMatchObject({ __type: 'ValidationException', message: expect.stringContaining('EndpointId must be absent') });
    expect(await post({ Entries: [entry(), 'x'] })).toMatchObject({ __type: 'SerializationException' });
    expect(await post({ Entries: [{ ...entry(), Time: 'now' }] })).toMatchObject({ __type: 'SerializationException' });
    expect(await post({ Entries: [{ ...entry(), Time: 1e300 }] })).toMatchObject({ __type: 'SerializationException' });
    expect(await post({ Entries: [{ ...entry(), Resources: [1] }] })).toMatchObject({ __type: 'SerializationException' });
    expect(added()).toEqual([]);
  });
});

test('by default there is one bus, and a thousand events are kept', async () => {
  const standard = await startEventBridge();
  const other = clientOf(standard.endpoint);
  for (let index = 0; index < 101; index++) await other.send(new PutEventsCommand({ Entries: Array.from({ length: 10 }, (_, of) => entry({ Detail: `{"index":${10 * index + of}}` })) }));
  expect(standard.events).toHaveLength(1000);
  expect([standard.events[0], standard.events.at(-1)].map((published) => published?.event.detail)).toEqual([{ index: 10 }, { index: 1009 }]);
  other.destroy();
  await standard.close();
});
