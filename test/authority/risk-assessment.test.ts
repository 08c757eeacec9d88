import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FinancialScope } from '../../lambdas/authority/agent.ts';
import { actionTypes, assess, isScopeViolation, isTransaction, readTransaction, riskBand, type Transaction } from '../../lambdas/authority/risk-assessment.ts';

test.each([
  [0, 'low'], [0.2999999, 'low'], [0.3, 'medium'], [0.5, 'medium'], [0.84, 'medium'], [0.8499999, 'medium'], [0.85, 'high'], [0.95, 'high'], [1, 'high'],
])('a score of %s is %s', (score, band) => {
  expect(riskBand(score)).toBe(band);
});

describe('the score of an action by itself', () => {
  const documented = {
    api_call: 0.05, message_signed: 0.05, authentication_attempt: 0.15, data_access: 0.2, transaction_initiated: 0.3, data_mutation: 0.35,
    authentication_failure: 0.55, transaction_anomaly: 0.85, unauthorized_access_attempt: 0.95, message_verification_failed: 0.95,
  } as const;

  test('is the documented one, for each documented type and no other', () => {
    expect(Object.fromEntries(actionTypes.map((type) => [type, assess(type).score]))).toEqual(documented);
    for (const type of actionTypes) expect(assess(type).factors).toEqual([type]);
  });

  test('depends on a scope for transactions only', () => {
    expect(actionTypes.filter(isTransaction)).toEqual(['transaction_initiated', 'transaction_anomaly']);
  });
});

describe('a transaction against the certified scope', () => {
  const scope: FinancialScope = {
    max_single_trade_usd: 1000, daily_limit_usd: 5000, permitted_instruments: ['BTC-USD', 'ETH-USD'], permitted_venues: ['NYSE'], leverage_permitted: true, max_leverage_ratio: 3,
  };
  const within: [string, Transaction, number | undefined][] = [
    ['nothing said', {}, undefined],
    ['exactly the largest trade', { amountUsd: 1000 }, 1000],
    ['exactly the day’s limit', { amountUsd: 1 }, 5000],
    ['a permitted instrument and venue', { instrument: 'ETH-USD', venue: 'NYSE' }, undefined],
    ['exactly the permitted leverage', { leverage: 3 }, undefined],
  ];
  test.each(within)('%s is within it', (_, transaction, dailyVolumeUsd) => {
    expect(assess('transaction_initiated', transaction, scope, dailyVolumeUsd)).toEqual({ score: 0.3, factors: ['transaction_initiated'] });
  });

  const beyond: [string, Transaction, number | undefined, FinancialScope][] = [
    ['max_single_trade_usd', { amountUsd: 1000.01 }, undefined, scope],
    ['max_single_trade_usd', { amountUsd: Infinity }, undefined, scope],
    ['max_single_trade_usd', { amountUsd: 0.01 }, undefined, { max_single_trade_usd: 0 }],
    ['daily_limit_usd', { amountUsd: 1 }, 5000.01, scope],
    ['permitted_instruments', { instrument: 'DOGE-USD' }, undefined, scope],
    ['permitted_instruments', { instrument: 'btc-usd' }, undefined, scope],
    ['permitted_instruments', { instrument: 'BTC-USD' }, undefined, { permitted_instruments: [] }],
    ['permitted_venues', { venue: 'NASDAQ' }, undefined, scope],
    ['leverage_permitted', { leverage: 1.5 }, undefined, { leverage_permitted: false }],
    ['max_leverage_ratio', { leverage: 3.01 }, undefined, scope],
  ];
  test.each(beyond)('%s is broken by %j', (limit, transaction, dailyVolumeUsd, certified) => {
    const assessment = assess('transaction_initiated', transaction, certified, dailyVolumeUsd);
    expect(assessment).toEqual({ score: 0.95, factors: ['transaction_initiated', 'scope_violation', limit] });
    expect(isScopeViolation(assessment)).toBe(true);
  });

  test('every limit that is broken is named', () => {
    const { factors } = assess('transaction_anomaly', { amountUsd: 9999, instrument: 'X', venue: 'Y', leverage: 9 }, { ...scope, leverage_permitted: false }, 9999);
    expect(factors).toEqual(['transaction_anomaly', 'scope_violation', 'max_single_trade_usd', 'daily_limit_usd', 'permitted_instruments', 'permitted_venues', 'leverage_permitted', 'max_leverage_ratio']);
  });

  test('a leverage of one is none', () => {
    expect(assess('transaction_initiated', { leverage: 1 }, { leverage_permitted: false }).score).toBe(0.3);
    expect(assess('transaction_initiated', { leverage: 5 }, { leverage_permitted: true }).score).toBe(0.3);
  });

  const amount = fc.double({ min: 0, max: 1e15, noNaN: true });
  const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
  const anyTransaction = fc.record({ amountUsd: optional(amount), instrument: optional(fc.constantFrom('A', 'B', 'C')), venue: optional(fc.constantFrom('A', 'B')), leverage: optional(amount) });
  const anyScope = fc.record({
    max_single_trade_usd: amount, daily_limit_usd: amount, permitted_instruments: fc.subarray(['A', 'B']), permitted_venues: fc.subarray(['A']), leverage_permitted: fc.boolean(), max_leverage_ratio: amount,
  }, { requiredKeys: [] }) as fc.Arbitrary<FinancialScope>;

  test('what is not limited cannot be broken, and a tighter scope never forgives', () => {
    fc.assert(fc.property(anyTransaction, anyScope, optional(amount), fc.constantFrom(...actionTypes), (transaction, certified, volume, type) => {
      const assessment = assess(type, transaction, certified, volume);
      expect(assess(type, transaction, {}, volume)).toEqual(assess(type));
      expect(assess(type, transaction, undefined, volume)).toEqual(assess(type));
      expect(assessment.score).toBeGreaterThanOrEqual(assess(type).score);
      for (const limit of Object.keys(certified)) {
        const { [limit as keyof FinancialScope]: _, ...looser } = certified;
        const loosened = assess(type, transaction, looser, volume);
        expect(loosened.score).toBeLessThanOrEqual(assessment.score);
        expect(loosened.factors).not.toContain(limit);
      }
      expect(isScopeViolation(assessment)).toBe(assessment.factors.length > 1);
    }));
  });

  test('a larger trade is never judged better', () => {
    fc.assert(fc.property(amount, amount, anyScope, (a, b, certified) => {
      const [smaller, larger] = [Math.min(a, b), Math.max(a, b)].map((amountUsd) => assess('transaction_initiated', { amountUsd }, certified, amountUsd).score) as [number, number];
      expect(smaller).toBeLessThanOrEqual(larger);
    }));
  });
});

describe('what a payload says of a trade', () => {
  test.each(['amount_usd', 'amountUsd', 'notional_usd', 'notionalUsd', 'trade_value_usd', 'tradeValueUsd', 'value_usd', 'valueUsd', 'amount'])('its amount as %s', (name) => {
    for (const value of [1500.5, '1500.5', ' 1500.50 ', -1500.5]) expect(readTransaction({ [name]: value }).amountUsd).toBe(1500.5);
    for (const nothing of ['', ' ', 'much', null, undefined, {}, [], true, NaN]) expect(readTransaction({ [name]: nothing }).amountUsd).toBeUndefined();
  });

  test('its instrument, venue and leverage, under each name', () => {
    for (const name of ['instrument', 'symbol']) expect(readTransaction({ [name]: 'BTC-USD' }).instrument).toBe('BTC-USD');
    for (const name of ['venue', 'exchange']) expect(readTransaction({ [name]: 'NYSE' }).venue).toBe('NYSE');
    for (const name of ['leverage', 'leverage_ratio', 'leverageRatio']) expect(readTransaction({ [name]: '2.5' }).leverage).toBe(2.5);
    expect(readTransaction({ instrument: 7, venue: null, leverage: 'high' })).toEqual({ amountUsd: undefined, instrument: undefined, venue: undefined, leverage: undefined });
  });

  test('of several amounts the largest, so that a small one cannot hide it', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('amount_usd', 'notional_usd', 'amount', 'valueUsd'), fc.integer({ min: -1e9, max: 1e9 })), { minLength: 1 }), (entries) => {
      const payload = Object.fromEntries(entries);
      expect(readTransaction(payload).amountUsd).toBe(Math.max(...Object.values(payload).map(Math.abs)));
    }));
  });

  test('nothing of what is inherited, and nothing that throws', () => {
    expect(readTransaction(Object.create(null) as Record<string, unknown>).amountUsd).toBeUndefined();
    fc.assert(fc.property(fc.object(), (payload) => {
      const { amountUsd, leverage } = readTransaction(payload as Record<string, unknown>);
      for (const number of [amountUsd, leverage]) expect(number === undefined || number >= 0).toBe(true);
    }));
  });
});
