import type { AttributeValue, _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import type { AttributeValue as LambdaAttributeValue, DynamoDBRecord } from 'aws-lambda';

type Image = Record<string, AttributeValue>;

/**
 * A stream record as Lambda puts it into its event: as the SDK reads it from the wire, but for times, which are epoch seconds, and binary,
 * which is base64. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export function lambdaRecord(record: StreamRecord, eventSourceARN: string): DynamoDBRecord {
  const { dynamodb, userIdentity, eventID, eventName, eventVersion, eventSource, awsRegion } = record;
  return {
    eventID,
    eventName,
    eventVersion,
    eventSource,
    awsRegion,
    dynamodb: {
      ...(dynamodb?.ApproximateCreationDateTime && { ApproximateCreationDateTime: Math.floor(dynamodb.ApproximateCreationDateTime.getTime() / 1000) }),
      ...(dynamodb?.Keys && { Keys: lambdaImage(dynamodb.Keys) }),
      ...(dynamodb?.NewImage && { NewImage: lambdaImage(dynamodb.NewImage) }),
      ...(dynamodb?.OldImage && { OldImage: lambdaImage(dynamodb.OldImage) }),
      SequenceNumber: dynamodb?.SequenceNumber,
      SizeBytes: dynamodb?.SizeBytes,
      StreamViewType: dynamodb?.StreamViewType,
    },
    // Present where time to live deleted the item.
    ...(userIdentity && { userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } }),
    eventSourceARN,
  };
}

const lambdaImage = (image: Image) => Object.fromEntries(Object.entries(image).map(([name, value]) => [name, lambdaValue(value)]));

function lambdaValue(value: AttributeValue): LambdaAttributeValue {
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64) };
  if (value.L !== undefined) return { L: value.L.map(lambdaValue) };
  if (value.M !== undefined) return { M: lambdaImage(value.M) };
  return value as LambdaAttributeValue;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
