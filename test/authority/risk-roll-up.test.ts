import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BriefRiskEvent } from '../../lambdas/authority/ports.ts';
import { actionTypes, riskBand } from '../../lambdas/authority/risk-assessment.ts';
import { averageScore, counted, dominantBand, eventCountOf, nothingCounted, sumOf } from '../../lambdas/authority/risk-roll-up.ts';

const event: fc.Arbitrary<BriefRiskEvent> = fc.record({
  id: fc.uuid(), agentId: fc.constant('a'), actionType: fc.constantFrom(...actionTypes), score: fc.double({ min: 0, max: 1, noNaN: true }), occurredAt: fc.constant('2026-05-17T10:00:00.000Z'),
});
const day = nothingCounted('2026-05-17');

describe('a roll-up', () => {
  test('is the same in however many parts its events are counted', () => {
    fc.assert(fc.property(fc.array(event), fc.integer({ min: 1, max: 7 }), (events, size) => {
      let inParts = day;
      for (let from = 0; from < events.length; from += size) inParts = counted(inParts, events.slice(from, from + size), String(from));
      expect({ ...inParts, through: 'end' }).toEqual(counted(day, events, 'end'));
    }));
  });

  test('says what there was', () => {
    fc.assert(fc.property(fc.array(event), (events) => {
      const rollUp = counted(day, events, 'end');
      expect(eventCountOf(rollUp)).toBe(events.length);
      expect(rollUp.highRisk.map(({ id }) => id)).toEqual(events.filter(({ score }) => score >= 0.85).map(({ id }) => id).reverse().slice(0, 10));
      for (const band of ['low', 'medium', 'high'] as const) expect(rollUp.byBand[band]).toBe(events.filter(({ score }) => riskBand(score) === band).length);
      const mean = events.reduce((sum, { score }) => sum + score, 0) / events.length;
      if (events.length > 0) expect(Math.abs(averageScore(sumOf(Object.values(rollUp.byType))) - mean)).toBeLessThan(0.000_052);
    }));
    expect(day).toEqual(nothingCounted('2026-05-17'));
  });

  test('is not spoiled by a score that is none', () => {
    const odd = [1e19, -5, 0.5].map((score) => ({ id: 'x', agentId: 'a', actionType: 'api_call' as const, score, occurredAt: '' }));
    expect(averageScore(sumOf(Object.values(counted(day, odd, 'end').byType)))).toBe(0.5);
  });
});

test.each<[string, { low: number; medium: number; high: number }]>([
  ['low', { low: 0, medium: 0, high: 0 }], ['low', { low: 2, medium: 1, high: 1 }], ['medium', { low: 2, medium: 2, high: 1 }], ['high', { low: 2, medium: 2, high: 2 }], ['high', { low: 0, medium: 0, high: 1 }], ['high', { low: 1, medium: 0, high: 1 }],
])('the dominant band is %s of %j', (band, counts) => {
  expect(dominantBand(counts)).toBe(band);
});
