import type { BriefRiskEvent } from './ports.ts';
import { riskBand, riskBands, type ActionType, type RiskBand } from './risk-assessment.ts';

/** How often something happened, and the sum of its scores: whole numbers, so that the order of counting never shows. */
export interface Tally {
  readonly count: number;
  readonly scoreMillionths: number;
}

export type HighRiskEvent = Omit<BriefRiskEvent, 'agentId'>;

/** The events of one agent that were received on one UTC day, counted as far as the roll-up reaches. */
export interface RollUp {
  readonly date: string;
  /** The position in the agent's history as far as which events are counted. */
  readonly through: string;
  readonly byType: Readonly<Partial<Record<ActionType, Tally>>>;
  readonly byBand: Readonly<Record<RiskBand, number>>;
  /** Newest first, and no more than a profile shows. */
  readonly highRisk: readonly HighRiskEvent[];
}

/** So many of the latest high-risk events are shown. */
export const shownHighRiskEvents = 10;

/** The roll-up of a day of which nothing is counted yet. A date stands before every position on its day. */
export function nothingCounted(date: string): RollUp {
  return { date, through: date, byType: {}, byBand: { low: 0, medium: 0, high: 0 }, highRisk: [] };
}

/** The roll-up with further events, in the order they were received in; they reach as far as `through`. */
export function counted(rollUp: RollUp, events: readonly BriefRiskEvent[], through: string): RollUp {
  const byType = { ...rollUp.byType };
  const byBand = { ...rollUp.byBand };
  const high: HighRiskEvent[] = [];
  for (const { id, actionType, score, occurredAt, sourceIp } of events) {
    byType[actionType] = plus(byType[actionType] ?? nothing, { count: 1, scoreMillionths: millionthsOf(score) });
    const band = riskBand(score);
    byBand[band] += 1;
    if (band === 'high') high.push({ id, actionType, score, occurredAt, ...(sourceIp !== undefined && { sourceIp }) });
  }
  return { date: rollUp.date, through, byType, byBand, highRisk: [...high.reverse(), ...rollUp.highRisk].slice(0, shownHighRiskEvents) };
}

/** A score beyond 0 to 1 is a mistake of its writer, which is to spoil no average. */
const millionthsOf = (score: number) => Math.round(Math.min(Math.max(score, 0), 1) * 1e6);

export const nothing: Tally = { count: 0, scoreMillionths: 0 };

export const plus = (a: Tally, b: Tally): Tally => ({ count: a.count + b.count, scoreMillionths: a.scoreMillionths + b.scoreMillionths });

export const sumOf = (tallies: Iterable<Tally>): Tally => [...tallies].reduce(plus, nothing);

export const eventCountOf = ({ byBand }: RollUp) => byBand.low + byBand.medium + byBand.high;

/** To four digits; 0 of nothing. */
export function averageScore({ count, scoreMillionths }: Tally): number {
  return count === 0 ? 0 : Math.round(scoreMillionths / count / 100) / 10_000;
}

/** The band with the most events; of several, the highest; `low` where there are no events. */
export function dominantBand(byBand: RollUp['byBand']): RiskBand {
  return riskBands.reduce((dominant, band) => (byBand[band] > 0 && byBand[band] >= byBand[dominant] ? band : dominant), 'low');
}
