import type { DynamoDBRecord } from 'aws-lambda';
import type { Runtime } from '../../../local/runtime.ts';
import { openAftermath, type AgentKey } from '../faults-aftermath.ts';
import type { Call } from '../runtime.ts';
import { streamedRecords } from '../stream.ts';
import { openTables } from '../tables.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- items are read attribute by attribute
export type Item = Record<string, any>;

/** A service that is up, in this process or in another. */
export type Service = Pick<Runtime, 'dynamodbEndpoint' | 'kmsEndpoint' | 'tableNames' | 'distributionUrl'> & { readonly call: Call };

/** All that the service has to show for itself: the tables, what has gone through the registry's stream, the agents' keys. */
export interface World {
  readonly agents: ReadonlyMap<string, Item>;
  readonly certificates: ReadonlyMap<string, Item>;
  /** Ends of certificates, by the certificates' ids. */
  readonly outbox: ReadonlyMap<string, Item>;
  /** What was noted to be done about ends, such as `<certificateId> CRL`. */
  readonly effects: ReadonlySet<string>;
  /** Ids of certificates that CRLs are made to name. */
  readonly crlEntries: ReadonlySet<string>;
  readonly auditEntries: readonly Item[];
  /** Ids of audit entries, once for each link of a chain. */
  readonly links: readonly string[];
  readonly webhooks: ReadonlyMap<string, Item>;
  readonly riskRecords: readonly Item[];
  readonly history: readonly DynamoDBRecord[];
  readonly keys: ReadonlyMap<string, AgentKey>;
  /** When it was looked at. */
  readonly now: string;
}

/** Looks at everything, past the API. A table is read page by page: while something writes, pages are of different moments. */
export async function readWorld(service: Pick<Service, 'dynamodbEndpoint' | 'kmsEndpoint' | 'tableNames'>): Promise<World> {
  const [aftermath, tables] = [openAftermath(service), openTables(service)];
  try {
    // The keys last: one that a certificate names is there by then.
    const [registry, riskRecords, history] = await Promise.all([tables.registryItems(), tables.riskRecords(), streamedRecords(service.dynamodbEndpoint, service.tableNames.registry)]);
    const keys = await aftermath.agentKeys();
    const withPrefix = (prefix: string) => registry.filter(({ pk }) => String(pk).startsWith(prefix));
    const by = (items: readonly Item[], name: string) => new Map(items.map((item) => [item[name] as string, item]));
    const afterHash = (text: unknown) => String(text).slice(String(text).indexOf('#') + 1);
    return {
      agents: by(withPrefix('AGENT#'), 'id'),
      certificates: by(withPrefix('CERT#'), 'id'),
      outbox: by(withPrefix('OUTBOX#'), 'certificateId'),
      effects: new Set(withPrefix('EFFECT#').map(({ pk, sk }) => `${afterHash(pk)} ${sk}`)),
      crlEntries: new Set(withPrefix('REVOKED#').map(({ sk }) => afterHash(sk))),
      auditEntries: withPrefix('AUDIT#'),
      links: withPrefix('CHAIN#').flatMap(({ entryId }) => (entryId === undefined ? [] : [entryId as string])),
      webhooks: by(withPrefix('WEBHOOK#'), 'id'),
      riskRecords,
      history,
      keys: new Map(keys.map((key) => [key.arn, key])),
      now: new Date().toISOString(),
    };
  } finally {
    aftermath.close();
    tables.close();
  }
}

/** Certificates that hold at the moment. */
export const activeCertificates = ({ certificates, now }: World): Item[] => [...certificates.values()].filter(({ status, expiresAt }) => status === 'active' && expiresAt > now);

// Map.groupBy, which Node 20 has not.
export function grouped<Value>(values: Iterable<Value>, keyOf: (value: Value) => string): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
