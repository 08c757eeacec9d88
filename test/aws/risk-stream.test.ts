import { describe, expect, test } from '@jest/globals';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import fc from 'fast-check';
import { readObservedRisk } from '../../lambdas/aws/risk-stream.ts';

const writtenAtSeconds = Date.parse('2026-05-17T10:00:00Z') / 1000;
const endOfThatSecond = '2026-05-17T10:00:00.999Z';

type Image = Record<string, AttributeValue>;
const image = (fields: object = {}): Image => marshall({ agent_id: 'agent', record_id: 'id', score: 0.9, ...fields }) as Image;
const record = (newImage: Image | undefined, fields: Partial<DynamoDBRecord> = {}, oldImage?: Image): DynamoDBRecord => ({
  eventName: 'INSERT',
  ...fields,
  dynamodb: { ApproximateCreationDateTime: writtenAtSeconds, ...(newImage && { NewImage: newImage }), ...(oldImage && { OldImage: oldImage }) },
});
const observedAt = (fields: object) => readObservedRisk(record(image(fields)))?.observedAt;

describe('what a record says', () => {
  test('the least of it', () => {
    expect(readObservedRisk(record(image()))).toEqual({ recordId: 'id', agentId: 'agent', tenantId: undefined, score: 0.9, observedAt: endOfThatSecond });
  });

  test('all of it', () => {
    const fields = { tenant_id: 'acme', observed_at: '2026-05-17T09:00:00.000Z', kind: 'score', details_json: '{}', time_to_live: 1 };
    expect(readObservedRisk(record(image(fields)))).toEqual({ recordId: 'id', agentId: 'agent', tenantId: 'acme', score: 0.9, observedAt: '2026-05-17T09:00:00.000Z' });
  });

  test('an agent’s id in any case', () => {
    expect(readObservedRisk(record(image({ agent_id: '0B0E' })))?.agentId).toBe('0b0e');
  });

  test('whatever else is in it', () => {
    const odd: Image = { ...image(), run: { N: '12345678901234567890123456789012345678' }, exponent: { N: '1e125' }, bytes: { B: 'AAE=' }, set: { NS: ['1'] }, nested: { M: { list: { L: [{ NULL: true }] } } } };
    expect(readObservedRisk(record(odd))?.score).toBe(0.9);
  });

  test('nothing, where it is a deletion, a volume, or has no image', () => {
    expect(readObservedRisk(record(undefined, { eventName: 'REMOVE' }))).toBeUndefined();
    expect(readObservedRisk(record(image(), { eventName: 'REMOVE' }))).toBeUndefined();
    expect(readObservedRisk(record(undefined))).toBeUndefined();
    expect(readObservedRisk(record(image({ kind: 'volume', score: 'none' })))).toBeUndefined();
  });

  test('nothing new, where neither score nor time has changed', () => {
    const changed = (before: object, after: object) => readObservedRisk(record(image(after), { eventName: 'MODIFY' }, image(before)));
    expect(changed({}, { note: 'seen' })).toBeUndefined();
    expect(changed({ note: 'seen' }, {})).toBeUndefined();
    expect(changed({ score: 0.2 }, { score: 0.9 })?.score).toBe(0.9);
    expect(changed({ observed_at: '2026-05-17T09:00:00Z' }, { observed_at: '2026-05-17T09:30:00Z' })?.observedAt).toBe('2026-05-17T09:30:00.000Z');
  });

  test('once more, where it is replayed, as observed when it was', () => {
    const replayed = (before: object, after: object) => readObservedRisk(record(image({ ...after, replayed_at: '2026-05-17T09:59:59.000Z' }), { eventName: 'MODIFY' }, image(before)));
    const observed = { observed_at: '2026-05-01T00:00:00.000Z' };
    expect(replayed(observed, observed)).toMatchObject({ score: 0.9, observedAt: '2026-05-01T00:00:00.000Z' });
    expect(replayed({ ...observed, replayed_at: '2026-05-10T00:00:00.000Z' }, observed)).toMatchObject({ score: 0.9 });
    // A day's volume is none however often it is delivered, nor is a replay that was before.
    expect(replayed({ kind: 'volume' }, { kind: 'volume' })).toBeUndefined();
    expect(replayed({ ...observed, replayed_at: '2026-05-17T09:59:59.000Z' }, observed)).toBeUndefined();
  });
});

describe('when it was observed', () => {
  test.each([
    ['when it says', { observed_at: '2026-05-17T09:00:00Z' }, '2026-05-17T09:00:00.000Z'],
    ['in another zone', { observed_at: '2026-05-17T11:00:00+02:00' }, '2026-05-17T09:00:00.000Z'],
    ['to the millisecond', { observed_at: '2026-05-17T09:00:00.123456Z' }, '2026-05-17T09:00:00.123Z'],
    ['as its id says, where it does not', { record_id: '2026-05-17T08:00:00.000Z#id' }, '2026-05-17T08:00:00.000Z'],
    ['as it says, whatever its id does', { observed_at: '2026-05-17T09:00:00Z', record_id: '2026-05-17T08:00:00.000Z#id' }, '2026-05-17T09:00:00.000Z'],
    ['as its id says, where its own time cannot be read', { observed_at: 'yesterday', record_id: '2026-05-17T08:00:00.000Z#id' }, '2026-05-17T08:00:00.000Z'],
    ['when it was written, where neither can be', { observed_at: 1_767_225_600, record_id: 'id' }, endOfThatSecond],
    ['within the second of writing', { observed_at: '2026-05-17T10:00:00.500Z' }, '2026-05-17T10:00:00.500Z'],
    ['and no later', { observed_at: '2026-05-17T10:00:01.000Z' }, endOfThatSecond],
    ['however far ahead', { observed_at: '9999-12-31T23:59:59Z' }, endOfThatSecond],
    ['nor as its id says', { record_id: '2999-01-01T00:00:00.000Z#id' }, endOfThatSecond],
  ])('%s', (_, fields, expected) => {
    expect(observedAt(fields)).toBe(expected);
  });

  test('is an instant that compares as text, and never after the second of writing', () => {
    fc.assert(fc.property(fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }), (claimed) => {
      const instant = observedAt({ observed_at: claimed.toISOString() }) as string;
      expect(instant).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(instant).toBe(claimed.toISOString() < endOfThatSecond ? claimed.toISOString() : endOfThatSecond);
    }));
  });
});

describe('a malformed record', () => {
  const malformed: [string, Image][] = [
    ['has no score', marshall({ agent_id: 'agent', record_id: 'id' }) as Image],
    ['has a score that is text', image({ score: '0.95' })],
    ['has a score that is null', image({ score: null })],
    ['has a tenant that is a number', image({ tenant_id: 7 })],
    ['has an empty agent', image({ agent_id: '' })],
  ];
  test.each(malformed)('that %s is refused, by its name', (_, newImage) => {
    expect(() => readObservedRisk(record(newImage))).toThrow(/^Risk record id is malformed at .+docs\/risk-records\.md\.$/);
  });
});
