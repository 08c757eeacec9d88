import type { AuditExports, ExportProgress } from '../authority/audit-ports.ts';
import { exportProgressKey, readSignedHead, signedHeadItem, signedHeadKey } from './chain-items.ts';
import type { Item } from './items.ts';
import { getItem, updateItem, type Table } from './table.ts';

export function auditExports(table: Table): AuditExports {
  return {
    getProgress: async (tenantId) => readProgress(await getItem(table, exportProgressKey(tenantId))),

    async noteProgress(tenantId, { done, goal }, before) {
      const outcome = await updateItem(table, exportProgressKey(tenantId), {
        UpdateExpression: 'SET #done = :done, goal = :goal',
        ConditionExpression: before === undefined ? 'attribute_not_exists(pk)' : '#done = :doneBefore AND goal = :goalBefore',
        ExpressionAttributeNames: { '#done': 'done' },
        ExpressionAttributeValues: { ':done': done, ':goal': goal, ...(before !== undefined && { ':doneBefore': before.done, ':goalBefore': before.goal }) },
      });
      if (outcome.updated) return true;
      // Our own doing, where the SDK repeated a request whose answer was lost.
      const found = readProgress(outcome.found);
      return found !== undefined && isSame(found, { done, goal });
    },

    async noteSignedHead(head) {
      const { tenantId, sequence } = head;
      const { pk: _, sk: __, ...attributes } = signedHeadItem(head);
      const names = Object.keys(attributes);
      const outcome = await updateItem(table, signedHeadKey(tenantId, sequence), {
        UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(', ')}`,
        ConditionExpression: 'attribute_not_exists(pk)',
        ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: Object.fromEntries(names.map((name) => [`:${name}`, attributes[name]])),
      });
      return outcome.updated || outcome.found === undefined ? head : readSignedHead(outcome.found);
    },
  };
}

export function readProgress(item: Item | undefined): ExportProgress | undefined {
  return item && ({ done: item['done'], goal: item['goal'] } as ExportProgress);
}

const isSame = (one: ExportProgress, other: ExportProgress) =>
  (['done', 'goal'] as const).every((name) => one[name].sequence === other[name].sequence && one[name].hash === other[name].hash);
