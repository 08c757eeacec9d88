import { statusAt, type Certificate } from '../../lambdas/authority/certificate.ts';
import { certificateResource } from '../../lambdas/http/resources.ts';
import { certificateIdOf, parseSerialNumber, serialNumberOf } from '../../lambdas/pki/serial-number.ts';
import { certificateTable } from '../demo/certificate-table.ts';
import { allPages } from './all-pages.ts';
import type { CommandOptions, Outcome, Services } from './commands.ts';
import { NotDone } from './failures.ts';
import { oneOf } from './option-values.ts';
import { renderTable } from './table.ts';
import { existingTenant } from './tenants.ts';

const statuses = ['active', 'revoked', 'expired'] as const;

/** A tenant's certificates, or one agent's, newest first. */
export async function listCertificates(services: Services, tenantId: string, options: CommandOptions): Promise<Outcome> {
  const status = options.status === undefined ? undefined : oneOf('status', options.status, statuses);
  const agentId = options.agent?.toLowerCase();
  const tenant = await existingTenant(services, tenantId);
  const now = services.now.toISOString();
  const certificates = await allPages(options.limit, (page) => services.registry.listCertificates(tenant.id, { agentId, status, now, ...page }));
  return {
    json: certificates.map((certificate) => certificateResource(certificate, now)),
    lines: certificates.length === 0
      ? [`${agentId === undefined ? `Tenant ${tenant.name}` : `Agent ${agentId} of tenant ${tenant.name}`} has no ${status === undefined ? '' : `${status} `}certificate.`]
      : certificateRows(certificates, now),
  };
}

/** One certificate in words, whoever's it is, by its id or by its serial number in any spelling. */
export async function showCertificate({ registry, now: at }: Services, spelling: string): Promise<Outcome> {
  const serialNumber = parseSerialNumber(spelling);
  const certificate = serialNumber && (await registry.getCertificate(certificateIdOf(serialNumber)));
  if (!certificate) throw new NotDone(`There is no certificate "${spelling}": take an id or a serial number from "certificate list", or what openssl x509 -noout -serial prints.`);
  const now = at.toISOString();
  const { revokedAt, revocationReason, reasonCode } = certificate;
  return {
    json: certificateResource(certificate, now),
    lines: [
      ...renderTable([
        ['Certificate', certificate.id],
        ['Agent', `${certificate.agentId} (${certificate.certified.name})`],
        ['Status', statusAt(certificate, now)],
        ...(revokedAt === undefined ? [] : [['Revoked', `${revokedAt}, ${reasonCode}: ${revocationReason}`]]),
        ['CRL shard', String(certificate.crlShard)],
        ...(certificate.granteePrincipalArn === undefined ? [] : [['Grantee', certificate.granteePrincipalArn]]),
      ]),
      '',
      ...certificateTable(certificate.certificatePem, certificate.keyArn),
    ],
  };
}

/** Certificates at a glance: a line for each, below a header. */
export function certificateRows(certificates: readonly Certificate[], now: string): string[] {
  const rows = certificates.map((certificate) => {
    const { id, agentId, issuedAt, expiresAt, reasonCode } = certificate;
    return [serialNumberOf(id), statusAt(certificate, now), issuedAt.slice(0, 10), expiresAt.slice(0, 10), agentId, reasonCode ?? '-'];
  });
  return renderTable(rows, { header: ['SERIAL NUMBER', 'STATUS', 'ISSUED', 'EXPIRES', 'AGENT', 'REVOKED FOR'] });
}
