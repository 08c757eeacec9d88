import { randomUUID } from 'node:crypto';
import type { Tenant } from '../../lambdas/authority/api-key.ts';
import type { Outcome, Services } from './commands.ts';
import { NotDone } from './failures.ts';
import { nameOf } from './name.ts';
import { renderTable } from './table.ts';

const tenantJson = ({ id, name, createdAt }: Tenant) => ({ id, name, created_at: createdAt });

/** Adds a tenant. Two may have the same name: what tells them apart is the id. */
export async function createTenant({ access, now }: Services, name: string): Promise<Outcome> {
  const tenant: Tenant = { id: randomUUID(), name: nameOf('tenant', name), createdAt: now.toISOString() };
  await access.putTenant(tenant);
  return {
    json: tenantJson(tenant),
    lines: [`Created tenant ${tenant.name} with the id`, '', `  ${tenant.id}`, '', `Give it a key with: npm run admin -- key create ${tenant.id} --name <name>`],
  };
}

/** All tenants, oldest first. */
export async function listTenants({ access }: Services): Promise<Outcome> {
  const tenants = (await access.listTenants()).toSorted((one, other) => one.createdAt.localeCompare(other.createdAt));
  return {
    json: tenants.map(tenantJson),
    lines: tenants.length === 0
      ? ['There is no tenant yet. Create one with: npm run admin -- tenant create <name>']
      : renderTable(tenants.map(({ id, createdAt, name }) => [id, createdAt.slice(0, 10), name]), { header: ['TENANT', 'CREATED', 'NAME'] }),
  };
}

/** The tenant with this id. Throws NotDone where there is none. */
export async function existingTenant({ access }: Pick<Services, 'access'>, tenantId: string): Promise<Tenant> {
  const tenant = await access.getTenant(tenantId.toLowerCase());
  if (tenant === undefined) throw new NotDone(`There is no tenant "${tenantId}": take an id from "tenant list".`);
  return tenant;
}
