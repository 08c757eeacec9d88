import { describe, expect, test } from '@jest/globals';
import { tables, type TableDefinition, type TableName } from '../../lambdas/schema.ts';
import { synthesize } from './synthesized.ts';

const { table } = synthesize();

describe.each(Object.entries(tables) as [TableName, TableDefinition][])('the %s table', (name, definition) => {
  const { Properties, DeletionPolicy, UpdateReplacePolicy } = table[name];

  test('cannot be lost by accident', () => {
    expect(definition.retained).toBe(true);
    expect(Properties['DeletionProtectionEnabled']).toBe(true);
    expect(Properties['PointInTimeRecoverySpecification']).toMatchObject({ PointInTimeRecoveryEnabled: true });
    expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
  });

  test('is on demand, encrypted, streams, and lets items go by their time to live', () => {
    expect(Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true },
      StreamSpecification: { StreamViewType: definition.streamView },
      TimeToLiveSpecification: { AttributeName: definition.timeToLiveAttribute, Enabled: true },
    });
  });

  test('has the keys and indexes of lambdas/schema.ts', () => {
    const keySchema = ({ partitionKey, sortKey }: { partitionKey: string; sortKey: string }) =>
      [{ AttributeName: partitionKey, KeyType: 'HASH' }, { AttributeName: sortKey, KeyType: 'RANGE' }];
    expect(Properties['KeySchema']).toEqual(keySchema(definition));
    expect(Properties['GlobalSecondaryIndexes'] ?? []).toEqual(Object.entries(definition.indexes).map(([IndexName, index]) => ({
      IndexName, KeySchema: keySchema(index), Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: [...index.nonKeyAttributes] },
    })));
  });
});
