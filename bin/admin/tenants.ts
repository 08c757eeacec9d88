import { randomUUID } from 'node:crypto';
import type { Tenant } from '../../lambdas/authority/api-key.ts';
import { standardPlan } from '../../lambdas/rate-limits.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { NotDone } from './failures.ts';
import { nameOf } from './name.ts';
import { renderTable } from './table.ts';
import type { UsagePlans } from './usage-plans.ts';

const tenantJson = ({ id, name, createdAt }: Tenant, plan?: string | null) => ({ id, name, created_at: createdAt, ...(plan !== undefined && { plan }) });

/** Adds a tenant. Two may have the same name: what tells them apart is the id. */
export async function createTenant(services: Services, name: string, { plan }: CommandOptions): Promise<Outcome> {
  const { access, now, usagePlans } = services;
  const tenant: Tenant = { id: randomUUID(), name: nameOf('tenant', name), createdAt: now.toISOString() };
  // The plan first: a tenant without one is refused everything.
  if (usagePlans !== undefined || plan !== undefined) await plansOf(services).put(tenant.id, plan ?? standardPlan);
  await access.putTenant(tenant);
  return {
    json: tenantJson(tenant, usagePlans && (plan ?? standardPlan)),
    lines: [`Created tenant ${tenant.name} with the id`, '', `  ${tenant.id}`, '', `Give it a key with: npm run admin -- key create ${tenant.id} --name <name>`],
  };
}

/** All tenants, oldest first, with their usage plans where there are any. */
export async function listTenants({ access, usagePlans }: Services): Promise<Outcome> {
  const plans = await usagePlans?.list();
  const tenants = await tenantsByAge(access);
  const planOf = ({ id }: Tenant) => plans && (plans.get(id) ?? null);
  const rows = tenants.map((tenant) => [tenant.id, tenant.createdAt.slice(0, 10), ...(plans === undefined ? [] : [planOf(tenant) ?? 'none']), tenant.name]);
  return {
    json: tenants.map((tenant) => tenantJson(tenant, planOf(tenant))),
    lines: tenants.length === 0
      ? ['There is no tenant yet. Create one with: npm run admin -- tenant create <name>']
      : renderTable(rows, { header: ['TENANT', 'CREATED', ...(plans === undefined ? [] : ['PLAN']), 'NAME'] }),
  };
}

/** Puts a tenant into another usage plan. Doing so again changes nothing and is no mistake. */
export async function changePlan(services: Services, tenantId: string, { plan = standardPlan }: CommandOptions): Promise<Outcome> {
  const tenant = await existingTenant(services, tenantId);
  await plansOf(services).put(tenant.id, plan);
  return { json: tenantJson(tenant, plan), lines: [`Tenant ${tenant.name} is in the usage plan ${plan}. API Gateway may take a minute to go by it.`] };
}

/** Puts every tenant that is in no usage plan into the standard one; the others stay where they are. */
export async function repairPlans({ access, usagePlans, progress }: Services): Promise<Outcome> {
  if (usagePlans === undefined) return { json: [], lines: ['There are no usage plans here, and none are missing: every tenant is held to the standard one.'] };
  const plans = await usagePlans.list();
  const without = (await tenantsByAge(access)).filter(({ id }) => !plans.has(id));
  for (const tenant of without) {
    await usagePlans.put(tenant.id, standardPlan);
    progress(`Tenant ${tenant.name} is in the usage plan ${standardPlan} now.`);
  }
  return {
    json: without.map((tenant) => tenantJson(tenant, standardPlan)),
    lines: [without.length === 0 ? 'Every tenant is in a usage plan.' : `${without.length} ${without.length === 1 ? 'tenant was' : 'tenants were'} in no usage plan. API Gateway may take a minute to let them in.`],
  };
}

/** The tenant with this id. Throws NotDone where there is none. */
export async function existingTenant({ access }: Pick<Services, 'access'>, tenantId: string): Promise<Tenant> {
  const tenant = await access.getTenant(tenantId.toLowerCase());
  if (tenant === undefined) throw new NotDone(`There is no tenant "${tenantId}": take an id from "tenant list".`);
  return tenant;
}

const tenantsByAge = async (access: Services['access']) => (await access.listTenants()).toSorted((one, other) => one.createdAt.localeCompare(other.createdAt));

function plansOf({ usagePlans }: Services): UsagePlans {
  if (usagePlans === undefined) throw new NotDone(`There are no usage plans to choose from here: a service started with npm start holds every tenant to the plan ${standardPlan}.`);
  return usagePlans;
}
