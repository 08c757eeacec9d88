import { ServiceError } from '../aws-json/errors.ts';
import { list, members, text, type Input } from '../aws-json/input.ts';
import type { Change } from './change.ts';
import { SqsError } from './errors.ts';
import type { QueueStore } from './queue-store.ts';

/** What a request would do, and what is to be answered once it is done. */
export interface Prepared {
  readonly changes: readonly Change[];
  readonly answer: object;
}

/** The members `Entries` of a batch, by their distinct ids; `kind` is what AWS calls them. */
export function readEntries(input: Input, kind: string): ReadonlyMap<string, Input> {
  const entries = list(input, 'Entries').map((entry) => members(entry, 'An entry'));
  if (entries.length === 0) throw new SqsError('EmptyBatchRequest', `There should be at least one ${kind} in the request.`);
  if (entries.length > 10) throw new SqsError('TooManyEntriesInBatchRequest', `Maximum number of entries per request are 10. You have sent ${entries.length}.`);
  const byId = new Map<string, Input>();
  for (const entry of entries) {
    const id = text(entry, 'Id', { max: Infinity }) ?? '';
    if (!/^[\w-]{1,80}$/.test(id)) {
      throw new SqsError('InvalidBatchEntryId', 'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.');
    }
    if (byId.has(id)) throw new SqsError('BatchEntryIdsNotDistinct', `Id ${id} repeated.`);
    byId.set(id, entry);
  }
  return byId;
}

/** Does at once all that can be done, and answers entry by entry. */
export async function performEntries(store: QueueStore, entries: ReadonlyMap<string, Input>, prepare: (entry: Input) => Prepared): Promise<object> {
  const successful: object[] = [];
  const failed: object[] = [];
  const changes: Change[] = [];
  for (const [Id, entry] of entries) {
    try {
      const prepared = prepare(entry);
      changes.push(...prepared.changes);
      successful.push({ Id, ...prepared.answer });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      failed.push({ Id, SenderFault: true, Code: error instanceof SqsError ? error.code : error.type, Message: error.message });
    }
  }
  await store.commit(changes);
  return { ...(successful.length > 0 && { Successful: successful }), ...(failed.length > 0 && { Failed: failed }) };
}
