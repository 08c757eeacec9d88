import { createHash } from 'node:crypto';
import { text, type Input } from '../aws-json/input.ts';
import { SqsError } from './errors.ts';
import { invalidParameter, refuse, requiredText } from './input.ts';
import { attributesBytes, readAttributes, type MessageAttribute } from './message-attributes.ts';

/** What a sender says. */
export interface MessageContent {
  readonly body: string;
  readonly attributes: readonly MessageAttribute[];
  /** Of a fair queue: whose message it is. */
  readonly groupId?: string | undefined;
}

/** A message of a queue. Never changed in place. Times are in milliseconds since 1970. */
export interface Message extends MessageContent {
  readonly messageId: string;
  readonly sentAt: number;
  readonly visibleAt: number;
  /** In all queues it was in. */
  readonly receiveCount: number;
  readonly firstReceivedAt?: number | undefined;
  readonly lastReceivedAt?: number | undefined;
  /** ARN of the queue whose dead letter it is. */
  readonly deadLetterSourceArn?: string | undefined;
}

// https://www.w3.org/TR/REC-xml/#charsets; lone surrogates are none of them.
const allowedCharacters = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;
const groupIdCharacters = /^[!-~]{1,128}$/;

/** The members of SendMessage, or of an entry of SendMessageBatch, that make the message, of any size. */
export function readContent(input: Input): MessageContent {
  refuse(input, ['MessageSystemAttributes']);
  const deduplicationId = text(input, 'MessageDeduplicationId', { max: Infinity });
  if (deduplicationId !== undefined) {
    throw invalidParameter(`Value ${deduplicationId} for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.`);
  }
  const body = requiredText(input, 'MessageBody');
  const attributes = readAttributes(input);
  if (![body, ...attributes.map(([, value]) => value.StringValue ?? '')].every((one) => allowedCharacters.test(one))) {
    throw new SqsError('InvalidMessageContents', 'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.');
  }
  const groupId = text(input, 'MessageGroupId', { max: Infinity });
  if (groupId !== undefined && !groupIdCharacters.test(groupId)) {
    throw invalidParameter(`Value ${groupId} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.`);
  }
  return { body, attributes, groupId };
}

export function messageBytes({ body, attributes }: MessageContent): number {
  return Buffer.byteLength(body) + attributesBytes(attributes);
}

/** In hexadecimal. */
export function bodyMd5({ body }: MessageContent): string {
  return createHash('md5').update(body).digest('hex');
}
