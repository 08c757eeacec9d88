import { randomUUID } from 'node:crypto';
import type { Agent } from '../../lambdas/authority/agent.ts';
import type { AuditEntry } from '../../lambdas/authority/audit.ts';
import type { RiskRecord } from '../../lambdas/authority/ports.ts';
import type { ActionType } from '../../lambdas/authority/risk-assessment.ts';
import { agentItem, auditItem } from '../../lambdas/aws/items.ts';
import { recordItem } from '../../lambdas/aws/risk-items.ts';
import { eventRecord, openSeeding } from './risk-events.ts';
import { openTables } from './tables.ts';

/** The tables of the embedded runtime, before it is there to tell (local/runtime.ts). */
const tableNames = { registry: 'kakunin-registry', risk: 'kakunin-risk' } as const;

export interface BusyTenant {
  readonly id: string;
  readonly key: string;
  /** An agent that did everything there is. */
  readonly agent: { readonly id: string; readonly tenant_id: string };
  /** In the order of time. */
  readonly records: readonly RiskRecord[];
  readonly auditEntries: readonly AuditEntry[];
  readonly seedingMilliseconds: number;
}

export interface BusyTenantOptions {
  readonly eventCount: number;
  readonly auditEntryCount: number;
}

const windowMilliseconds = 30 * 86_400_000;
const minuteMilliseconds = 60_000;

// What agents do most, and something unusual now and then: once in 1,000 events.
const usual: readonly ActionType[] = ['api_call', 'data_access', 'api_call', 'transaction_initiated', 'message_signed', 'api_call', 'data_mutation', 'authentication_attempt'];
const usuallyUnusual = 1000;

/**
 * Writes a tenant whose one agent has reported events for the last 30 days, evenly, through the API. For a runtime that
 * starts on this engine: nobody reads the tables' streams yet.
 */
export async function seedBusyTenant(endpoint: string, { eventCount, auditEntryCount }: BusyTenantOptions): Promise<BusyTenant> {
  const startedAt = performance.now();
  const [tables, seeding] = [openTables({ dynamodbEndpoint: endpoint, tableNames }), openSeeding(endpoint)];
  try {
    const id = randomUUID();
    const now = Date.now();
    const timeOf = (index: number, count: number) => new Date(now - minuteMilliseconds - Math.floor(((count - 1 - index) / count) * windowMilliseconds)).toISOString();
    const agent = { id: randomUUID(), tenant_id: id };
    const registered: Agent = { id: agent.id, tenantId: id, name: 'Market maker', modelHash: 'h', permittedActions: [], metadata: {}, status: 'pending', createdAt: timeOf(-1000, 1000), updatedAt: timeOf(-1000, 1000) };
    const records = Array.from({ length: eventCount }, (_, index) =>
      eventRecord(agent, index % usuallyUnusual === 500 ? 'unauthorized_access_attempt' : usual[index % usual.length] as ActionType, timeOf(index, eventCount), { payload: { path: '/orders', status: 200 } }));
    const auditEntries = Array.from({ length: auditEntryCount }, (_, index): AuditEntry => ({
      id: randomUUID(), tenantId: id, eventType: index === 0 ? 'agent.created' : 'message.signed', actor: { type: 'api_key', id: randomUUID() },
      description: 'Message signed in the name of agent Market maker', affectedId: index % 100 === 0 ? agent.id : randomUUID(),
      metadata: { kind: 'payload', payload_hash: '0'.repeat(64), certificate_serial: 'A'.repeat(32) }, createdAt: timeOf(index, auditEntryCount),
    }));
    const key = await tables.addKey({ tenantId: id });
    await seeding.withoutStream(tableNames.registry, () => seeding.putAll(tableNames.registry, [agentItem(registered), ...auditEntries.map(auditItem)]));
    await seeding.withoutStream(tableNames.risk, () => seeding.putAll(tableNames.risk, records.map(recordItem)));
    return { id, key, agent, records, auditEntries, seedingMilliseconds: Math.round(performance.now() - startedAt) };
  } finally {
    tables.close();
    seeding.close();
  }
}
