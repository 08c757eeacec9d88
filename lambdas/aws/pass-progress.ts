import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { PassProgress, PassProgressNote } from '../authority/reconciler-ports.ts';
import { callingDynamodb } from './failures.ts';
import { passProgressKey } from './items.ts';
import { getItem, type Table } from './table.ts';

/** Where it is noted how far the keys have been gone through. Of two that go through them at once, either's word is true. */
export function passProgressNote(table: Table): PassProgressNote {
  const { client, tableName: TableName } = table;
  return {
    async get() {
      const { pk: _, sk: __, ...progress } = (await getItem(table, passProgressKey)) ?? {};
      return progress as PassProgress;
    },
    put: async (progress) => void (await callingDynamodb(() => client.send(new PutCommand({ TableName, Item: { ...passProgressKey, ...progress } })))),
  };
}
