import type { Operation } from '../support/linearizability.ts';
import type { RiskTable } from '../support/faults-risk.ts';
import type { FaultyRuntime } from '../support/faults-runtime.ts';
import type { AgentAction } from './agent-model.ts';
import type { Conditions } from './delivery.ts';
import type { WebhookAction } from './webhook-model.ts';

/* What the clients of one program know of and have seen. */

export interface KnownAgent {
  readonly id: string;
  /** In the order in which the clients came to know of them. */
  readonly certificates: string[];
  readonly signatures: { readonly payload: object; readonly signature: string; readonly certificateSerial: string }[];
}

/** A risk record that somebody wrote, or tried to. */
export interface RiskReport {
  readonly agentId: string;
  readonly score: number;
  readonly invokedAt: number;
  /** Undefined where no answer said so. */
  readonly recordId?: string;
  /** Of one dated in the future, which counts as observed when it was written: when that was at the earliest and at the latest, in epoch milliseconds. */
  readonly written?: { readonly from: number; readonly to: number };
}

export interface Scene extends Conditions {
  readonly runtime: FaultyRuntime;
  readonly riskTable: RiskTable;
  readonly agents: KnownAgent[];
  readonly webhooks: string[];
  readonly agentHistories: Map<string, Operation<AgentAction>[]>;
  readonly webhookHistories: Map<string, Operation<WebhookAction>[]>;
  readonly reports: RiskReport[];
  /** Told of each command and what came of it. */
  readonly tally: (kind: string, outcome: string) => void;
}

export function note<Action>(histories: Map<string, Operation<Action>[]>, id: string, { invokedAt, returnedAt }: Pick<Operation<Action>, 'invokedAt' | 'returnedAt'>, action: Action): void {
  const history = histories.get(id);
  const operation = { action, invokedAt, returnedAt };
  if (history === undefined) histories.set(id, [operation]);
  else history.push(operation);
}

/** The one that is meant by a number: counted from the latest. */
export function pick<Thing>(things: readonly Thing[], number: number): Thing | undefined {
  return things[things.length - 1 - (number % things.length)];
}

export function learn(agent: KnownAgent, certificateId: string | undefined): void {
  if (certificateId !== undefined && !agent.certificates.includes(certificateId)) agent.certificates.push(certificateId);
}
