import { isActionType } from '../authority/risk-assessment.ts';
import type { BriefRiskEvent, RiskEvent, RiskRecord } from '../authority/ports.ts';
import type { RollUp } from '../authority/risk-roll-up.ts';
import { tables } from '../schema.ts';
import { instantOf } from './instant.ts';
import { shardOf, type Item } from './items.ts';
import { observationTime } from './risk-stream.ts';

/* How records lie in the risk table (lambdas/schema.ts, docs/risk-records.md), and how they are read back. */

/** How long risk records are kept: five years, as MiFID II and MiCA ask of records of orders and transactions. */
const recordDays = 5 * 366;
/** A roll-up is of use as long as its day is in a profile's window, and that is 30 days at most. */
const rollUpDays = 32;

export type RiskKey = Record<'agent_id' | 'record_id', string>;

export const volumeKey = (agentId: string, date: string): RiskKey => ({ agent_id: agentId, record_id: `volume#${date}` });
export const rollUpKey = (agentId: string, date: string): RiskKey => ({ agent_id: agentId, record_id: `rollup#${date}` });

const { partitionKey: tenantCollection } = tables.risk.indexes['by-tenant'];

/** A partition of the by-tenant index. */
export const tenantEventsOf = (tenantId: string, shard: string) => `${tenantId}#${shard}`;

export function recordItem({ id, agentId, tenantId, kind, score, observedAt, actionType, occurredAt, sourceIp, attributes }: RiskRecord): Item {
  return {
    agent_id: agentId,
    record_id: `${observedAt}#${id}`,
    tenant_id: tenantId,
    kind,
    score,
    observed_at: observedAt,
    ...(actionType !== undefined && { action_type: actionType, [tenantCollection]: tenantEventsOf(tenantId, shardOf(id)) }),
    occurred_at: occurredAt,
    source_ip: sourceIp,
    // Free-form JSON is kept as text: DynamoDB would refuse some of its numbers and deep nesting.
    details_json: JSON.stringify(attributes),
    time_to_live: secondsOf(observedAt) + recordDays * daySeconds,
  };
}

export function volumeItem(agentId: string, date: string, volumeUsd: number): Item {
  return { ...volumeKey(agentId, date), kind: 'volume', volume_usd: volumeUsd, time_to_live: secondsOf(date) + recordDays * daySeconds };
}

/** What events are counted by, and what they are read from in full. */
export const briefAttributes = ['agent_id', 'record_id', 'tenant_id', 'score', 'observed_at', 'action_type', 'occurred_at', 'source_ip'] as const;
export const eventAttributes = [...briefAttributes, 'details_json'] as const;

/**
 * The event that a record is, whoever wrote it; undefined where it names no action of ours, has no score, or names another
 * tenant than its agent's.
 */
export function readBriefEvent(item: Item, tenantId: string): BriefRiskEvent | undefined {
  const { agent_id, record_id, tenant_id = tenantId, score, observed_at, action_type: actionType, occurred_at, source_ip: sourceIp } = item;
  if (!isActionType(actionType) || typeof score !== 'number' || tenant_id !== tenantId) return undefined;
  const recordId = record_id as string;
  const occurred = instantOf(occurred_at);
  return {
    id: recordId.slice(recordId.indexOf('#') + 1),
    agentId: agent_id as string,
    actionType,
    score,
    occurredAt: occurred === undefined ? observationTime({ observed_at, record_id: recordId }, undefined) : new Date(occurred).toISOString(),
    ...(typeof sourceIp === 'string' && { sourceIp }),
  };
}

export function readRiskEvent(item: Item, tenantId: string): RiskEvent | undefined {
  const event = readBriefEvent(item, tenantId);
  const { factors, payload } = detailsOf(item['details_json']);
  return event && {
    ...event,
    factors: Array.isArray(factors) ? factors.filter((factor) => typeof factor === 'string') : [],
    payload: isObject(payload) ? payload : {},
  };
}

/** Ours are JSON; a pipeline's are whatever it wrote there. */
function detailsOf(json: unknown): Readonly<Record<string, unknown>> {
  try {
    const details: unknown = typeof json === 'string' ? JSON.parse(json) : {};
    return isObject(details) ? details : {};
  } catch {
    return {};
  }
}

export function rollUpItem(agentId: string, rollUp: RollUp): Item {
  const { date, through, ...counts } = rollUp;
  return { ...rollUpKey(agentId, date), kind: 'rollup', counted_through: through, counts_json: JSON.stringify(counts), time_to_live: secondsOf(date) + rollUpDays * daySeconds };
}

export function readRollUp({ record_id, counted_through: through, counts_json }: Item): RollUp {
  return { date: (record_id as string).slice('rollup#'.length), through, ...(JSON.parse(counts_json as string) as object) } as RollUp;
}

const daySeconds = 86_400;

const secondsOf = (time: string) => Math.floor(Date.parse(time) / 1000);
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
