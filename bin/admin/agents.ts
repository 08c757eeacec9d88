import type { Agent } from '../../lambdas/authority/agent.ts';
import { riskBand } from '../../lambdas/authority/risk-assessment.ts';
import { agentResource, certificateResource } from '../../lambdas/http/resources.ts';
import { allPages } from './all-pages.ts';
import { certificateRows } from './certificates.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { NotDone } from './failures.ts';
import { oneOf } from './option-values.ts';
import { renderTable } from './table.ts';
import { existingTenant } from './tenants.ts';

const statuses = ['pending', 'active', 'suspended', 'retired'] as const;

const risk = ({ riskScore }: Agent) => (riskScore === undefined ? '-' : `${riskScore} ${riskBand(riskScore)}`);

/** A tenant's agents, newest first. */
export async function listAgents(services: Services, tenantId: string, options: CommandOptions): Promise<Outcome> {
  const status = options.status === undefined ? undefined : oneOf('status', options.status, statuses);
  const tenant = await existingTenant(services, tenantId);
  const agents = await allPages(options.limit, (page) => services.registry.listAgents(tenant.id, { status, offset: 0, ...page }));
  const now = services.now.toISOString();
  const rows = agents.map((agent) => [agent.id, agent.status, risk(agent), certifiedUntil(agent, now), agent.createdAt.slice(0, 10), agent.name]);
  return {
    json: agents.map(agentResource),
    lines: agents.length === 0
      ? [`Tenant ${tenant.name} has no ${status === undefined ? '' : `${status} `}agent.`]
      : renderTable(rows, { header: ['AGENT', 'STATUS', 'RISK', 'CERTIFIED UNTIL', 'CREATED', 'NAME'] }),
  };
}

/** One agent with all its certificates, whoever's it is. */
export async function showAgent({ registry, now: at }: Services, agentId: string): Promise<Outcome> {
  const agent = await registry.getAgent(agentId.toLowerCase());
  if (agent === undefined) throw new NotDone(`There is no agent "${agentId}": take an id from "agent list".`);
  const now = at.toISOString();
  const certificates = await allPages(undefined, (page) => registry.listCertificates(agent.tenantId, { agentId: agent.id, now, ...page }));
  return {
    json: { ...agentResource(agent), certificates: certificates.map((certificate) => certificateResource(certificate, now)) },
    lines: [
      ...renderTable([
        ['Agent', agent.id],
        ['Name', agent.name],
        ['Tenant', agent.tenantId],
        ['Status', agent.status],
        ['Risk', risk(agent)],
        ['Model', [agent.model, agent.version, agent.modelHash].filter(Boolean).join(', ')],
        ['May', agent.permittedActions.join(', ') || '-'],
        ...Object.entries(agent.financialScope ?? {}).map(([limit, value], index) => [index === 0 ? 'Within' : '', `${limit} ${Array.isArray(value) ? value.join(', ') : String(value)}`]),
        ['Created', agent.createdAt],
        ['Changed', agent.updatedAt],
        ...(agent.halt === undefined ? [] : [['Halted', `${agent.halt.haltedAt}: ${agent.halt.reason}`]]),
        ['Key', certifiedUntil(agent, now) === '-' ? '-' : agent.activeCertificate?.keyArn ?? '-'],
      ]),
      '',
      ...(certificates.length === 0 ? ['It has never been certified.'] : certificateRows(certificates, now)),
    ],
  };
}

function certifiedUntil({ activeCertificate }: Agent, now: string): string {
  return activeCertificate !== undefined && activeCertificate.expiresAt > now ? activeCertificate.expiresAt.slice(0, 10) : '-';
}
