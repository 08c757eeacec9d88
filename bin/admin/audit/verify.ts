import type { Tenant } from '../../../lambdas/authority/api-key.ts';
import { genesis, type ChainPosition } from '../../../lambdas/authority/chain-link.ts';
import { readProgress } from '../../../lambdas/aws/audit-exports.ts';
import type { CommandOptions, Outcome, Services } from '../commands.ts';
import { NotDone } from '../failures.ts';
import { renderTable } from '../table.ts';
import { readAttestation, type Attestation } from './attestation.ts';
import { walkChain } from './chain.ts';
import { walkExport } from './export.ts';
import { startFindings, type Finding } from './findings.ts';
import { openSignedHeads } from './signed-heads.ts';
import { walkEntries } from './unchained.ts';

interface Report {
  readonly tenant_id: string;
  readonly name: string | null;
  readonly links: number;
  readonly signed_through: number;
  readonly exported_through: number;
  readonly entries: number;
  readonly unchained: number;
  readonly findings: readonly Finding[];
  /** Those that are not listed included. */
  readonly finding_count: number;
}

const reportMilliseconds = 5_000;

/**
 * Verifies the audit trail of every tenant, or of one: reads all of it, computes every hash anew, and says what does not hold.
 * What is written meanwhile is no mistake. Reads a thousand links at a time.
 */
export async function verifyAudit(services: Services, _operand: string, options: CommandOptions): Promise<Outcome> {
  const tenants = await tenantsOf(services, options.tenant);
  const attestation = await readAttestation(services.registry);
  const reports: Report[] = [];
  for (const tenant of tenants) reports.push(await verifyTenant(services, tenant, { attestation, withExport: options.export === true }));
  const broken = reports.filter(({ finding_count: count }) => count > 0);
  const rows = reports.map((report) => [
    report.tenant_id, ...[report.entries, report.links, report.unchained, report.signed_through, report.exported_through].map(String),
    report.finding_count === 0 ? 'holds' : `${report.finding_count} ${report.finding_count === 1 ? 'finding' : 'findings'}`, report.name ?? '-',
  ]);
  return {
    json: { root_fingerprint_sha256: attestation.rootFingerprint, tenants: reports },
    lines: [
      ...renderTable(rows, { header: ['TENANT', 'ENTRIES', 'LINKS', 'UNCHAINED', 'SIGNED TO', 'EXPORTED TO', 'AUDIT TRAIL', 'NAME'], rightAligned: [1, 2, 3, 4, 5] }),
      ...broken.flatMap((report) => [
        '', `Tenant ${report.name ?? ''} ${report.tenant_id}:`, ...report.findings.map(({ where, problem }) => `  ${where}: ${problem}.`),
        ...(report.finding_count > report.findings.length ? [`  and ${report.finding_count - report.findings.length} more.`] : []),
      ]),
      '', `Signatures were held against the root certificate with the SHA-256 fingerprint ${attestation.rootFingerprint}.`,
    ],
    ...(broken.length > 0 && { undone: `The audit trail of ${broken.length} of ${reports.length} tenants does not hold: see docs/audit-trail.md for what each finding means and what to do.` }),
  };
}

/** The tenants there are, and those of whom there is nothing left but a chain. */
async function tenantsOf({ access, auditChains }: Services, wanted: string | undefined): Promise<Pick<Tenant, 'id' | 'name'>[]> {
  const named = wanted === undefined ? undefined : await access.getTenant(wanted.toLowerCase());
  if (named !== undefined) return [named];
  const known = await access.listTenants();
  if (wanted !== undefined) {
    const found = known.filter(({ name }) => name === wanted);
    if (found.length === 1) return found;
    throw new NotDone(found.length === 0 ? `There is no tenant "${wanted}": take an id or a name from "tenant list".` : `There are ${found.length} tenants of the name "${wanted}": take the id of one from "tenant list".`);
  }
  const chained = await auditChains.listTenants();
  const ids = new Set(known.map(({ id }) => id));
  return [...known.toSorted((one, other) => one.createdAt.localeCompare(other.createdAt)), ...chained.filter((id) => !ids.has(id)).map((id) => ({ id, name: '' }))];
}

async function verifyTenant(services: Services, { id, name }: Pick<Tenant, 'id' | 'name'>, { attestation, withExport }: { attestation: Attestation; withExport: boolean }): Promise<Report> {
  const { inspection, auditArchive, now, progress } = services;
  const findings = startFindings();
  // What is noted of it first: by the time that it is compared, the chain can only have gone further.
  const exported = readProgress(await inspection.progress(id)) ?? { done: genesis, goal: genesis };
  const signedHeads = await openSignedHeads(id, { inspection, attestation, findings });
  if (signedHeads.through < exported.done.sequence) findings.add(`signed head ${exported.done.sequence}`, 'It was removed: the chain was exported that far, and signed');
  const noted = new Map<string, ChainPosition>([['export’s progress', exported.done], ['export’s goal', exported.goal]]);
  const say = pacing(progress, name === '' ? id : name);
  const links = await walkChain({ tenantId: id, inspection, signedHeads, noted, findings, progress: (done, all) => say(`${done} of ${all} links`) });
  const { entries, unchained } = await walkEntries({ tenantId: id, inspection, findings, now, progress: (done) => say(`${done} entries`) });
  const exportedThrough = withExport ? await walkExport({ tenantId: id, inspection, archive: auditArchive, attestation, findings, done: exported.done }) : exported.done.sequence;
  return {
    tenant_id: id, name: name === '' ? null : name, links, signed_through: signedHeads.through, exported_through: exportedThrough, entries, unchained,
    findings: findings.shown, finding_count: findings.count,
  };
}

function pacing(progress: (sentence: string) => void, tenant: string) {
  let reportAt = performance.now() + reportMilliseconds;
  return (what: string) => {
    if (performance.now() < reportAt) return;
    reportAt = performance.now() + reportMilliseconds;
    progress(`${tenant}: looked at ${what}.`);
  };
}
