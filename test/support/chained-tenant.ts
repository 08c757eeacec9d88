import { randomUUID } from 'node:crypto';
import type { AuditEntry } from '../../lambdas/authority/audit.ts';
import { entryHashOf, genesis, nextLink, type ChainLink } from '../../lambdas/authority/chain-link.ts';
import { accessRegistry } from '../../lambdas/aws/access.ts';
import { chainHeadItem, chainLinkItem, chainMarkItem } from '../../lambdas/aws/chain-items.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { auditItem } from '../../lambdas/aws/items.ts';
import type { Runtime } from '../../local/runtime.ts';
import { auditEntries } from './audit-entries.ts';
import { openSeeding } from './risk-events.ts';

export interface ChainedTenant {
  readonly id: string;
  readonly name: string;
  readonly entries: readonly AuditEntry[];
  readonly links: readonly ChainLink[];
}

/** The links of entries, in their order, behind the last of others. */
export function linksOf(entries: readonly AuditEntry[], behind: readonly ChainLink[] = []): ChainLink[] {
  const links = [...behind];
  for (const entry of entries) links.push(nextLink(links.at(-1) ?? genesis, entry, entryHashOf(entry)));
  return links.slice(behind.length);
}

/** Writes entries with their chain, or more of them, as the service would have: many at a time. The chain goes first, so that the stream's consumer finds it done. */
export async function putChained({ dynamodbEndpoint, tableNames }: Pick<Runtime, 'dynamodbEndpoint' | 'tableNames'>, entries: readonly AuditEntry[], behind: readonly ChainLink[] = []): Promise<ChainLink[]> {
  const seeding = openSeeding(dynamodbEndpoint);
  try {
    const links = linksOf(entries, behind);
    const last = links.at(-1);
    await seeding.putAll(tableNames.registry, links.flatMap((link) => [chainLinkItem(link), chainMarkItem(link)]));
    if (last !== undefined) await seeding.putAll(tableNames.registry, [chainHeadItem(last.tenantId, last)]);
    await seeding.putAll(tableNames.registry, entries.map(auditItem));
    return links;
  } finally {
    seeding.close();
  }
}

/** A tenant of its own with so many entries, chained. */
export async function chainedTenant(runtime: Pick<Runtime, 'dynamodbEndpoint' | 'tableNames'>, entryCount: number): Promise<ChainedTenant> {
  const id = randomUUID();
  const name = `tenant ${id.slice(0, 8)}`;
  await accessRegistry(dynamodb(), runtime.tableNames.registry).putTenant({ id, name, createdAt: new Date().toISOString() });
  const entries = auditEntries(id, entryCount);
  return { id, name, entries, links: await putChained(runtime, entries) };
}
