import type { DynamoDBRecord } from 'aws-lambda';
import type { QueuedLetter } from '../../lambdas/aws/dead-letter-queues.ts';
import type { DeadLetter, UnreadableLetter } from '../../lambdas/aws/dead-letters.ts';
import { readChange } from '../../lambdas/aws/outbox-stream.ts';
import { readObservedRisk } from '../../lambdas/aws/risk-stream.ts';
import { auditKeyPrefix, outboxKeyPrefix } from '../../lambdas/triggers.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { NotDone } from './failures.ts';
import { summaryOfQueued, withQueuedLetters } from './queued-letters.ts';
import { renderTable } from './table.ts';
import { workThrough } from './work-through.ts';

type Letter = DeadLetter | UnreadableLetter;

/** What is shown of a dead letter, and not the records themselves: there may be thousands. */
export interface Summary {
  readonly id: string;
  readonly function: string | null;
  readonly given_up_at: string | null;
  readonly attempts: number | null;
  readonly records: number | null;
  /** The agents, certificates, audit entries or webhooks concerned. */
  readonly about: readonly string[];
  readonly error: string;
}

/** All dead letters, those given up first at the top. */
export async function listDeadLetters(services: Services): Promise<Outcome> {
  const { deadLetters, progress } = services;
  const keys = await deadLetters.keys();
  const read = await workThrough(keys, async (key) => summaryOf(await deadLetters.read(key)), (done) => progress(`Read ${done} of ${keys.length} dead letters.`));
  const queued = await withQueuedLetters(services, async (letters) => letters.map(summaryOfQueued));
  const summaries = [...read.filter((summary) => summary !== undefined), ...queued].toSorted((one, other) => (one.given_up_at ?? '').localeCompare(other.given_up_at ?? ''));
  const rows = summaries.map((summary) => [
    summary.id, summary.function ?? '-', summary.given_up_at?.slice(0, 16) ?? '-', String(summary.attempts ?? '-'), String(summary.records ?? '-'), shortened(summary.about), summary.error,
  ]);
  return {
    json: summaries,
    lines: rows.length === 0
      ? [noDeadLetters]
      : [...renderTable(rows, { header: ['DEAD LETTER', 'FUNCTION', 'GIVEN UP', 'ATTEMPTS', 'RECORDS', 'ABOUT', 'ERROR'], rightAligned: [3, 4] }),
        '', 'When the cause is mended: npm run admin -- dead-letter replay --all'],
  };
}

export const noDeadLetters = 'There are no dead letters: no function has given up on anything.';

/** Forgets one dead letter: what it was to bring about will not happen by it. */
export async function discardDeadLetter(services: Services, id: string, _options: CommandOptions): Promise<Outcome> {
  const key = keyAmong(await services.deadLetters.keys(), id);
  const summary = key === undefined ? await discardQueued(services, id) : await discardStored(services, key);
  return {
    json: { discarded: summary ?? null },
    lines: [summary === undefined ? `Dead letter ${id} was gone already.` : `Discarded dead letter ${summary.id}, about ${shortened(summary.about)}: nothing more comes of it.`],
  };
}

async function discardStored({ deadLetters }: Services, key: string): Promise<Summary | undefined> {
  const summary = summaryOf(await deadLetters.read(key));
  await deadLetters.remove(key);
  return summary;
}

function discardQueued(services: Services, id: string): Promise<Summary> {
  return withQueuedLetters(services, async (letters) => {
    const letter = letterAmong(letters, id);
    await services.deadLetterQueues.remove(letter);
    return summaryOfQueued(letter);
  });
}

/** A dead letter's name among all, which is the last part of its key. */
export const idOf = (key: string): string => /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.exec(key)?.[0] ?? key;

/** The key of the dead letter with this id among those of the bucket; undefined where it has none. */
export const keyAmong = (keys: readonly string[], id: string): string | undefined => keys.find((candidate) => candidate === id || idOf(candidate) === id.toLowerCase());

/** The dead letter with this id among those of the queues. Throws NotDone where there is none. */
export function letterAmong(letters: readonly QueuedLetter[], id: string): QueuedLetter {
  const letter = letters.find((candidate) => candidate.id === id.toLowerCase());
  if (letter === undefined) throw new NotDone(`There is no dead letter "${id}": take an id from "dead-letter list".`);
  return letter;
}

function summaryOf(letter: Letter | undefined): Summary | undefined {
  if (letter === undefined) return undefined;
  const id = idOf(letter.key);
  if ('unreadable' in letter) {
    return { id, function: null, given_up_at: null, attempts: null, records: null, about: [], error: `Not a dead letter: ${letter.unreadable}` };
  }
  const { functionName, givenUpAt, attempts, records } = letter;
  return { id, function: functionName, given_up_at: givenUpAt, attempts, records: records.length, about: [...new Set(records.map(subjectOf))], error: errorOf(letter) };
}

/** What a record is about, by the key of its item (lambdas/schema.ts). */
export function subjectOf({ dynamodb }: DynamoDBRecord): string {
  const { agent_id: agentId, pk, sk } = dynamodb?.Keys ?? {};
  if (agentId?.S !== undefined) return `agent ${agentId.S}`;
  if (pk?.S?.startsWith(auditKeyPrefix) === true) return `audit entry ${sk?.S?.split('#').at(-1) ?? '?'}`;
  return pk?.S?.replace(outboxKeyPrefix, 'certificate ') ?? '?';
}

/** What is wrong with the records, where they show it themselves; what Lambda says otherwise, and the function's log has the rest. */
function errorOf({ records, condition, functionError }: DeadLetter): string {
  for (const record of records) {
    try {
      if (record.dynamodb?.Keys?.['agent_id'] === undefined) readChange(record);
      else readObservedRisk(record);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return [condition, functionError].filter(Boolean).join(', ');
}

const shortened = (about: readonly string[]) => {
  const [first, ...others] = about;
  return first === undefined ? '-' : `${first}${others.length === 0 ? '' : ` and ${others.length} more`}`;
};
