import { z } from 'zod';
import { SqsError } from './errors.ts';

const receipt = z.tuple([z.string(), z.string(), z.number()]);

/** What a receive of a message is named by: another one for each receive. */
export function receiptHandle(queue: string, messageId: string, receiveCount: number): string {
  return Buffer.from(JSON.stringify([queue, messageId, receiveCount])).toString('base64');
}

/** What a handle names; ReceiptHandleIsInvalid if it is none of this queue. */
export function parseReceiptHandle(queue: string, handle: string): { messageId: string; receiveCount: number } {
  const [ofQueue, messageId, receiveCount] = parse(handle) ?? [];
  if (messageId === undefined || receiveCount === undefined || ofQueue !== queue || receiptHandle(queue, messageId, receiveCount) !== handle) {
    throw new SqsError('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
  }
  return { messageId, receiveCount };
}

function parse(handle: string): z.infer<typeof receipt> | undefined {
  try {
    return receipt.parse(JSON.parse(Buffer.from(handle, 'base64').toString()));
  } catch {
    return undefined;
  }
}
