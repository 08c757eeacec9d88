import { setTimeout as sleep } from 'node:timers/promises';
import { hung, secretOfAws, type Injection, type WireCall } from '../faults.ts';
import { newInvocationId, type Invocation } from '../invocations.ts';
import { callsAmong, nameOf, titleOf, type MatrixCall } from './calls.ts';
import { faultKinds, kindNamed, type FaultKind } from './faults.ts';
import { tagHeader, type Attempt, type Flow, type Stage, type Subject } from './flow.ts';
import { proxiesOf } from './stage.ts';

/*
 * Every call of every flow, made to fail in every way. The calls are those that a run without a fault makes; nobody lists them.
 */

/** A run of a flow with a fault at one of its calls. */
export interface Run {
  readonly flow: Flow;
  readonly call: MatrixCall;
  readonly kind: FaultKind;
  readonly tag: string;
  subject: Subject | undefined;
  /** What came of it, and of the same again once the fault was gone. */
  readonly attempts: Attempt[];
  /** What is wrong about it; nothing, as it should be. */
  readonly problems: string[];
}

const runsAtOnce = 12;
/** Attempts after the first, of one of which something must come. */
const mostRepetitions = 3;

/** Does `work` on all, some at once. */
export async function onAll<Item>(items: readonly Item[], work: (item: Item) => Promise<void>, atOnce = runsAtOnce): Promise<void> {
  const queue = items.values();
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (const item of queue) await work(item);
  }));
}

/** Whose calls are a run's: the API is told by a header, functions that are called by hand by their invocation's id, and those of the clock run alone. */
function isOf({ functionName }: Flow, tag: string, [subjectId = '']: readonly string[]) {
  return (invocation: Invocation | undefined): invocation is Invocation => {
    if (invocation?.functionName !== functionName) return false;
    const { id, event } = invocation;
    // The authorizer is told the path, and not the headers.
    return id.startsWith(`${tag}:`) || event?.headers?.[tagHeader] === tag || event?.source === 'aws.events' || (functionName === 'authorize' && String(event.methodArn).includes(subjectId));
  };
}

/** The calls of a run without a fault, but for what the flow itself has fail. @param most of one kind */
export async function recordCalls(stage: Stage, flow: Flow, most: number): Promise<MatrixCall[]> {
  // What a process finds out once in its life it finds out first.
  await (await flow.prepare(stage)).attempt(newInvocationId());
  const subject = await flow.prepare(stage);
  const tag = newInvocationId();
  const lift = flow.besides === undefined ? () => undefined : strike(stage, flow, subject, tag, { name: flow.besides.callName, occurrence: 0 }, kindNamed(flow.besides.fault)).lift;
  const startedAt = performance.now();
  await subject.attempt(tag);
  lift();
  const isMine = isOf(flow, tag, subject.about);
  const calls = proxiesOf(stage.runtime).flatMap((proxy) => proxy.calls.filter((call) => call.startedAt >= startedAt && isMine(stage.invocations.find(call.invocation))));
  return callsAmong(calls, most);
}

/** All pairs, or so many of them that each call and each kind of fault is in one at least, and with a transaction, by which all that matters is written, every kind. */
export function pairs(flow: Flow, calls: readonly MatrixCall[], complete: boolean): Run[] {
  const inAll = complete ? calls : calls.filter(({ name }) => name.startsWith('DynamoDB TransactWriteItems'));
  const others = calls.filter((call) => !inAll.includes(call));
  // Both go round; where there is a transaction, all kinds are in pairs with it already.
  const rounds = others.length === 0 ? 0 : Math.max(others.length, inAll.length > 0 ? 0 : faultKinds.length);
  const some = Array.from({ length: rounds }, (_, index) => ({ call: others[index % others.length] as MatrixCall, kind: faultKinds[(index + flow.name.length) % faultKinds.length] as FaultKind }));
  return [...inAll.flatMap((call) => faultKinds.map((kind) => ({ call, kind }))), ...some]
    .map(({ call, kind }) => ({ flow, call, kind, tag: newInvocationId(), subject: undefined, attempts: [], problems: [] }));
}

interface Struck {
  readonly hits: () => number;
  /** Resolves once what was to arrive late has arrived. */
  readonly arrived: () => Promise<void>;
  lift(): void;
}

function strike({ runtime, invocations }: Stage, flow: Flow, { about }: Subject, tag: string, { name, occurrence }: MatrixCall, kind: FaultKind): Struck {
  const isMine = isOf(flow, tag, about);
  const requests = new Map<string, number>();
  const late: WireCall[] = [];
  const injections: Injection[] = [];
  for (const proxy of proxiesOf(runtime)) {
    // Which of the calls of that name a request belongs to; the SDK's repetitions belong to the same.
    const isMeant = (call: WireCall) => {
      if (!isMine(invocations.find(call.invocation)) || nameOf(call) !== name) return false;
      const key = String(call.attemptOf);
      const number = requests.get(key) ?? requests.size;
      requests.set(key, number);
      return kind.lasts ? number >= occurrence : number === occurrence;
    };
    const ofWhom = (call: WireCall) => {
      const invocation = invocations.find(call.invocation) as Invocation;
      const fault = kind.on(invocation, name);
      if (fault.kind === 'performed late' && fault !== hung) late.push(call);
      return fault;
    };
    injections.push(proxy.inject({ from: isMeant }, ofWhom, { times: kind.lasts ? Infinity : 1 }));
  }
  return {
    hits: () => injections.reduce((sum, { hits }) => sum + hits, 0),
    async arrived() {
      for (const deadline = performance.now() + 10_000; late.some(({ endedAt }) => endedAt === undefined) && performance.now() < deadline;) await sleep(10);
    },
    lift: () => injections.forEach((injection) => injection.remove()),
  };
}

/** Runs the flow with its fault, once. What it is answered is left in the run; answers how to take the fault away. */
export async function runWithFault(stage: Stage, run: Run): Promise<Struck> {
  const { flow, tag, call, kind } = run;
  const subject = run.subject as Subject;
  const besides = flow.besides === undefined ? undefined : strike(stage, flow, subject, tag, { name: flow.besides.callName, occurrence: 0 }, kindNamed(flow.besides.fault));
  const struck = strike(stage, flow, subject, tag, call, kind);
  const attempt = await subject.attempt(tag);
  run.attempts.push(attempt);
  if (struck.hits() === 0 && flow.mayGiveWay !== true) run.problems.push(`The run did not come to ${titleOf(call)}.`);
  if (JSON.stringify(attempt.reply?.body ?? '').includes(secretOfAws)) run.problems.push('The answer has AWS’s own words in it.');
  return {
    ...struck,
    lift() {
      struck.lift();
      besides?.lift();
    },
  };
}

/** The same again, as whoever was not answered would: until it succeeds, or is refused with the truth. */
export async function repeat(run: Run): Promise<void> {
  const { attempt, isTrue, wait } = run.subject as Subject;
  for (let repetition = 0; repetition < mostRepetitions; repetition++) {
    const again = await attempt(run.tag);
    run.attempts.push(again);
    if (again.succeeded) return;
    if (again.reply === undefined) continue; // Streams and queues deliver again.
    if ((await isTrue?.(again.reply)) !== true) break;
    if (again.reply.headers.get('retry-after') === null || wait === undefined || again.reply.body.code === 'REQUEST_IN_PROGRESS') return;
    await wait();
  }
  run.problems.push(`Repeated, it said: ${run.attempts.slice(1).map(({ said }) => said).join(', ')}.`);
}

const isInProgress = ({ reply }: Attempt) => reply?.body?.code === 'REQUEST_IN_PROGRESS';

/** To be called once no lease lasts: what was told that the first request with its Idempotency-Key is running, once more. And what was done under such a key was done once. */
export async function repeatAfterLease(run: Run): Promise<void> {
  const { attempts, call, problems, subject } = run;
  if (attempts.slice(-1).some(isInProgress)) {
    await subject?.wait?.(); // An issuance that broke off has a lease of its own on the agent, longer than this one.
    await repeat(run);
  }
  if (attempts.slice(-1).some(isInProgress)) problems.push('The first request is said to be running after its function’s time.');
  const times = await subject?.timesDone?.();
  if (times === undefined) return;
  // docs/api.md, "Repeating requests": what failed or broke off, or whose answer was not noted, runs again, and may have been done already.
  const wasNoted = attempts.every(({ succeeded }) => succeeded) && !call.name.startsWith('DynamoDB UpdateItem IDEMPOTENCY');
  const most = wasNoted ? 1 : 2;
  if (times < 1 || times > most) problems.push(`It was done ${times} times under one Idempotency-Key.`);
}
