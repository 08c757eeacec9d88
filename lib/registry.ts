import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { tables, type KeySchema, type TableDefinition, type TableName } from '../lambdas/schema.ts';

const streamViews = {
  NEW_IMAGE: dynamodb.StreamViewType.NEW_IMAGE,
  NEW_AND_OLD_IMAGES: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
} as const satisfies Record<TableDefinition['streamView'], dynamodb.StreamViewType>;

/** The tables of lambdas/schema.ts: on demand, encrypted, with streams; those that are retained cannot be lost by accident. */
export class Registry extends Construct {
  readonly tables: Readonly<Record<TableName, dynamodb.Table>>;

  /** @param dataKey encrypts them in the place of the key that AWS manages. */
  constructor(scope: Construct, id: string, dataKey: IKey | undefined) {
    super(scope, id);
    this.tables = {
      registry: this.createTable('Registry', tables.registry, dataKey),
      risk: this.createTable('Risk', tables.risk, dataKey),
    };
  }

  private createTable(id: string, definition: TableDefinition, dataKey: IKey | undefined): dynamodb.Table {
    const { streamView, timeToLiveAttribute, retained } = definition;
    const table = new dynamodb.Table(this, id, {
      ...keys(definition),
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      stream: streamViews[streamView],
      // Without a key of the customer's, the AWS managed key rather than DynamoDB's own: its use is in CloudTrail, and it needs no permission of the functions.
      // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
      ...(dataKey === undefined
        ? { encryption: dynamodb.TableEncryption.AWS_MANAGED }
        : { encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED, encryptionKey: dataKey }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: retained },
      deletionProtection: retained,
      removalPolicy: retained ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      ...(timeToLiveAttribute !== undefined && { timeToLiveAttribute }),
    });
    for (const [indexName, index] of Object.entries(definition.indexes)) {
      table.addGlobalSecondaryIndex({
        indexName,
        ...keys(index),
        projectionType: dynamodb.ProjectionType.INCLUDE,
        nonKeyAttributes: [...index.nonKeyAttributes],
      });
    }
    return table;
  }
}

function keys({ partitionKey, sortKey }: KeySchema) {
  const type = dynamodb.AttributeType.STRING;
  return { partitionKey: { name: partitionKey, type }, sortKey: { name: sortKey, type } };
}
