import type { DynamoDBRecord } from 'aws-lambda';
import { replayRegistryRecord, replayRiskRecord } from '../../lambdas/aws/replay.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { idOf, keyAmong, letterAmong, noDeadLetters, subjectOf } from './dead-letters.ts';
import { replayQueued, withQueuedLetters } from './queued-letters.ts';
import { workThrough } from './work-through.ts';

type Result =
  | { readonly id: string; readonly items: number; /** Why it is not done with. */ readonly kept?: string }
  | undefined;

/**
 * Has what one dead letter is about, or all of them are, delivered once more, and forgets it. Doing so again is no mistake: what the
 * functions have done already they find done, and receivers of webhooks know an event by its id. One with a record whose item is gone, or
 * that cannot be read, is kept, for somebody to look at.
 */
export async function replayDeadLetters(services: Services, id: string, { all = false }: CommandOptions): Promise<Outcome> {
  const keys = await services.deadLetters.keys();
  const key = all ? undefined : keyAmong(keys, id);
  const stored = all ? keys : key === undefined ? [] : [key];
  const progress = (done: number) => services.progress(`Replayed ${done} of ${stored.length} dead letters of streams.`);
  const settled = (await workThrough(stored, (one) => replay(services, one), progress)).filter((result) => result !== undefined);
  const results = key === undefined ? [...settled, ...(await replayFromQueues(services, all ? undefined : id))] : settled;
  const kept = results.filter((result) => result.kept !== undefined);
  const items = results.reduce((sum, result) => sum + result.items, 0);
  const replayed = results.length - kept.length;
  return {
    json: { replayed: results.filter((result) => result.kept === undefined).map((result) => result.id), kept: kept.map((result) => ({ id: result.id, reason: result.kept })), items },
    lines: [
      results.length === 0
        ? noDeadLetters
        : `Replayed ${counted(replayed, 'dead letter')}: ${counted(items, 'item')} will be delivered once more. What fails again comes back to "dead-letter list".`,
      ...kept.map((result) => `Kept ${result.id}: ${result.kept}`),
    ],
    ...(kept.length > 0 && { undone: `${counted(kept.length, 'dead letter')} kept: see to the reason, then replay again or use "dead-letter discard".` }),
  };
}

/** Replays the letter with this id, or all of them. */
function replayFromQueues(services: Services, id: string | undefined): Promise<NonNullable<Result>[]> {
  return withQueuedLetters(services, (letters) => {
    const chosen = id === undefined ? letters : [letterAmong(letters, id)];
    const progress = (done: number) => services.progress(`Replayed ${done} of ${chosen.length} dead letters of queues.`);
    return workThrough(chosen, async (letter) => {
      const kept = await replayQueued(services, letter);
      return kept === undefined ? { id: letter.id, items: 1 } : { id: letter.id, items: 0, kept };
    }, progress);
  });
}

async function replay({ deadLetters, tables, now, progress }: Services, key: string): Promise<Result> {
  const letter = await deadLetters.read(key);
  if (letter === undefined) return undefined;
  const id = idOf(key);
  if ('unreadable' in letter) return { id, items: 0, kept: `it is not a dead letter (${letter.unreadable}).` };
  const { tableName, records } = letter;
  const doors = { [tables.registry.tableName]: [tables.registry, replayRegistryRecord], [tables.risk.tableName]: [tables.risk, replayRiskRecord] } as const;
  const door = doors[tableName];
  if (door === undefined) return { id, items: 0, kept: `its records are of the table ${tableName}, which is neither of ${Object.keys(doors).join(' and ')}: name the tables with --table and --risk-table.` };
  const [table, deliverAgain] = door;
  const items = firstOfEachItem(records);
  const found = await workThrough(items, (record) => deliverAgain(table, record, now.toISOString()), (done) => progress(`Touched ${done} of the ${items.length} items of ${id}.`));
  const gone = items.filter((_, index) => found[index] === false).map(subjectOf);
  if (gone.length > 0) return { id, items: items.length - gone.length, kept: `of its ${counted(items.length, 'item')}, ${gone.length} ${gone.length === 1 ? 'is' : 'are'} no longer in the table (${[...new Set(gone)].join(', ')}).` };
  await deadLetters.remove(key);
  return { id, items: items.length };
}

/** An item may have been written more than once; it counts as observed when it was written first. */
function firstOfEachItem(records: readonly DynamoDBRecord[]): DynamoDBRecord[] {
  const items = new Map<string, DynamoDBRecord>();
  for (const record of records) {
    const key = JSON.stringify(record.dynamodb?.Keys);
    if (!items.has(key)) items.set(key, record);
  }
  return [...items.values()];
}

const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`;
