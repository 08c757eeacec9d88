import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomNumbers } from '../../bench/harness/random-numbers.ts';
import { renderTable } from '../../bin/admin/table.ts';
import { receiverAuthority, startReceiver } from '../support/receiver.ts';
import { adminProblems, followUpProblems, reconciled, repeatUnanswered } from './closing-check.ts';
import { issuedCertificates } from './expectations.ts';
import { isDone, openHistory, type Deed, type History } from './history.ts';
import { load, perform } from './load.ts';
import { oneOf, requestOf, type Draw } from './operations.ts';
import { certificateProblems, repeatAnswered, signatureProblems } from './service-check.ts';
import { startInVain, startService, type Service, type Victim } from './service.ts';
import { tableProblems } from './tables-check.ts';

export interface RunOptions {
  readonly times: number;
  /** What is asked for, and when it is killed, follow from it; what then meets what does not. */
  readonly seed: number;
  readonly clients?: number;
  /** It is killed after so many answers of a round at the latest; 60 by default. */
  readonly mostAnswers?: number;
  /** Told of each round, and of what the run came to. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface Round {
  readonly victim: Victim;
  /** After how many answers it was killed. */
  readonly answers: number;
  /** Whether it was killed once more while it started. */
  readonly inVain: boolean;
  readonly startedInMilliseconds: number;
  readonly asked: number;
  readonly done: number;
  readonly unanswered: number;
  readonly repeated: number;
  readonly unkept: number;
}

export interface Run {
  readonly rounds: readonly Round[];
  /** How many keys the reconciler found that no certificate has. */
  readonly abandonedKeys: number;
  readonly certificates: number;
  /** A sentence for each thing that was answered and is not so, or that contradicts another. */
  readonly problems: readonly string[];
}

/** How many certificates of earlier rounds are asked about again in each; the tables are looked at for all. */
const sampleSize = 12;

/**
 * Kills the service under load so many times, and looks each time whether everything is there that was ever answered. Ends with the first
 * round in which it is not, and then leaves the data directory as it is.
 */
export async function run({ times, seed, clients = 8, mostAnswers = 60, say, signal }: RunOptions): Promise<Run> {
  const draw = randomNumbers(seed);
  const home = await mkdtemp(join(tmpdir(), 'kakunin-crash-'));
  const authority = receiverAuthority();
  const receiver = await startReceiver(authority.issue('IP:127.0.0.1'));
  await writeFile(join(home, 'receivers.pem'), authority.certificate);
  const receiverUrl = `https://127.0.0.1:${receiver.port}`;
  const start = { dataDirectory: join(home, 'data'), environment: { WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32', WEBHOOK_CA_FILE: join(home, 'receivers.pem') } };
  const history = openHistory();
  const rounds: Round[] = [];
  let problems: readonly string[] = [];
  let abandonedKeys = 0;
  let service = await startService(start);
  try {
    await perform(service, history, requestOf('create webhook', { agentId: '', receiverUrl }) as Deed);
    while (rounds.length < times && problems.length === 0) {
      signal?.throwIfAborted();
      history.round = rounds.length + 1;
      const victim = oneOf<Victim>(draw, ['service', 'service', 'both', 'both', 'engine']) ?? 'service';
      const answers = 1 + Math.floor(draw() * mostAnswers);
      await underLoadUntilKilled(service, history, { victim, answers, clients, draw, receiverUrl });
      const inVain = draw() < 0.2;
      if (inVain) await startInVain(start, 200 + draw() * 1800);
      service = await startService(start);
      const checked = await check(service, history, draw, { mayBeUnkept: victim === 'engine' });
      problems = checked.problems;
      rounds.push({ victim, answers, inVain, startedInMilliseconds: service.startedInMilliseconds, ...checked.counts });
      say(lineOf(rounds, times, problems.length));
    }
    if (problems.length === 0) {
      const late = [...(await repeatUnanswered(service, history)), ...(await check(service, history, draw, { older: Infinity })).problems, ...(await followUpProblems(service, history.deeds, receiver.received))];
      const reconciliation = await reconciled(service);
      abandonedKeys = reconciliation.abandonedKeys;
      problems = [...late, ...reconciliation.problems, ...(await adminProblems(service))];
    }
    return { rounds, abandonedKeys, certificates: issuedCertificates(history.deeds).length, problems };
  } finally {
    await service.kill('service');
    await receiver.close();
    if (problems.length === 0) await rm(home, { recursive: true, force: true });
    else say(`The data directory is left in ${start.dataDirectory}, the seed was ${seed}.`);
  }
}

interface Killing {
  readonly victim: Victim;
  readonly answers: number;
  readonly clients: number;
  readonly draw: Draw;
  readonly receiverUrl: string;
}

/** Not with the answer itself, but somewhere in the work on what was asked for meanwhile. */
const longestDelayMilliseconds = 50;

async function underLoadUntilKilled(service: Service, history: History, { victim, answers, clients, draw, receiverUrl }: Killing): Promise<void> {
  const ending = new AbortController();
  let answered = 0;
  let onAnswer = () => {};
  const loaded = new Promise<void>((resolve) => {
    onAnswer = () => void (++answered === answers && resolve());
  });
  const loading = load(service, history, { clients, draw, receiverUrl, onAnswer, signal: ending.signal });
  await Promise.race([loaded, loading]);
  await sleep(draw() * longestDelayMilliseconds);
  await service.kill(victim);
  ending.abort();
  await loading;
}

/** @param older about how many of the certificates of earlier rounds the service is asked again */
async function check(service: Service, history: History, draw: Draw, { older = sampleSize, mayBeUnkept = false }) {
  const { deeds, round } = history;
  const own = deeds.filter((deed) => deed.round === round);
  const certificates = issuedCertificates(deeds);
  // All whose agents this round was about, and some of the others.
  const agents = new Set(own.map(({ agentId }) => agentId));
  const others = certificates.filter(({ agentId }) => !agents.has(agentId));
  const sample = older >= others.length ? others : others.filter(() => draw() < older / others.length);
  const repetition = await repeatAnswered(service, older === Infinity ? deeds.filter(() => draw() < 200 / deeds.length) : own, mayBeUnkept);
  const problems = [
    ...tableProblems(deeds, { registry: await service.scan('registry'), risk: await service.scan('risk') }),
    ...signatureProblems(own),
    ...(await certificateProblems(service, deeds, [...certificates.filter(({ agentId }) => agents.has(agentId)), ...sample])),
    ...repetition.problems,
  ];
  const counts = { asked: own.length, done: own.filter(isDone).length, unanswered: own.filter(({ reply }) => reply === undefined).length, repeated: repetition.same, unkept: repetition.unkept };
  return { problems, counts };
}

function lineOf(rounds: readonly Round[], times: number, problems: number): string {
  const { victim, answers, inVain, startedInMilliseconds, asked, done, unanswered } = rounds.at(-1) as Round;
  return `round ${rounds.length} of ${times}: ${asked} requests, ${done} done, ${unanswered} unanswered when the ${victim === 'both' ? 'service and its engine were' : `${victim} was`} killed`
    + ` after ${answers} answers; there again after ${Math.round(startedInMilliseconds)} ms${inVain ? ', at the second attempt' : ''}; ${problems === 0 ? 'nothing lost' : `${problems} PROBLEMS`}`;
}

/** The run as a table: for each kind of killing, and in all. */
export function tableOf({ rounds, abandonedKeys, certificates, problems }: Run): string[] {
  const sum = (of: readonly Round[], value: (round: Round) => number) => of.reduce((total, round) => total + value(round), 0);
  const row = (name: string, of: readonly Round[]) => [
    name, of.length, sum(of, ({ inVain }) => Number(inVain)), sum(of, ({ asked }) => asked), sum(of, ({ done }) => done), sum(of, ({ unanswered }) => unanswered),
    sum(of, ({ repeated }) => repeated), sum(of, ({ unkept }) => unkept), Math.round(Math.max(0, ...of.map(({ startedInMilliseconds }) => startedInMilliseconds))),
  ].map(String);
  const victims = ['service', 'engine', 'both'] as const;
  return [
    ...renderTable([...victims.map((victim) => row(victim, rounds.filter((round) => round.victim === victim))), row('all', rounds)], {
      header: ['KILLED', 'TIMES', 'AND WHEN STARTING', 'REQUESTS', 'DONE', 'UNANSWERED', 'REPEATED ALIKE', 'NOT KEPT', 'LONGEST START (MS)'], rightAligned: [1, 2, 3, 4, 5, 6, 7, 8],
    }),
    '',
    `${certificates} certificates; ${abandonedKeys} keys that crashes left behind were found and retired; ${problems.length === 0 ? 'nothing that was answered is lost.' : `${problems.length} problems:`}`,
    ...problems.slice(0, 30),
  ];
}
