import { setTimeout as sleep } from 'node:timers/promises';
import { checkLinearizability, type Operation, type SequentialModel } from '../support/linearizability.ts';
import { openRiskTable, type RiskTable } from '../support/faults-risk.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { requests } from '../support/faults-requests.ts';
import { answerLost, answerTorn, awsError, delayed, notPerformed, stale, type Fault, type WireCall } from '../support/faults.ts';
import { violationsAtRest } from '../support/invariants.ts';
import { keyPool } from '../support/key-pool.ts';
import { agentModel, type AgentAction, type AgentModel } from './agent-model.ts';
import { grantee, perform, register } from './clients.ts';
import { completeHistory, threshold, type Facts } from './history.ts';
import type { PlannedFault, Program } from './program.ts';
import { certificateSight } from './readers.ts';
import { note, type KnownAgent, type Scene } from './scene.ts';
import { deleteWebhooks } from './webhook-clients.ts';
import { webhookModel } from './webhook-model.ts';

export interface Stage {
  readonly runtime: FaultyRuntime;
  readonly riskTable: RiskTable;
  readonly model: AgentModel;
  close(): Promise<void>;
}

/** The service, for as many programs as are wanted: once per process. */
export async function openStage(model = agentModel): Promise<Stage> {
  process.env['GRANTEE_ACCOUNTS'] = grantee.account;
  const runtime = await startFaultyRuntime(undefined, { kms: { keyMaterial: keyPool() } });
  const riskTable = openRiskTable(runtime);
  return {
    runtime,
    riskTable,
    model,
    async close() {
      riskTable.close();
      await runtime.stop();
      Reflect.deleteProperty(process.env, 'GRANTEE_ACCOUNTS');
    },
  };
}

export interface Findings {
  /** Told of each command and what came of it. */
  readonly tally: (kind: string, outcome: string) => void;
  /** Told of each history that was found linearizable, and why its certificates were revoked. */
  readonly checked: (operations: number, reasons: readonly string[]) => void;
}

/**
 * Runs a program with new agents: all its clients at once, and what is to go wrong. Then waits until all is quiet, looks at everything once
 * more, and judges.
 * @throws Error that says what cannot be, in the order that explains the most of it
 */
export async function runProgram({ runtime, riskTable, model }: Stage, program: Program, { tally, checked }: Findings): Promise<void> {
  const background: Promise<unknown>[] = [];
  const scene: Scene = {
    runtime, riskTable, tally,
    calm: program.faults.length === 0,
    background(work) {
      // Whether it fails is asked at the end.
      work.catch(() => undefined);
      background.push(work);
    },
    agents: [], webhooks: [], agentHistories: new Map(), webhookHistories: new Map(), reports: [],
  };
  try {
    for (let made = 0; made < program.agents; made++) await register(scene, 'once');
    for (const fault of program.faults) inject(runtime, fault);
    for (const operation of ['GetItem', 'BatchGetItem', 'Query']) runtime.dynamodb.inject({ operation, where: needNotBeConsistent }, stale(staleMilliseconds));
    await Promise.all(program.clients.map(async (commands) => {
      for (const command of commands) await perform(scene, command);
    }));
    await Promise.all(background);
  } finally {
    await Promise.allSettled(background);
    runtime.calm();
    await runtime.idle();
    await deleteWebhooks(scene);
  }
  const idleAt = performance.now();
  for (const agent of scene.agents) {
    const facts = await lookAt(scene, agent, idleAt);
    const history = completeHistory(scene.agentHistories.get(agent.id) ?? [], scene.reports.filter(({ agentId }) => agentId === agent.id), facts);
    const { order } = judge(model, history, `agent ${agent.id}`);
    checked(order.length, reasonsIn(history));
  }
  for (const id of scene.webhooks) checked(judge(webhookModel, scene.webhookHistories.get(id) ?? [], `webhook ${id}`).order.length, []);
  if (runtime.deadLetters.length > 0) throw new Error(`Records were given up: ${JSON.stringify(runtime.deadLetters[0])}`);
}

// Keys whose deletion failed are taken up again after a minute, and once more.
const settlingMilliseconds = 150_000;
const pauseMilliseconds = 5000;

/** What does not hold of the whole service, after all programs and what faults have put off. */
export async function violationsAtTheEnd({ runtime }: Stage): Promise<string[]> {
  for (const startedAt = performance.now(); ;) {
    await runtime.idle();
    const found = await violationsAtRest(runtime);
    if (found.length === 0 || performance.now() - startedAt > settlingMilliseconds) return found;
    await sleep(pauseMilliseconds);
  }
}

const faults: Record<PlannedFault['fault'], (service: string) => Fault> = {
  'not performed': () => notPerformed,
  'answer lost': () => answerLost,
  'answer torn': () => answerTorn,
  'throttled': (service) => awsError(service === 'kms' ? 'ThrottlingException' : 'ProvisionedThroughputExceededException'),
  'late': () => delayed(60),
};

// The embedded engine never answers with what was; DynamoDB may, where it is not asked for more. "Usually one second or less", it says.
const staleMilliseconds = 1000;

const needNotBeConsistent = (input: WireCall['input']): boolean =>
  ((input['RequestItems'] === undefined ? [input] : Object.values(input['RequestItems'])) as WireCall['input'][]).some(({ ConsistentRead }) => ConsistentRead !== true);

function inject(runtime: FaultyRuntime, { request, fault, first, times }: PlannedFault): void {
  const pattern = requests[request];
  const service = /Item/.test(pattern.operation) ? 'dynamodb' : 'kms';
  runtime[service].inject(pattern, faults[fault](service), { first, times });
}

/** Looks at all there is of an agent when all is quiet: the last entries of its history, and what the API does not tell. */
async function lookAt({ runtime: { call, aftermath }, riskTable, agentHistories }: Scene, { id }: KnownAgent, idleAt: number): Promise<Facts> {
  const invokedAt = performance.now();
  const [agent, { body: { data: certificates } }] = [await call('GET', `/agents/${id}`), await call('GET', `/certificates?limit=100&agent_id=${id}`)];
  const returnedAt = performance.now();
  const see = (action: AgentAction) => note(agentHistories, id, { invokedAt, returnedAt }, action);
  const { status, name, description } = agent.body.data;
  see({ kind: 'read', seen: { status, name, description } });
  see({ kind: 'list certificates', seen: Object.fromEntries(certificates.map((row: { id: string; revocation_reason: string | null }) => [row.id, row.revocation_reason])) });
  for (const row of certificates) {
    const verified = await call('GET', `/verify/${row.serial_number}`, { key: null });
    note(agentHistories, id, { invokedAt, returnedAt: performance.now() }, certificateSight({ ...verified.body.data, id: row.id }).action);
  }
  const issuedAt = await Promise.all(certificates.map(async (row: { id: string }) => [row.id, (await aftermath.certificate(row.id))?.['createdAt']] as const));
  const severe = (await riskTable.scores(id)).filter(({ score }) => score >= threshold);
  return { idleAt, issuedAt: new Map(issuedAt), severeRecords: severe.map((record) => ({ ...record, recordId: record.id })) };
}

const reasonsIn = (history: readonly Operation<AgentAction>[]): string[] =>
  history.flatMap(({ action }) => (action.kind === 'list certificates' ? Object.values(action.seen).filter((reason) => reason !== null) : []));

function judge<State, Action>(model: SequentialModel<State, Action>, history: readonly Operation<Action>[], what: string): { order: readonly Operation<Action>[] } {
  const verdict = checkLinearizability(model, history);
  if (verdict.linearizable) return verdict;
  const { longest, state, stuckAt } = verdict;
  const lines = (operations: readonly Operation<Action>[]) => operations.map(({ action, invokedAt, returnedAt }) => `  ${invokedAt.toFixed(2)}–${returnedAt.toFixed(2)} ${JSON.stringify(action)}`).join('\n');
  throw new Error(`What was seen of ${what} could not have been seen of one that does one thing after the other. As far as it could have:\n${lines(longest)}\n`
    + `Then it is ${JSON.stringify(state)}\nand next would be one of\n${lines(stuckAt)}`);
}
