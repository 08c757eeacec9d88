import { openAftermath } from '../test/support/faults-aftermath.ts';
import type { Bench, BenchContext, Report, Row } from './harness/bench.ts';
import { startChildService, type ChildService } from './harness/child-service.ts';
import { load as closedLoop } from './harness/load.ts';
import { rounded } from './harness/statistics.ts';
import { writeFigures } from './load/document.ts';
import { overload, recoveryBoundSeconds, type Overload } from './load/overload.ts';
import { climb, rate, type Ramp } from './load/ramp.ts';
import type { Step } from './load/step.ts';
import { excess, stormCertify, stormRevoke, stormSign, type Storm, type StormServices } from './load/storms.ts';
import { loadTargets, registerAgents } from './load/targets.ts';

/** What the local service is not to limit while it is measured what it can do; KAKUNIN_CONCURRENCY stays at its default. */
const unlimited = { KAKUNIN_RATE_LIMITS: 'off', KAKUNIN_KMS_QUOTAS: '' };

// Signatures are the only ones of which this machine does not make ten times as many as AWS's quota allows.
const quotas = { CreateKey: 5, Sign: 20, ScheduleKeyDeletion: 15 };

const overloadFactor = 5;
const stormSeconds = 4;
const certificatesRevoked = 150;

/** Rising load that does not wait for answers, until it is too much; then far too much; then more than KMS takes. */
export const load: Bench = {
  summary: 'open-loop load up to the knee and far beyond it, and at 10 times the quotas of KMS (6 minutes with --seconds 4)',
  alone: {},
  async run(context) {
    const { ramps, overloads } = await withService(unlimited, context, (service) => measureRoutes(service, context));
    const storms = await measureStorms(context);
    const reports = [...ramps.map(rampReport), overloadReport(overloads), stormReport(storms)];
    if (context.writeDocs === true) await writeFigures(ramps, reports);
    return reports;
  },
};

async function withService<Result>(environment: Readonly<Record<string, string>>, { signal }: BenchContext, use: (service: ChildService) => Promise<Result>): Promise<Result> {
  const service = await startChildService(environment, signal);
  try {
    return await use(service);
  } finally {
    await service.stop();
  }
}

async function measureRoutes(service: ChildService, { seconds, progress, signal }: BenchContext): Promise<{ ramps: Ramp[]; overloads: Overload[] }> {
  const ramps: Ramp[] = [];
  const overloads: Overload[] = [];
  for (const target of await loadTargets(service, signal)) {
    progress(`\n  ${target.name}: `);
    const ramp = await climb(target, { seconds, signal }, ({ offeredPerSecond, isBorne }) => progress(`${offeredPerSecond}/s${isBorne ? '' : '!'} `));
    const perSecond = rate(overloadFactor * Math.max(...ramp.steps.map(({ succeededPerSecond }) => succeededPerSecond)));
    progress(`overload ${perSecond}/s `);
    const beyond = await overload(target, { perSecond, seconds, seed: 1, signal });
    progress(`recovered after ${beyond.recoverySeconds.toFixed(1)} s`);
    ramps.push(ramp);
    overloads.push(beyond);
  }
  return { ramps, overloads };
}

interface MeasuredStorm {
  readonly request: string;
  readonly quotaPerSecond: number;
  readonly what: string;
  readonly storm: Storm;
}

/** With as many let in at once as `npm start` lets in, and once with the rate limits before that. */
async function measureStorms(context: BenchContext): Promise<MeasuredStorm[]> {
  const { progress, signal } = context;
  const storms: MeasuredStorm[] = [];
  const quotasOf = (...names: readonly (keyof typeof quotas)[]) => ({ ...unlimited, KAKUNIN_KMS_QUOTAS: names.map((name) => `${name}=${quotas[name]}`).join(',') });
  const storming = <Result>(environment: Readonly<Record<string, string>>, use: (services: StormServices) => Promise<Result>) => withService(environment, context, async (service) => {
    const aftermath = openAftermath(service);
    try {
      return await use({ send: service.send, ask: service.ask, aftermath, signal, boundMilliseconds: 2000 });
    } finally {
      aftermath.close();
    }
  });

  progress('\n  10 times the quotas of KMS: certify, sign');
  await storming(quotasOf('CreateKey', 'Sign'), async (services) => {
    const certified = await stormCertify(services, { quotaPerSecond: quotas.CreateKey, seconds: stormSeconds });
    storms.push({ request: 'certify', quotaPerSecond: quotas.CreateKey, what: 'CreateKey', storm: certified });
    const agentIds = certified.succeeded.map(({ body }) => (JSON.parse(body) as { data: { agent_id: string } }).data.agent_id);
    storms.push({ request: 'sign', quotaPerSecond: quotas.Sign, what: 'Sign', storm: await stormSign(services, { quotaPerSecond: quotas.Sign, seconds: stormSeconds / 2, agentIds }) });
  });
  progress(', certify behind the limits of the API');
  await storming({ ...quotasOf('CreateKey'), KAKUNIN_RATE_LIMITS: '' }, async (services) => {
    storms.push({ request: 'certify', quotaPerSecond: quotas.CreateKey, what: 'CreateKey, behind the limits of the API', storm: await stormCertify(services, { quotaPerSecond: quotas.CreateKey, seconds: stormSeconds }) });
  });
  progress(', revoke');
  await storming(quotasOf('ScheduleKeyDeletion'), async (services) => {
    const certificateIds: string[] = [];
    const agents = await registerAgents(services, certificatesRevoked, signal);
    await closedLoop(async (index) => void certificateIds.push(String((await services.ask(201, 'POST', `/agents/${agents[index]}/certify`))['id'])), { seconds: Infinity, concurrency: 4, maximum: agents.length, signal });
    const revoked = await stormRevoke(services, { quotaPerSecond: quotas.ScheduleKeyDeletion, certificateIds });
    storms.push({ request: 'revoke', quotaPerSecond: quotas.ScheduleKeyDeletion, what: `ScheduleKeyDeletion, last key after ${revoked.drainedSeconds.toFixed(1)} s`, storm: revoked });
  });
  progress('\n ');
  return storms;
}

const failed = ({ failures }: Step, ...statuses: readonly number[]) => statuses.reduce((sum, status) => sum + (failures[status] ?? 0), 0);
/** Those that are neither 429 nor 503. */
const otherFailures = (step: Step) => step.sent - step.succeeded - failed(step, 429, 503);

function rampReport({ target, steps, knee }: Ramp): Report {
  const { name, request, boundMilliseconds } = target;
  return {
    title: `${name}: ${request}`,
    rows: steps.map((step): Row => ({
      offered_per_s: step.offeredPerSecond,
      sent: step.sent,
      succeeded_per_s: rounded(step.succeededPerSecond),
      succeeded_percent: rounded((100 * step.succeeded) / step.sent),
      p50_ms: rounded(step.p50Milliseconds),
      p99_ms: rounded(step.p99Milliseconds),
      p999_ms: rounded(step.p999Milliseconds),
      answered_429: failed(step, 429),
      answered_503: failed(step, 503),
      other: otherFailures(step),
      sender_late_ms: rounded(step.senderP99Milliseconds),
      knee: step === knee ? 'knee' : '',
    })),
    remarks: [
      `The knee is the last rate up to which 99 % succeed, 99 % of them within ${boundMilliseconds} ms, and at the rate that is offered but for 5 %.`,
      'Percentiles are of the requests that succeeded, from when each was to be sent; those of few requests are the slowest of them. sender_late_ms is how late 99 % of them were sent.',
    ],
    ...(knee === undefined && { failures: [`${name} does not bear even ${steps[0]?.offeredPerSecond} requests a second.`] }),
  };
}

function overloadReport(overloads: readonly Overload[]): Report {
  return {
    title: `${overloadFactor} times the most that succeeded`,
    rows: overloads.map(({ target, step, honest, refusalP50Milliseconds, refusalP99Milliseconds, recoverySeconds }): Row => ({
      request: target.name,
      offered_per_s: step.offeredPerSecond,
      sent: step.sent,
      succeeded_per_s: rounded(step.succeededPerSecond),
      p50_ms: rounded(step.p50Milliseconds),
      p99_ms: rounded(step.p99Milliseconds),
      answered_429: failed(step, 429),
      answered_503: failed(step, 503),
      with_retry_after: honest,
      other: otherFailures(step),
      refused_p50_ms: rounded(refusalP50Milliseconds),
      refused_p99_ms: rounded(refusalP99Milliseconds),
      recovered_after_s: rounded(recoverySeconds),
    })),
    remarks: ['Recovery: from the end of the load until five requests in a row, 100 ms apart, succeeded in the time of the knee.'],
    failures: overloads.flatMap(({ target: { name }, step, honest, recoverySeconds }) => [
      ...(honest < step.refusals.length ? [`${name}: ${step.refusals.length - honest} failures were no 429 or 503 with Retry-After: ${JSON.stringify(step.failures)}.`] : []),
      ...(honest === 0 ? [`${name}: nothing was refused, so this was no overload.`] : []),
      ...(recoverySeconds > recoveryBoundSeconds ? [`${name}: it took ${recoverySeconds} s to recover.`] : []),
    ]),
  };
}

function stormReport(storms: readonly MeasuredStorm[]): Report {
  return {
    title: `${excess} times the quotas of KMS`,
    rows: storms.map(({ request, quotaPerSecond, what, storm: { outcomes, succeeded, recoverySeconds, noted, faults, delays } }): Row => {
      const answered = (wanted: number) => outcomes.filter(({ status }) => status === wanted).length;
      return {
        request,
        quota_per_s: quotaPerSecond,
        offered_per_s: excess * quotaPerSecond,
        sent: outcomes.length,
        succeeded: succeeded.length,
        answered_429: answered(429),
        answered_503: answered(503),
        slowest_ms: Math.round(Math.max(...outcomes.map(({ latencyMilliseconds }) => latencyMilliseconds))),
        keys_noted: noted,
        faults: faults.length,
        delays: delays.length,
        recovered_after_s: rounded(recoverySeconds),
        quota: what,
      };
    }),
    remarks: [
      `The quota of Sign is ${quotas.Sign} a second here and 1,000 in AWS. A fault is a key that nobody has, a second active certificate, an answer that is not true or does not say when to come back; a delay is a refusal after more than 5 s, or a recovery.`,
    ],
    failures: storms.flatMap(({ request, storm: { faults, delays } }) => [...faults, ...delays].map((fault) => `${request} at ${excess} times the quota: ${fault}`)),
  };
}
