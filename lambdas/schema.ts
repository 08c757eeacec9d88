/**
 * The one description of the tables, shared by lib/registry.ts (which deploys them) and local/dynamodb.ts (which creates
 * them in the embedded engine). Every key attribute is a string.
 */
export interface KeySchema {
  readonly partitionKey: string;
  readonly sortKey: string;
}

export interface IndexDefinition extends KeySchema {
  /** Attributes projected beside the keys. */
  readonly nonKeyAttributes: readonly string[];
}

export interface TableDefinition extends KeySchema {
  readonly indexes: Readonly<Record<string, IndexDefinition>>;
  readonly streamView: 'NEW_IMAGE' | 'NEW_AND_OLD_IMAGES';
  /** Attribute that holds the epoch second after which DynamoDB may drop the item; clean-up only, never expiry logic. */
  readonly timeToLiveAttribute?: string;
  /** Whether the table outlives its stack, with point-in-time recovery and deletion protection. */
  readonly retained: boolean;
}

/**
 * The registry: agents, certificates, authorities, tenants, API keys, the audit trail, and what the end of a certificate
 * entails.
 *
 * | item         | pk                       | sk                          | by-tenant                | by-agent             |
 * |--------------|--------------------------|-----------------------------|--------------------------|----------------------|
 * | agent        | AGENT#<agentId>          | AGENT                       | <tenantId>#AGENT         |                      |
 * | certificate  | CERT#<certificateId>     | CERT                        | <tenantId>#CERTIFICATE   | <tenantId>#<agentId> |
 * | expiry       | EXPIRY#<crlShard>        | <expiresAt>#<certificateId> |                          |                      |
 * | CRL entry    | REVOKED#<crlShard>       | <expiresAt>#<certificateId> |                          |                      |
 * | of a CA      | REVOKED#root             | <expiresAt>#<serial number> |                          |                      |
 * | outbox entry | OUTBOX#<certificateId>   | OUTBOX                      |                          |                      |
 * | effect       | EFFECT#<certificateId>   | KEY-DELETION or CRL         |                          |                      |
 * | CRL number   | CRL#<path>               | CRL                         |                          |                      |
 * | risk alert   | ALERT#<agentId>          | <record_id>                 |                          |                      |
 * | authority    | CA#<its role>[#<n>]      | CA                          |                          |                      |
 * | tenant       | TENANT#<tenantId>        | TENANT                      |                          |                      |
 * | API key      | KEY#<SHA-256 of the key> | KEY                         | <tenantId>#KEY           |                      |
 * | audit entry  | AUDIT#<tenantId>#<shard> | <createdAt>#<entryId>       |                          | <tenantId>#AUDIT#<affectedId> |
 * | chain link   | CHAIN#<tenantId>         | <sequence, 12 digits>       |                          |                      |
 * | chain's head | CHAIN#<tenantId>         | HEAD                        | CHAINS                   |                      |
 * | link's mark  | CHAINED#<entryId>        | CHAINED                     |                          |                      |
 * | its exports  | EXPORT#<tenantId>        | PROGRESS                    |                          |                      |
 * | signed head  | EXPORT#<tenantId>        | SIGNED#<sequence>           |                          |                      |
 * | webhook      | WEBHOOK#<tenantId>       | <webhookId>                 |                          |                      |
 * | their count  | WEBHOOKS#<tenantId>      | COUNT                       |                          |                      |
 * | delivery     | DELIVERY#<webhookId>     | <createdAt>#<eventId>       |                          |                      |
 * | pass of keys | RECONCILER#keys          | PROGRESS                    |                          |                      |
 * | request      | IDEMPOTENCY#<SHA-256>    | IDEMPOTENCY                 |                          |                      |
 *
 * A certificate is issued with an expiry, which its end replaces: whether revoked or expired, an outbox entry is written in
 * the same transaction, and the table's stream carries out what follows from it (lambdas/triggers.ts). It also takes each
 * audit entry to where it is heard of: its tenant's hash chain, webhooks, EventBridge.
 *
 * An authority of a later generation than the first has its number (docs/ca-rotation.md), and so has each CRL shard: those of
 * generation 2 begin at 1024 (pki/issuing-generation.ts).
 *
 * No partition key is shared by a tenant's whole write traffic: audit entries are spread over shards, and the by-tenant
 * index sees an item only when it is created or changes its status.
 */
const registry = {
  partitionKey: 'pk',
  sortKey: 'sk',
  indexes: {
    'by-tenant': { partitionKey: 'tenantCollection', sortKey: 'creation', nonKeyAttributes: ['status', 'expiresAt'] },
    'by-agent': { partitionKey: 'agentCollection', sortKey: 'creation', nonKeyAttributes: ['status', 'expiresAt'] },
  },
  streamView: 'NEW_AND_OLD_IMAGES',
  timeToLiveAttribute: 'timeToLive',
  retained: true,
} as const satisfies TableDefinition;

/**
 * Risk records: what agents did and what the risk pipeline thinks of them. The pipeline may write here directly, so the
 * attribute names are part of the contract (docs/risk-records.md) and snake_case like the API.
 *
 * | item    | agent_id | record_id                  | by-tenant           |
 * |---------|----------|----------------------------|---------------------|
 * | event   | its own  | <observed_at>#<eventId>    | <tenantId>#<shard>  |
 * | score   | its own  | <observed_at>#<recordId>   |                     |
 * | volume  | its own  | volume#<date>              |                     |
 * | roll-up | its own  | rollup#<date>              |                     |
 *
 * The records of one agent share a partition, so its scores are read in their order; a tenant's events are spread over 16 of the
 * index, where lists are merged from. The index holds what lists are filtered by, and no more.
 */
const risk = {
  partitionKey: 'agent_id',
  sortKey: 'record_id',
  indexes: {
    'by-tenant': { partitionKey: 'tenant_collection', sortKey: 'record_id', nonKeyAttributes: ['score', 'action_type'] },
  },
  streamView: 'NEW_AND_OLD_IMAGES',
  timeToLiveAttribute: 'time_to_live',
  retained: true,
} as const satisfies TableDefinition;

export const tables = { registry, risk } as const satisfies Record<string, TableDefinition>;

export type TableName = keyof typeof tables;
