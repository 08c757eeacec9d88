import { z } from 'zod';

const attributeValue = z.strictObject({ DataType: z.string(), StringValue: z.string().optional(), BinaryValue: z.string().optional() });

const message = z.strictObject({
  messageId: z.string(),
  body: z.string(),
  attributes: z.array(z.tuple([z.string(), attributeValue]).readonly()).readonly(),
  groupId: z.string().optional(),
  sentAt: z.number(),
  visibleAt: z.number(),
  receiveCount: z.number(),
  firstReceivedAt: z.number().optional(),
  lastReceivedAt: z.number().optional(),
  deadLetterSourceArn: z.string().optional(),
});

const ofMessage = { queue: z.string(), messageId: z.string() };

/** What can happen to the messages of a queue, as it is kept on disk. Changes of messages that are no more change nothing. */
export const change = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('send'), queue: z.string(), message }),
  z.strictObject({ kind: z.literal('receive'), ...ofMessage, receivedAt: z.number(), visibleAt: z.number() }),
  /** Only if it was not received again since. */
  z.strictObject({ kind: z.literal('hide'), ...ofMessage, receiveCount: z.number(), visibleAt: z.number() }),
  z.strictObject({ kind: z.literal('bury'), ...ofMessage, deadLetterQueue: z.string(), sourceArn: z.string(), buriedAt: z.number() }),
  z.strictObject({ kind: z.literal('delete'), ...ofMessage }),
  z.strictObject({ kind: z.literal('purge'), queue: z.string(), purgedAt: z.number() }),
]);

export type Change = z.infer<typeof change>;
