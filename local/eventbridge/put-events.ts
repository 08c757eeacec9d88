import { randomUUID } from 'node:crypto';
import { constraintError, serializationError, ServiceError } from '../aws-json/errors.ts';
import { list, members, text, type Input } from '../aws-json/input.ts';
import type { EventSink, PublishedEvent } from './event.ts';

// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
const maximumEntries = 10;
const maximumBytes = 1024 * 1024;

interface Entry {
  readonly source: string;
  readonly detailType: string;
  readonly detail: string;
  readonly resources: readonly string[];
  readonly eventBusName: string;
  /** In seconds since 1970. */
  readonly time?: number | undefined;
}

interface EntryError {
  readonly ErrorCode: 'InvalidArgument' | 'MalformedDetail' | 'NotAuthorizedForSourceException';
  readonly ErrorMessage: string;
}

/**
 * EventBridge API Reference, PutEvents: up to 10 events, together up to 1 MiB, answered one by one. An event for a bus that is not there is
 * answered like any other, and goes nowhere: so it is on AWS.
 */
export function putEvents(sink: EventSink, input: Input): object {
  if ((input['EndpointId'] ?? undefined) !== undefined) throw new ServiceError('ValidationException', 400, 'This EventBridge has no global endpoints, so EndpointId must be absent.');
  const entries = list(input, 'Entries').map((entry) => readEntry(members(entry, 'An entry')));
  if (entries.length < 1) throw constraintError('entries', undefined, 'Member must have length greater than or equal to 1');
  if (entries.length > maximumEntries) throw constraintError('entries', undefined, `Member must have length less than or equal to ${maximumEntries}`);
  if (entries.reduce((sum, entry) => sum + entryBytes(entry), 0) > maximumBytes) throw new ServiceError('ValidationException', 400, 'Total size of the entries in the request is over the limit.');

  const published: PublishedEvent[] = [];
  const results = entries.map((entry) => {
    const error = entryError(entry);
    if (error !== undefined) return error;
    const eventId = randomUUID();
    const eventBusName = entry.eventBusName.replace(`arn:aws:events:${sink.region}:${sink.accountId}:event-bus/`, '');
    if (sink.buses.has(eventBusName)) published.push({ eventBusName, event: eventOf(sink, entry, eventId) });
    return { EventId: eventId };
  });
  sink.publish(published);
  return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
}

function readEntry(entry: Input): Entry {
  const optional = (name: string) => text(entry, name, { max: Infinity }) ?? '';
  const time = entry['Time'] ?? undefined;
  if (time !== undefined && (typeof time !== 'number' || Number.isNaN(new Date(time * 1000).getTime()))) throw serializationError('Time must be a timestamp.');
  const resources = list(entry, 'Resources');
  if (!resources.every((resource) => typeof resource === 'string')) throw serializationError('Resources must be a list of strings.');
  return { source: optional('Source'), detailType: optional('DetailType'), detail: optional('Detail'), resources, eventBusName: optional('EventBusName') || 'default', time };
}

// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
function entryBytes({ source, detailType, detail, resources, time }: Entry): number {
  return [source, detailType, detail, ...resources].reduce((sum, part) => sum + Buffer.byteLength(part), time === undefined ? 0 : 14);
}

function entryError({ source, detailType, detail }: Entry): EntryError | undefined {
  if (source === '') return invalidArgument('Source', 'Source is a required argument.');
  if (source.startsWith('aws.')) return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' };
  if (detailType === '') return invalidArgument('DetailType', 'DetailType is a required argument.');
  if (detailType.length > 128) return invalidArgument('DetailType', 'DetailType has at most 128 characters.');
  if (detail === '') return invalidArgument('Detail', 'Detail is a required argument.');
  if (parseObject(detail) === undefined) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  return undefined;
}

function eventOf({ region, accountId, clock }: EventSink, { source, detailType, detail, resources, time }: Entry, id: string): PublishedEvent['event'] {
  const at = time === undefined ? clock() : new Date(time * 1000);
  return {
    version: '0', id, 'detail-type': detailType, source, account: accountId, time: at.toISOString().replace(/\.\d+Z$/, 'Z'), region, resources, detail: parseObject(detail) ?? {},
  };
}

function parseObject(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function invalidArgument(parameter: string, reason: string): EntryError {
  return { ErrorCode: 'InvalidArgument', ErrorMessage: `Parameter ${parameter} is not valid. Reason: ${reason}` };
}
