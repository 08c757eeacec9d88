import type { DynamoDBRecord } from 'aws-lambda';
import type { StreamConsumer } from '../../lambdas/triggers.ts';

/**
 * Whether a record is one that the consumer wants, as an event source mapping's filter criteria would have it: what does not match is
 * never delivered. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
 * @param partitionKey the name of the table's partition key
 */
export function recordFilter({ eventNames, partitionKeyPrefixes }: Pick<StreamConsumer, 'eventNames' | 'partitionKeyPrefixes'>, partitionKey: string): (record: DynamoDBRecord) => boolean {
  return ({ eventName, dynamodb }) => {
    if (eventName === undefined || !eventNames.includes(eventName)) return false;
    return partitionKeyPrefixes === undefined || partitionKeyPrefixes.some((prefix) => dynamodb?.Keys?.[partitionKey]?.S?.startsWith(prefix) === true);
  };
}
