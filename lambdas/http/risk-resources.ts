import type { RiskEvent } from '../authority/ports.ts';
import { riskBand } from '../authority/risk-assessment.ts';
import type { RiskProfile } from '../authority/risk-profile.ts';
import type { HighRiskEvent } from '../authority/risk-roll-up.ts';

/* What agents did and how it was judged, as the API shows it. */

export function riskEventResource(event: RiskEvent) {
  return {
    id: event.id,
    agent_id: event.agentId,
    action_type: event.actionType,
    risk_score: event.score,
    risk_band: riskBand(event.score),
    factors: event.factors,
    occurred_at: event.occurredAt,
    source_ip: event.sourceIp ?? null,
    payload: event.payload,
  };
}

export function riskProfileResource({ agent, days, ...profile }: RiskProfile) {
  const riskScore = agent.riskScore ?? 0;
  return {
    agent_id: agent.id,
    agent_name: agent.name,
    agent_status: agent.status,
    window_days: days.length,
    window_start: `${days[0]?.date ?? ''}T00:00:00.000Z`,
    total_events: profile.eventCount,
    avg_score: profile.averageScore,
    dominant_band: profile.dominantBand,
    high_risk_event_count: profile.byBand.high,
    event_counts_by_type: Object.fromEntries(profile.byType.map(({ actionType, count, averageScore }) => [actionType, { count, avg_score: averageScore }])),
    recent_high_risk_events: profile.highRisk.map(highRiskEventResource),
    trend: days.map((day) => ({ date: day.date, avg_score: day.averageScore, event_count: day.eventCount, dominant_band: day.dominantBand })),
    // Drift from a baseline is not measured; what clients read of it says so.
    drift: {
      drift_score: null, drift_band: null, contributing_factors: null, computed_at: null, drift_trend: null, baseline_established_at: null, baseline_events_analyzed: null,
    },
    // The same once more and the score observed last, by the names that other clients know them under.
    risk_score: riskScore,
    risk_band: riskBand(riskScore),
    event_count: profile.eventCount,
    high_risk_count: profile.byBand.high,
    medium_risk_count: profile.byBand.medium,
    avg_risk_score: profile.averageScore,
    computed_at: profile.computedAt,
  };
}

function highRiskEventResource({ id, actionType, score, occurredAt, sourceIp }: HighRiskEvent) {
  return { id, event_id: id, action_type: actionType, risk_score: score, occurred_at: occurredAt, source_ip: sourceIp ?? null };
}
