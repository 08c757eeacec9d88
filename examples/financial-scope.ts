export interface Transaction {
  readonly amountUsd: number;
  readonly instrument?: string;
}

/**
 * What a transaction breaks of the limits that a certificate was issued with, as a sentence; undefined where it keeps them.
 * What the scope does not mention is not limited. An agent without any scope may move no money: that is this party's own rule.
 * @param spentTodayUsd by this agent, this UTC day
 */
export function scopeViolation(scope: Readonly<Record<string, unknown>> | undefined, { amountUsd, instrument }: Transaction, spentTodayUsd = 0): string | undefined {
  if (scope === undefined) return 'The certificate has no financial scope.';
  const { max_single_trade_usd: single, daily_limit_usd: daily, permitted_instruments: instruments } = scope;
  if (typeof single === 'number' && amountUsd > single) return `${amountUsd} USD are more than the ${single} USD of a single transaction.`;
  if (typeof daily === 'number' && spentTodayUsd + amountUsd > daily) return `With ${spentTodayUsd} USD of today, ${amountUsd} USD are more than the ${daily} USD of a day.`;
  if (instrument !== undefined && Array.isArray(instruments) && !instruments.includes(instrument)) return `${instrument} is not among the permitted instruments.`;
  return undefined;
}
