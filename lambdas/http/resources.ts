import type { Agent, FinancialScope } from '../authority/agent.ts';
import { statusAt, type Certificate, type CertificateStatus } from '../authority/certificate.ts';
import { haltReceiptOn } from '../authority/halt-receipt.ts';
import type { RiskRecord } from '../authority/ports.ts';
import type { RevokedCertificate } from '../authority/revoke-certificate.ts';
import { riskBand } from '../authority/risk-assessment.ts';
import { serialNumberOf } from '../pki/serial-number.ts';
import { haltReceiptResource } from './halt-resource.ts';

/* Records as the API shows them: snake_case, every documented field present, null where there is nothing. */

/** Certificate times are whole seconds, as in the certificate itself. */
export const wholeSeconds = (time: string) => `${time.slice(0, 19)}Z`;

export function agentResource(agent: Agent) {
  return {
    id: agent.id,
    tenant_id: agent.tenantId,
    name: agent.name,
    model: agent.model ?? null,
    model_hash: agent.modelHash,
    version: agent.version ?? null,
    description: agent.description ?? null,
    operator_org: agent.operatorOrg ?? null,
    permitted_actions: agent.permittedActions,
    financial_scope: financialScopeResource(agent.financialScope),
    metadata: agent.metadata,
    status: agent.status,
    risk_score: agent.riskScore ?? null,
    inbox_address: null,
    created_at: agent.createdAt,
    updated_at: agent.updatedAt,
  };
}

/** The limits there are, in a fixed order; what is not limited is left out, as in the certificate. */
function financialScopeResource(scope: FinancialScope | undefined): FinancialScope | null {
  if (scope === undefined) return null;
  const named = financialLimits.flatMap((limit) => (scope[limit] === undefined ? [] : [[limit, scope[limit]]]));
  return Object.fromEntries(named) as FinancialScope;
}

const financialLimits = [
  'max_single_trade_usd', 'daily_limit_usd', 'permitted_instruments', 'permitted_venues', 'leverage_permitted', 'max_leverage_ratio',
] as const satisfies (keyof FinancialScope)[];

export function certificateResource(certificate: Certificate, now: string) {
  const { permittedActions, financialScope } = certificate.certified;
  return {
    id: certificate.id,
    agent_id: certificate.agentId,
    tenant_id: certificate.tenantId,
    serial_number: serialNumberOf(certificate.id),
    certificate_pem: certificate.certificatePem,
    pem: certificate.certificatePem,
    kms_key_arn: certificate.keyArn,
    grantee_principal_arn: certificate.granteePrincipalArn ?? null,
    permitted_actions: permittedActions,
    financial_scope: financialScopeResource(financialScope),
    status: statusAt(certificate, now),
    issued_at: wholeSeconds(certificate.issuedAt),
    expires_at: wholeSeconds(certificate.expiresAt),
    ...revocationFields(certificate),
  };
}

export function revocationResource(certificate: RevokedCertificate) {
  return {
    id: certificate.id,
    certificate_id: certificate.id,
    agent_id: certificate.agentId,
    serial_number: serialNumberOf(certificate.id),
    status: certificate.status,
    ...revocationFields(certificate),
    reason: certificate.revocationReason,
    reason_code: certificate.reasonCode,
  };
}

function revocationFields({ revokedAt, revocationReason }: Certificate) {
  return {
    revoked_at: revokedAt === undefined ? null : wholeSeconds(revokedAt),
    revocation_reason: revocationReason ?? null,
  };
}

/** What anyone may know of a certificate: what was signed, and whether it still holds at `now`. */
export function verificationResource(certificate: Certificate, now: string) {
  const status: CertificateStatus = statusAt(certificate, now);
  const { certified } = certificate;
  const receipt = haltReceiptOn(certificate);
  const serialNumber = serialNumberOf(certificate.id);
  const issuedAt = wholeSeconds(certificate.issuedAt);
  const expiresAt = wholeSeconds(certificate.expiresAt);
  const says = {
    model_hash: certified.modelHash,
    operator_org: certified.operatorOrg ?? null,
    permitted_actions: certified.permittedActions,
    financial_scope: financialScopeResource(certified.financialScope),
  };
  return {
    serial_number: serialNumber,
    serial: serialNumber,
    status,
    certificate_status: status,
    valid: status === 'active',
    issued_at: issuedAt,
    expires_at: expiresAt,
    valid_from: issuedAt,
    valid_until: expiresAt,
    ...revocationFields(certificate),
    issuer: certificate.issuer,
    agent_id: certificate.agentId,
    agent_name: certified.name,
    ...says,
    halt_receipt: receipt === undefined ? null : haltReceiptResource(receipt),
    agent: { id: certificate.agentId, name: certified.name, model: certified.model ?? null, version: certified.version ?? null, ...says },
  };
}

export function riskFields(score: number, revocationThreshold: number) {
  return { risk_score: score, risk_band: riskBand(score), revocation_check_queued: score >= revocationThreshold };
}

export function riskScoreResource(record: RiskRecord, revocationThreshold: number) {
  return {
    id: record.id,
    agent_id: record.agentId,
    score: record.score,
    ...riskFields(record.score, revocationThreshold),
    observed_at: record.observedAt,
  };
}
