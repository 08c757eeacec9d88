import { ownAgent, type Agent } from './agent.ts';
import type { Principal } from './api-key.ts';
import { agentNotFound, Refusal } from './errors.ts';
import type { Registry, RiskHistory } from './ports.ts';
import { riskBands, type ActionType, type RiskBand } from './risk-assessment.ts';
import { averageScore, counted, dominantBand, eventCountOf, nothing, nothingCounted, plus, shownHighRiskEvents, sumOf, type HighRiskEvent, type RollUp, type Tally } from './risk-roll-up.ts';
import { sideBySide } from './side-by-side.ts';

export interface RiskProfileServices {
  readonly registry: Pick<Registry, 'getAgent'>;
  readonly history: RiskHistory;
  readonly clock: () => Date;
}

export interface RiskProfile {
  readonly agent: Agent;
  readonly computedAt: string;
  /** One for each UTC day of the window, in their order. */
  readonly days: readonly { readonly date: string; readonly averageScore: number; readonly eventCount: number; readonly dominantBand: RiskBand }[];
  readonly eventCount: number;
  readonly averageScore: number;
  readonly dominantBand: RiskBand;
  readonly byBand: Readonly<Record<RiskBand, number>>;
  readonly byType: readonly { readonly actionType: ActionType; readonly count: number; readonly averageScore: number }[];
  /** Newest first. */
  readonly highRisk: readonly HighRiskEvent[];
}

/**
 * What an agent did on the last `windowDays` UTC days, today included, by the time its events were received.
 *
 * The past does not change, so it is counted once, by whoever asks first, and kept in a roll-up for each day. What is read
 * of an agent that is looked at now and then, in read units of 4 KB (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html):
 *
 * - 1, the agent;
 * - 0.5 for 8 KB of roll-ups, each of 0.3 to 0.9 KB: 3 for 30 days, and up to 9 where each day had ten high-risk events;
 * - 1 for some 8 events of today that are not rolled up: at most `worthKeeping` and those of the last five minutes, some 30.
 *
 * Whoever asks first on a day reads the rest of the day before, and whoever asks for the first time all 30 days. Each event
 * is read once for its roll-up: some 12 units for 100 of them, with a payload of a few fields. Of 100,000 in 30 days that was
 * 11,500 units the first time, and 8 the second (test/api/risk-scale.test.ts).
 * @throws Refusal AGENT_NOT_FOUND (also of an agent's own key, for any other agent), REGISTRY_UNAVAILABLE.
 */
export async function riskProfile({ registry, history, clock }: RiskProfileServices, { tenantId, agentId: boundTo }: Principal, agentId: string, windowDays: number): Promise<RiskProfile> {
  if (boundTo !== undefined && boundTo !== agentId) throw agentNotFound();
  const now = clock();
  const dates = Array.from({ length: windowDays }, (_, index) => dateOf(now.getTime() - (windowDays - 1 - index) * dayMilliseconds));
  const [found, rollUps] = await Promise.all([registry.getAgent(agentId), history.listRollUps(agentId, dates[0] ?? '', dates.at(-1) ?? '')]);
  const agent = ownAgent(found, tenantId);
  const known = new Map(rollUps.map((rollUp) => [rollUp.date, rollUp]));
  const reading: Reading = { history, agent, now, keep: keeper(history, agentId), isLate: () => clock().getTime() - now.getTime() > countingMilliseconds };
  const outcomes = await sideBySide(dates, daysAtOnce, (date) => wholeDay(reading, known.get(date) ?? nothingCounted(date)));
  const days = outcomes.map((outcome) => {
    // One reason is enough, and is a Refusal where DynamoDB is in trouble; a sum of them would be none.
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
  return profileOf(agent, days, now);
}

const dayMilliseconds = 86_400_000;
const dateOf = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 10);

// Days that are read in full are megabytes each.
const daysAtOnce = 6;

/**
 * An event is dated when its request is worked on and written a moment later, by a function that runs for half a minute
 * at most, on a machine whose clock is its own. What is older than this is all there.
 */
const settlingMilliseconds = 5 * 60_000;

/** A request that has counted for so long gives way to the next, which goes on from there: API Gateway waits 29 s. */
const countingMilliseconds = 15_000;

/** So many events more, and a roll-up of a day that is not over is kept. */
const worthKeeping = 250;

interface Reading {
  readonly history: RiskHistory;
  readonly agent: Agent;
  readonly now: Date;
  readonly keep: (rollUp: RollUp) => Promise<void>;
  readonly isLate: () => boolean;
}

/** The day's roll-up with every event until now; what of it is settled is kept for the next who asks. */
async function wholeDay(reading: Reading, rollUp: RollUp): Promise<RollUp> {
  const { history, agent, now } = reading;
  const end = dateOf(Date.parse(rollUp.date) + dayMilliseconds);
  // An agent has no events from before it was registered.
  if (rollUp.through >= end || end <= agent.createdAt) return rollUp;
  const settledUntil = new Date(now.getTime() - settlingMilliseconds).toISOString();
  let whole = await settledDay(reading, rollUp, settledUntil < end ? settledUntil : end, end);
  if (whole.through < end) {
    for await (const { events, through } of history.readEvents(agent, whole.through, end)) whole = counted(whole, events, through);
  }
  return whole;
}

/** Counts on from the roll-up as far as `until`, and keeps what it comes to on the way, so that nothing is read in vain. */
async function settledDay({ history, agent, keep, isLate }: Reading, rollUp: RollUp, until: string, end: string): Promise<RollUp> {
  let kept = rollUp;
  let settled = rollUp;
  if (until <= rollUp.through) return rollUp;
  if (isLate()) throw stillCounting();
  for await (const { events, through } of history.readEvents(agent, rollUp.through, until)) {
    settled = counted(settled, events, through);
    const late = isLate();
    if (through !== end && eventCountOf(settled) - eventCountOf(kept) < worthKeeping && !late) continue;
    await keep(settled);
    kept = settled;
    if (late) throw stillCounting();
  }
  return settled;
}

const stillCounting = () =>
  new Refusal('REGISTRY_UNAVAILABLE', 'The agent’s events are so many that they are still being counted. Ask again shortly; what has been counted is kept.');

/** Keeps roll-ups. One that cannot be is no reason to refuse the profile: no more are tried, and the next who asks counts again. */
function keeper(history: RiskHistory, agentId: string): Reading['keep'] {
  let isPossible = true;
  return async (rollUp) => {
    if (!isPossible) return;
    try {
      await history.putRollUp(agentId, rollUp);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      isPossible = false;
    }
  };
}

function profileOf(agent: Agent, rollUps: readonly RollUp[], now: Date): RiskProfile {
  const tallies = new Map<ActionType, Tally>();
  const byBand = { low: 0, medium: 0, high: 0 };
  for (const rollUp of rollUps) {
    for (const [actionType, tally] of Object.entries(rollUp.byType) as [ActionType, Tally][]) tallies.set(actionType, plus(tallies.get(actionType) ?? nothing, tally));
    for (const band of riskBands) byBand[band] += rollUp.byBand[band];
  }
  const all = sumOf(tallies.values());
  return {
    agent,
    computedAt: now.toISOString(),
    days: rollUps.map(({ date, byType, byBand: bands }) => {
      const day = sumOf(Object.values(byType));
      return { date, averageScore: averageScore(day), eventCount: day.count, dominantBand: dominantBand(bands) };
    }),
    eventCount: all.count,
    averageScore: averageScore(all),
    dominantBand: dominantBand(byBand),
    byBand,
    byType: [...tallies].map(([actionType, tally]) => ({ actionType, count: tally.count, averageScore: averageScore(tally) })),
    highRisk: rollUps.toReversed().flatMap(({ highRisk }) => highRisk).slice(0, shownHighRiskEvents),
  };
}
