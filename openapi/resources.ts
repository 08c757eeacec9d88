import * as z from 'zod';
import { finalReasonCodes } from '../lambdas/authority/revocation-reasons.ts';
import { actorTypes, auditEventTypes } from '../lambdas/authority/audit.ts';
import { announcedEvents } from '../lambdas/authority/announcement.ts';
import { deliveryStatuses } from '../lambdas/authority/webhook.ts';
import { actionTypes, riskBands } from '../lambdas/authority/risk-assessment.ts';

/*
 * What the service answers, field by field, as lambdas/http renders it: snake_case, every field present, null where there
 * is nothing. Strict, so that tests see a field that nobody has described; the document says nothing of other fields, for a
 * later version may answer more.
 */

const uuid = z.uuid();
const time = z.iso.datetime();
const serialNumber = z.string().regex(/^[0-9A-F]{32}$/);
const certificateStatus = z.enum(['active', 'revoked', 'expired']);
const reasonCode = z.enum(finalReasonCodes);
const riskBand = z.enum(riskBands);
const freeForm = z.record(z.string(), z.unknown());

export const financialScope = z.strictObject({
  max_single_trade_usd: z.number(),
  daily_limit_usd: z.number(),
  permitted_instruments: z.array(z.string()),
  permitted_venues: z.array(z.string()),
  leverage_permitted: z.boolean(),
  max_leverage_ratio: z.number(),
}).partial();

export const agent = z.strictObject({
  id: uuid,
  tenant_id: z.string(),
  name: z.string(),
  model: z.string().nullable(),
  model_hash: z.string(),
  version: z.string().nullable(),
  description: z.string().nullable(),
  operator_org: z.string().nullable(),
  permitted_actions: z.array(z.string()),
  financial_scope: financialScope.nullable(),
  metadata: freeForm,
  status: z.enum(['pending', 'active', 'suspended', 'retired']),
  risk_score: z.number().nullable(),
  inbox_address: z.null(),
  created_at: time,
  updated_at: time,
});

export const certificate = z.strictObject({
  id: uuid,
  agent_id: uuid,
  tenant_id: z.string(),
  serial_number: serialNumber,
  certificate_pem: z.string(),
  pem: z.string().describe('The same as `certificate_pem`.'),
  kms_key_arn: z.string(),
  grantee_principal_arn: z.string().nullable(),
  permitted_actions: z.array(z.string()).describe('What the agent may do, as it was signed.'),
  financial_scope: financialScope.nullable().describe('What a transaction may be, as it was signed.'),
  status: certificateStatus,
  issued_at: time,
  expires_at: time,
  revoked_at: time.nullable(),
  revocation_reason: z.string().nullable(),
});

export const agentWithCertificates = agent.extend({ certificates: z.array(certificate).describe('The latest 100, newest first.') });

export const revocation = z.strictObject({
  id: uuid,
  certificate_id: uuid,
  agent_id: uuid,
  serial_number: serialNumber,
  status: z.literal('revoked'),
  revoked_at: time,
  revocation_reason: z.string(),
  reason: z.string().describe('The same as `revocation_reason`.'),
  reason_code: reasonCode,
});

export const haltReceipt = z.strictObject({
  agent_id: uuid,
  certificate_serial: serialNumber.nullable(),
  halted_at: time,
  halt_event_id: uuid,
  reason: z.string(),
  receipt_signature: z.base64().nullable().describe('RSASSA-PKCS1-v1_5 with SHA-256 over the RFC 8785 form of agent_id, certificate_serial, halted_at, halt_event_id and reason, by the attestation authority of `GET /ca`. Null while it could not be made; ask again.'),
  signed_by_ca: z.boolean(),
  audit_logged: z.boolean(),
});

export const halt = z.strictObject({
  agent_id: uuid,
  halt_event_id: uuid,
  certificate_serial: serialNumber.nullable(),
  halted_at: time,
  signature: z.base64().nullable().describe('The same as `receipt_signature` of the receipt.'),
  algorithm: z.literal('RSASSA_PKCS1_V1_5_SHA_256'),
  halt_receipt: haltReceipt,
});

export const signature = z.strictObject({
  signature: z.base64(),
  algorithm: z.literal('RSASSA_PKCS1_V1_5_SHA_256'),
  certificate_serial: serialNumber,
  payload_hash: z.string().regex(/^[0-9a-f]{64}$/).describe('The SHA-256 digest that was signed, in hexadecimal.'),
  signed_at: time,
  token: z.string().optional().describe('The compact JWS, where a `jwt` was asked for.'),
});

export const messageVerification = z.strictObject({
  valid: z.boolean(),
  certificate_status: certificateStatus,
  agent_id: uuid,
  agent_name: z.string(),
  model_hash: z.string(),
  certificate_serial: serialNumber,
  expires_at: time,
  reason: z.enum(['signature_malformed', 'signature_mismatch', 'agent_mismatch', 'certificate_revoked', 'certificate_expired']).nullable().describe('Why it is not valid; null where it is.'),
});

const certified = {
  model_hash: z.string(),
  operator_org: z.string().nullable(),
  permitted_actions: z.array(z.string()),
  financial_scope: financialScope.nullable(),
};

export const verification = z.strictObject({
  serial_number: serialNumber,
  serial: serialNumber.describe('The same as `serial_number`.'),
  status: certificateStatus,
  certificate_status: certificateStatus.describe('The same as `status`.'),
  valid: z.boolean().describe('Whether the certificate is active.'),
  issued_at: time,
  expires_at: time,
  valid_from: time.describe('The same as `issued_at`.'),
  valid_until: time.describe('The same as `expires_at`.'),
  revoked_at: time.nullable(),
  revocation_reason: z.string().nullable(),
  issuer: z.string(),
  agent_id: uuid,
  agent_name: z.string(),
  ...certified,
  halt_receipt: haltReceipt.nullable().describe('Where the certificate was revoked by a halt of its agent.'),
  agent: z.strictObject({ id: uuid, name: z.string(), model: z.string().nullable(), version: z.string().nullable(), ...certified }).describe('What the certificate was issued for, as it was signed.'),
});

export const authorities = z.strictObject({
  certificates: z.array(z.strictObject({
    role: z.enum(['root', 'issuing', 'ocsp', 'attestation']),
    subject: z.string(),
    issuer: z.string().describe('The name of the CA that signed it.'),
    serial_number: serialNumber.describe('32 upper-case hexadecimal digits.'),
    not_before: time,
    not_after: time,
    fingerprint_sha256: z.string(),
    certificate_pem: z.string(),
  })),
  chain_pem: z.string().describe('The issuing and the root certificate, one after the other; between them, where the issuing CA was rotated, those before it that still serve.'),
});

export const health = z.strictObject({
  status: z.literal('ok'),
  checks: z.strictObject({ registry: z.literal('ok'), certificate_authority: z.literal('ok') }),
  time,
});

const risk = { risk_score: z.number(), risk_band: riskBand, revocation_check_queued: z.boolean() };

export const event = z.strictObject({
  id: z.string(),
  event_id: z.string().describe('The same as `id`.'),
  agent_id: uuid,
  action_type: z.enum(actionTypes),
  ...risk,
  factors: z.array(z.string()),
  occurred_at: time,
});

export const listedEvent = z.strictObject({
  id: z.string(),
  agent_id: uuid,
  action_type: z.enum(actionTypes),
  risk_score: z.number(),
  risk_band: riskBand,
  factors: z.array(z.string()),
  occurred_at: time,
  source_ip: z.string().nullable(),
  payload: freeForm,
});

export const riskProfile = z.strictObject({
  agent_id: uuid,
  agent_name: z.string(),
  agent_status: agent.shape.status,
  window_days: z.int(),
  window_start: time.describe('The first moment of the window’s first day.'),
  total_events: z.int(),
  avg_score: z.number().describe('To four digits; 0 where there are no events.'),
  dominant_band: riskBand.describe('The band with the most events, of several the highest; `low` where there are no events.'),
  high_risk_event_count: z.int(),
  event_counts_by_type: z.partialRecord(z.enum(actionTypes), z.strictObject({ count: z.int(), avg_score: z.number() })).describe('The types there are events of.'),
  recent_high_risk_events: z.array(z.strictObject({
    id: z.string(),
    event_id: z.string().describe('The same as `id`.'),
    action_type: z.enum(actionTypes),
    risk_score: z.number(),
    occurred_at: time,
    source_ip: z.string().nullable(),
  })).describe('The latest 10, newest first.'),
  trend: z.array(z.strictObject({ date: z.iso.date(), avg_score: z.number(), event_count: z.int(), dominant_band: riskBand })).describe('Each UTC day of the window, also those without events.'),
  drift: z.strictObject({
    drift_score: z.null(), drift_band: z.null(), contributing_factors: z.null(), computed_at: z.null(), drift_trend: z.null(), baseline_established_at: z.null(), baseline_events_analyzed: z.null(),
  }).describe('Not measured.'),
  risk_score: z.number().describe('The score observed last; 0 where none was.'),
  risk_band: riskBand,
  event_count: z.int().describe('The same as `total_events`.'),
  high_risk_count: z.int().describe('The same as `high_risk_event_count`.'),
  medium_risk_count: z.int(),
  avg_risk_score: z.number().describe('The same as `avg_score`.'),
  computed_at: time,
});

export const auditEntry = z.strictObject({
  id: uuid,
  event_type: z.enum(auditEventTypes),
  actor_type: z.enum(actorTypes),
  actor_id: z.string(),
  description: z.string(),
  affected_id: z.string(),
  metadata: z.record(z.string(), z.string()).describe('What belongs to the change, by name: texts such as `agent_id`, `reason` or `certificate_serial`.'),
  created_at: time,
});

export const webhook = z.strictObject({
  id: uuid,
  url: z.string(),
  events: z.array(z.enum(announcedEvents)),
  description: z.string().nullable(),
  active: z.boolean(),
  created_at: time,
  updated_at: time,
});

const secret = z.string().regex(/^whsec_[A-Za-z0-9+/]{43}=$/);

export const newWebhook = webhook.extend({ secret: secret.describe('What deliveries are signed with. Keep it: it is not shown again.') });

export const changedWebhook = webhook.extend({ secret: secret.optional().describe('The new secret, where one was asked for. Keep it: it is not shown again.') });

export const delivery = z.strictObject({
  id: uuid.describe('The same as `event_id`.'),
  event_id: uuid.describe('The `id` of the payload, the same in each attempt.'),
  event: z.enum(announcedEvents).describe('What it tells of.'),
  status: z.enum(deliveryStatuses).describe('`failed` once it is not tried again by itself; `cancelled` where the webhook was gone or switched off by then.'),
  attempts: z.array(z.strictObject({
    attempted_at: time,
    status_code: z.int().nullable().describe('Of the receiver’s answer; null where there was none.'),
    error: z.string().nullable().describe('Why it counts as failed; null where it does not.'),
    duration_ms: z.number(),
  })).describe('The first of them first.'),
  next_attempt_at: time.nullable().describe('When it is tried again; null where it is not.'),
  created_at: time,
  payload: z.strictObject({ id: uuid, event: z.enum(announcedEvents), tenant_id: z.string(), created_at: time, data: z.record(z.string(), z.string()) }).describe('What was sent.'),
});

export const riskScore = z.strictObject({
  id: z.string(),
  agent_id: uuid,
  score: z.number(),
  ...risk,
  observed_at: time,
});

export const pagination = z.strictObject({
  limit: z.int(),
  has_next_page: z.boolean(),
  next_cursor: z.string().nullable().describe('What to send as `cursor` for the next page; null on the last one.'),
});

export const problem = z.strictObject({
  error: z.string().describe('One sentence for a person: what is wrong, and what to do next.'),
  code: z.string().describe('Stable, for programs.'),
  request_id: z.string().describe('The same as the header x-request-id.'),
  issues: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional().describe('What is wrong with which field, with `VALIDATION_FAILED`.'),
  data: z.record(z.string(), z.string()).optional().describe('What a client may act on, such as `certificate_id`.'),
});
