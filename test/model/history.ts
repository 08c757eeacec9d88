import type { Operation } from '../support/linearizability.ts';
import type { AgentAction } from './agent-model.ts';
import { unknown } from './agent-model.ts';
import type { RiskReport } from './scene.ts';

/* Makes of what clients have seen of an agent what the model can judge, with what only the tables say: the milliseconds of issuance and of observation. */

export interface Facts {
  /** When each certificate of the agent was issued. */
  readonly issuedAt: ReadonlyMap<string, string>;
  /** The agent's risk records that reach the threshold. */
  readonly severeRecords: readonly { readonly recordId: string; readonly score: number; readonly observedAt: string }[];
  /** When everything had been dealt with that was written before. */
  readonly idleAt: number;
}

type AgentOperation = Operation<AgentAction>;

export const threshold = 0.85;

/** @throws Error where the tables have something that nobody asked for, or lack what somebody was told to be there. */
export function completeHistory(seen: readonly AgentOperation[], reports: readonly RiskReport[], facts: Facts): AgentOperation[] {
  return [...seen.filter(mayMatter).map((operation) => withFacts(operation, seen, facts)), ...risksActedUpon(reports, facts)];
}

/** What was not answered, and changes nothing of the agent, says nothing. */
const mayMatter = ({ action }: AgentOperation) => !(action.kind === 'sign' && action.answer === unknown);

function withFacts({ action, ...times }: AgentOperation, seen: readonly AgentOperation[], { issuedAt }: Facts): AgentOperation {
  if (!('leaseConceivable' in action)) return { action, ...times };
  const leaseConceivable = isLeaseConceivable({ action, ...times }, seen);
  if (action.kind === 'halt') return { action: { ...action, leaseConceivable }, ...times };
  // Whose request was not answered may have been issued any that nobody else was.
  const answered = new Set(seen.flatMap(issuedTo));
  const ids = action.answer === unknown ? [...issuedAt.keys()].filter((id) => !answered.has(id)) : action.issued.map(({ id }) => id);
  const issued = ids.map((id) => {
    const at = issuedAt.get(id);
    if (at === undefined) throw new Error(`Certificate ${id} was answered, and is not there.`);
    return { id, issuedAt: at };
  });
  return { action: { ...action, issued, leaseConceivable }, ...times };
}

const issuedTo = ({ action }: AgentOperation) => ((action.kind === 'certify' || action.kind === 'renew') && action.answer === 'done' ? action.issued.map(({ id }) => id) : []);

/**
 * Whether another issuance was under way at some time during the operation: the one thing that the model does not know of an agent.
 * One without an answer may have left its lease behind.
 */
function isLeaseConceivable(operation: AgentOperation, seen: readonly AgentOperation[]): boolean {
  return seen.some((other) => other.action !== operation.action && (other.action.kind === 'certify' || other.action.kind === 'renew') && other.invokedAt <= operation.returnedAt && other.returnedAt >= operation.invokedAt);
}

/** Each severe record is acted upon some time after it was sent off, and before all is quiet. */
function risksActedUpon(reports: readonly RiskReport[], { severeRecords, idleAt }: Facts): AgentOperation[] {
  const reported = new Map(reports.flatMap((report) => (report.recordId === undefined ? [] : [[report.recordId, report] as const])));
  for (const [recordId, { score }] of reported) {
    if (score >= threshold && !severeRecords.some((record) => record.recordId === recordId)) throw new Error(`Risk record ${recordId} was accepted, and is not there.`);
  }
  return severeRecords.map(({ recordId, score, observedAt }): AgentOperation => {
    const candidates = reported.has(recordId) ? [reported.get(recordId) as RiskReport] : reports.filter((report) => report.recordId === undefined && report.score === score);
    if (candidates.length === 0) throw new Error(`There is a risk record ${recordId} of score ${score} that nobody has written.`);
    const written = candidates[0]?.written;
    return {
      action: {
        kind: 'act upon risk', reason: `Risk score ${score} reached the threshold of ${threshold}`,
        earliest: written === undefined ? observedAt : new Date(written.from).toISOString(), latest: written === undefined ? observedAt : endOfSecond(written.to),
      },
      invokedAt: Math.min(...candidates.map(({ invokedAt }) => invokedAt)),
      returnedAt: idleAt,
    };
  });
}

/** What claims to be of the future counts as observed when it was written, which the stream tells to the second: up to the end of that. */
const endOfSecond = (milliseconds: number) => new Date((Math.floor(milliseconds / 1000) + 1) * 1000 - 1).toISOString();
