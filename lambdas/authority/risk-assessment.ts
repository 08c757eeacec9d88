import type { FinancialScope } from './agent.ts';

/** The score an action starts from, by its type. */
const baseScores = {
  api_call: 0.05,
  message_signed: 0.05,
  authentication_attempt: 0.15,
  data_access: 0.2,
  transaction_initiated: 0.3,
  data_mutation: 0.35,
  authentication_failure: 0.55,
  transaction_anomaly: 0.85,
  unauthorized_access_attempt: 0.95,
  message_verification_failed: 0.95,
} as const;

export type ActionType = keyof typeof baseScores;

export const actionTypes = Object.keys(baseScores) as ActionType[];

export const isActionType = (value: unknown): value is ActionType => actionTypes.includes(value as ActionType);

/** A transaction beyond what the agent is certified for scores at least this. */
const scopeViolationScore = 0.95;

const scopeViolation = 'scope_violation';

/** Whether the action was a transaction beyond what the agent is certified for. */
export function isScopeViolation({ factors }: Assessment): boolean {
  return factors.includes(scopeViolation);
}

/** In ascending order. */
export const riskBands = ['low', 'medium', 'high'] as const;

export type RiskBand = (typeof riskBands)[number];

/** low below 0.3, high from 0.85 on, medium between. */
export function riskBand(score: number): RiskBand {
  return score < 0.3 ? 'low' : score < 0.85 ? 'medium' : 'high';
}

export interface Assessment {
  readonly score: number;
  /** Why: the action's type, and what was held against it. */
  readonly factors: readonly string[];
}

/** Whether an action is a transaction, which is judged against the certified financial scope. */
export function isTransaction(actionType: ActionType): boolean {
  return actionType.startsWith('transaction_');
}

/** What is known of a transaction; undefined where the event does not say. */
export interface Transaction {
  readonly amountUsd?: number | undefined;
  readonly instrument?: string | undefined;
  readonly venue?: string | undefined;
  readonly leverage?: number | undefined;
}

// Clients spell the same things differently.
const spellings = {
  amountUsd: ['amount_usd', 'amountUsd', 'notional_usd', 'notionalUsd', 'trade_value_usd', 'tradeValueUsd', 'value_usd', 'valueUsd', 'amount'],
  instrument: ['instrument', 'symbol'],
  venue: ['venue', 'exchange'],
  leverage: ['leverage', 'leverage_ratio', 'leverageRatio'],
} as const;

/**
 * Reads what a transaction event's payload says of the trade. Amounts count by their size, whichever their sign, in whole
 * cents; where several are given, the largest counts.
 */
export function readTransaction(payload: Readonly<Record<string, unknown>>): Transaction {
  const texts = (names: readonly string[]) => names.map((name) => payload[name]).find((value) => typeof value === 'string');
  const largest = (names: readonly string[]) => {
    const sizes = names.flatMap((name) => magnitude(payload[name]) ?? []);
    return sizes.length === 0 ? undefined : Math.max(...sizes);
  };
  const amountUsd = largest(spellings.amountUsd);
  return {
    amountUsd: amountUsd === undefined ? undefined : Math.round(amountUsd * 100) / 100,
    instrument: texts(spellings.instrument),
    venue: texts(spellings.venue),
    leverage: largest(spellings.leverage),
  };
}

function magnitude(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  return Number.isNaN(number) ? undefined : Math.abs(number);
}

/**
 * Scores an action. `certifiedScope` is the financial scope the agent's certificate was issued for; what it does not
 * mention is not limited, and a list that is present permits nothing but what it names.
 * @param dailyVolumeUsd what the agent has traded this UTC day, this transaction included.
 */
export function assess(
  actionType: ActionType,
  transaction?: Transaction,
  certifiedScope?: FinancialScope,
  dailyVolumeUsd?: number,
): Assessment {
  const base: Assessment = { score: baseScores[actionType], factors: [actionType] };
  if (transaction === undefined || certifiedScope === undefined) return base;
  const violations = scopeViolations(transaction, certifiedScope, dailyVolumeUsd);
  if (violations.length === 0) return base;
  return { score: Math.max(base.score, scopeViolationScore), factors: [...base.factors, scopeViolation, ...violations] };
}

function scopeViolations({ amountUsd, instrument, venue, leverage }: Transaction, scope: FinancialScope, dailyVolumeUsd: number | undefined): string[] {
  const exceeds = (value: number | undefined, maximum: number | undefined) => value !== undefined && maximum !== undefined && value > maximum;
  const outside = (value: string | undefined, permitted: readonly string[] | undefined) => value !== undefined && permitted !== undefined && !permitted.includes(value);
  const violated: Readonly<Record<string, boolean>> = {
    max_single_trade_usd: exceeds(amountUsd, scope.max_single_trade_usd),
    daily_limit_usd: exceeds(dailyVolumeUsd, scope.daily_limit_usd),
    permitted_instruments: outside(instrument, scope.permitted_instruments),
    permitted_venues: outside(venue, scope.permitted_venues),
    leverage_permitted: scope.leverage_permitted === false && exceeds(leverage, 1),
    max_leverage_ratio: exceeds(leverage, scope.max_leverage_ratio),
  };
  return Object.keys(violated).filter((limit) => violated[limit]);
}
