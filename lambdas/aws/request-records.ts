import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { PutCommand, UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { KeyedRequest, RecordedAnswer, RequestRecords } from '../authority/request-record.ts';
import { callingDynamodb } from './failures.ts';
import { requestKey } from './items.ts';
import type { Table } from './table.ts';

// The work is done by then: its answer must reach the client within the function's time, recorded or not.
const recordingMilliseconds = 3_000;

/** Requests with an Idempotency-Key, in the registry table. */
export function requestRecords({ client, tableName }: Table): RequestRecords {
  /** Changes the record while it is the attempt's. */
  const update = (request: KeyedRequest, attemptId: string, expression: string, values: Record<string, unknown> = {}) =>
    callingDynamodb(async () => {
      const input: UpdateCommandInput = {
        TableName: tableName, Key: requestKey(request.id), UpdateExpression: expression,
        ConditionExpression: 'attemptId = :attemptId', ExpressionAttributeValues: { ':attemptId': attemptId, ...values },
      };
      try {
        await client.send(new UpdateCommand(input), { abortSignal: AbortSignal.timeout(recordingMilliseconds) });
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    });

  return {
    admit: ({ id, bodyHash }, attempt) =>
      callingDynamodb(async () => {
        const { id: attemptId, startedAt, leaseExpiresAt, expiresAt } = attempt;
        const timeToLive = Math.ceil(Date.parse(expiresAt) / 1000);
        const idle = '(attribute_not_exists(leaseExpiresAt) OR leaseExpiresAt <= :now) AND bodyHash = :bodyHash';
        try {
          await client.send(new PutCommand({
            TableName: tableName,
            Item: { ...requestKey(id), bodyHash, attemptId, leaseExpiresAt, expiresAt, timeToLive },
            // Its own attempt it meets where the SDK repeats a request whose answer was lost.
            ConditionExpression: `attribute_not_exists(pk) OR expiresAt <= :now OR (attribute_not_exists(answer) AND (attemptId = :attemptId OR (${idle})))`,
            ExpressionAttributeValues: { ':now': startedAt, ':attemptId': attemptId, ':bodyHash': bodyHash },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }));
          return { admitted: true };
        } catch (error) {
          if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
          const found = unmarshall(error.Item) as { bodyHash: string; answer?: RecordedAnswer };
          return { admitted: false, bodyHash: found.bodyHash, answer: found.answer };
        }
      }),

    recordAnswer: (request, { id }, answer) => update(request, id, 'SET answer = :answer REMOVE leaseExpiresAt', { ':answer': answer }),

    release: (request, { id }) => update(request, id, 'REMOVE leaseExpiresAt'),
  };
}
