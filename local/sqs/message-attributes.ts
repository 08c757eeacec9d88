import { createHash } from 'node:crypto';
import { blob, members, text, type Input } from '../aws-json/input.ts';
import { invalidParameter } from './input.ts';

/** As on the wire; binary values are in base64. */
export interface AttributeValue {
  readonly DataType: string;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: string | undefined;
}

/** Name and value. Not an object, because `__proto__` is a name like any other. */
export type MessageAttribute = readonly [name: string, value: AttributeValue];

/** The member `MessageAttributes`: at most 10, each with a value of its type. */
export function readAttributes(input: Input): MessageAttribute[] {
  if ((input['MessageAttributes'] ?? undefined) === undefined) return [];
  const attributes = Object.entries(members(input['MessageAttributes'], 'MessageAttributes'));
  if (attributes.length > 10) throw invalidParameter(`Number of message attributes [${attributes.length}] exceeds the allowed maximum [10].`);
  return attributes.map(([name, value]) => [checkName(name), readValue(name, members(value, 'A message attribute'))]);
}

/** Those of the names asked for in ReceiveMessage: `All`, `.*`, a name, or the beginning of names followed by `.*`. */
export function selectAttributes(attributes: readonly MessageAttribute[], asked: readonly string[]): MessageAttribute[] {
  return attributes.filter(([name]) => asked.some((pattern) => pattern === 'All' || pattern === name || (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -2)))));
}

/** What they count towards the size of the message. */
export function attributesBytes(attributes: readonly MessageAttribute[]): number {
  return attributes.reduce((bytes, [name, value]) => bytes + Buffer.byteLength(name) + Buffer.byteLength(value.DataType) + valueBytes(value).length, 0);
}

/**
 * In hexadecimal; undefined where there are none.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 */
export function attributesMd5(attributes: readonly MessageAttribute[]): string | undefined {
  if (attributes.length === 0) return undefined;
  const hash = createHash('md5');
  const update = (part: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
  };
  for (const [name, value] of [...attributes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    update(Buffer.from(name));
    update(Buffer.from(value.DataType));
    hash.update(Buffer.of(value.StringValue === undefined ? 2 : 1));
    update(valueBytes(value));
  }
  return hash.digest('hex');
}

function valueBytes({ StringValue, BinaryValue = '' }: AttributeValue): Buffer {
  return StringValue === undefined ? Buffer.from(BinaryValue, 'base64') : Buffer.from(StringValue);
}

function checkName(name: string): string {
  const wellFormed = /^[\w-]+(\.[\w-]+)*$/.test(name) && name.length <= 256 && !/^(aws|amazon)\./i.test(name);
  if (!wellFormed) throw invalidParameter(`The message attribute name '${name}' is invalid. It takes up to 256 letters, digits, _, - and single periods, and none of AWS's prefixes.`);
  return name;
}

function readValue(name: string, value: Input): AttributeValue {
  const DataType = text(value, 'DataType', { max: 256 }) ?? '';
  const type = /^(String|Number|Binary)(\..+)?$/s.exec(DataType)?.[1];
  if (type === undefined) throw invalidParameter(`The type of message (user) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`);
  const StringValue = text(value, 'StringValue', { max: Infinity });
  const BinaryValue = blob(value, 'BinaryValue', { max: Infinity })?.toString('base64');
  const [wanted, other] = type === 'Binary' ? [BinaryValue, StringValue] : [StringValue, BinaryValue];
  if (wanted === undefined || wanted === '' || other !== undefined) throw invalidParameter(`Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`);
  if (type === 'Number' && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(wanted)) throw invalidParameter(`Message (user) attribute '${name}' must contain a number.`);
  return type === 'Binary' ? { DataType, BinaryValue } : { DataType, StringValue };
}
