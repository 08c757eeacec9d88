import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { log } from '../log.ts';
import { settled } from './batch.ts';
import { invocation } from './invocation.ts';

/**
 * A Lambda on a queue. A message that fails is reported, so that it comes again, and in the end is a dead letter. One that
 * cannot be read fails alone.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 * @param read what a message says; throws where it is not as it was sent
 * @param act answers how each went, in their order
 */
export function queueConsumer<Content>(
  name: string, read: (message: SQSRecord) => Content, act: (contents: readonly Content[], context: Context) => Promise<readonly PromiseSettledResult<void>[]>,
) {
  return invocation(name, async ({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    const failed = await settled(Records, read, (contents) => act(contents, context));
    for (const { item: { messageId, attributes }, error } of failed) log.error(name, error, { message_id: messageId, receive_count: attributes.ApproximateReceiveCount });
    log.info(name, { messages: Records.length, failed: failed.length });
    return { batchItemFailures: failed.map(({ item: { messageId } }) => ({ itemIdentifier: messageId })) };
  });
}
