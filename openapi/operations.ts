import * as z from 'zod';
import type { RefusalCode } from '../lambdas/authority/errors.ts';
import type { RouteName } from '../lambdas/routes.ts';
import * as resources from './resources.ts';

/** What lambdas/routes.ts does not say of an endpoint, because its function does not need to know it. */
export interface Operation {
  readonly tag: Tag;
  /** The client's method, `group.method`; without one the client has none. */
  readonly client?: string;
  /** A sentence or two in Markdown, beyond the route's summary. */
  readonly description?: string;
  /** A body that does it. */
  readonly example?: object;
  /** The media type of a body that is not JSON. */
  readonly bodyType?: string;
  readonly answer: Answer;
  /** What it may refuse, beside what every endpoint of its kind refuses (problems.ts). */
  readonly refusals?: readonly RefusalCode[];
}

export interface Answer {
  readonly status: 200 | 201 | 202 | 204;
  /** The body where it is JSON, `{"data": …}` included. */
  readonly json?: z.ZodType;
  /** Other forms, by the media type that the header Accept asks for; the first one is the default where there is no `json`. */
  readonly forms?: Readonly<Record<string, 'text' | 'bytes'>>;
  /** That none of the others comes by default, though there is one in JSON. */
  readonly defaultForm?: string;
}

/** In the order in which the reference shows them. */
export const tags = {
  Agents: 'Who acts. A certificate makes an agent active, a revocation suspends it, and nothing returns from retirement.',
  Certificates: 'One active certificate per agent, whose private key is born in KMS and never leaves it.',
  Signing: 'What an agent signs, and whether it holds. What is signed is the RFC 8785 form of a payload, a digest, or a token.',
  Counterparties: 'Whether a certificate holds, and whom to believe it from. No key is needed.',
  Risk: 'What agents did and how it was judged. A score of 0.85 or more leads to revocation.',
  Audit: 'What was changed, by whom and when. Each entry is written in the transaction of its change.',
  Webhooks: 'HTTPS endpoints that are told of events, each delivery signed. At most 50 of a tenant.',
  Service: 'The service itself.',
} as const;

export type Tag = keyof typeof tags;

const data = (schema: z.ZodType) => z.strictObject({ data: schema });
const page = (schema: z.ZodType, meta: z.ZodType = z.strictObject({ limit: z.int() })) =>
  z.strictObject({ data: z.array(schema), meta, pagination: resources.pagination });

export const operations: Readonly<Record<RouteName, Operation>> = {
  'create-agent': {
    tag: 'Agents', client: 'agents.create',
    description: 'The agent is `pending` until it is certified. `permitted_actions` and `financial_scope` are also read from `metadata`.',
    example: { name: 'Rebalancer', model_hash: 'sha256:9f86d081884c7d65', operator_org: 'Acme Capital', permitted_actions: ['trade:execute'], financial_scope: { max_single_trade_usd: 10_000, daily_limit_usd: 250_000 } },
    answer: { status: 201, json: data(resources.agent) },
  },
  'list-agents': {
    tag: 'Agents', client: 'agents.list',
    description: 'Walking with `cursor` costs the same on every page; `offset` does not. An agent’s own key is shown that agent.',
    answer: { status: 200, json: page(resources.agent, z.strictObject({ total: z.int(), limit: z.int(), offset: z.int() })) },
    refusals: ['INVALID_CURSOR'],
  },
  'get-agent': { tag: 'Agents', client: 'agents.get', answer: { status: 200, json: data(resources.agentWithCertificates) }, refusals: ['AGENT_NOT_FOUND'] },
  'update-agent': {
    tag: 'Agents', client: 'agents.update',
    description: 'A field that is missing stays; `null` clears an optional one. `suspended` and `retired` revoke the active certificate in the same transaction. `active` cannot be set, and `pending` only from `suspended`. A certificate that was issued does not change.',
    example: { description: 'Rebalances portfolios at the end of the day.', status: 'suspended' },
    answer: { status: 200, json: data(resources.agent) },
    refusals: ['AGENT_NOT_FOUND', 'AGENT_CHANGED_MEANWHILE', 'AGENT_RETIRED', 'STATUS_NOT_ALLOWED'],
  },
  'retire-agent': {
    tag: 'Agents', client: 'agents.retire',
    description: 'Revokes the active certificate in the same transaction. It is final.',
    answer: { status: 200, json: data(resources.agent) },
    refusals: ['AGENT_NOT_FOUND', 'AGENT_ALREADY_RETIRED', 'AGENT_CHANGED_MEANWHILE'],
  },
  'halt-agent': {
    tag: 'Agents', client: 'agents.halt',
    description: 'Revokes the active certificate and suspends the agent in one transaction; then the attestation authority signs a receipt. An answer of 200 means that the halt is durable, signed or not. Asked again, it answers the receipt of the same halt.',
    example: { reason: 'kill_switch_activated', operator_note: 'Positions beyond mandate' },
    answer: { status: 200, json: data(resources.halt) },
    refusals: ['AGENT_NOT_FOUND', 'AGENT_ALREADY_RETIRED', 'AGENT_CHANGED_MEANWHILE'],
  },
  'certify-agent': {
    tag: 'Certificates', client: 'agents.certify',
    description: 'A new key is made in KMS, and a certificate for it signed by the issuing CA. The agent becomes `active`.',
    answer: { status: 201, json: data(resources.certificate) },
    refusals: ['AGENT_NOT_FOUND', 'AGENT_RETIRED', 'GRANTEE_NOT_ALLOWED', 'ACTIVE_CERTIFICATE_EXISTS', 'ISSUANCE_IN_PROGRESS', 'ISSUANCE_INTERRUPTED'],
  },
  'sign-message': {
    tag: 'Signing', client: 'agents.sign',
    description: 'Exactly one of `payload`, `digest` and `jwt`. Duplicate keys, lone surrogates, more than 64 levels and numbers that a double does not hold are refused. In a token `iss`, `sub` (the agent’s URI), `iat` and `jti` are set by the service; `exp` is 5 minutes on by default and at most an hour.',
    example: { payload: { amount: 250.5, currency: 'EUR', to: 'DE89 3704 0044 0532 0130 00' } },
    answer: { status: 200, json: data(resources.signature) },
    refusals: ['AGENT_NOT_FOUND', 'AGENT_RETIRED', 'AGENT_SUSPENDED', 'CERTIFICATE_NOT_ACTIVE'],
  },
  'list-certificates': { tag: 'Certificates', client: 'certificates.list', answer: { status: 200, json: page(resources.certificate) }, refusals: ['INVALID_CURSOR'] },
  'get-certificate': { tag: 'Certificates', client: 'certificates.get', answer: { status: 200, json: data(resources.certificate) }, refusals: ['CERTIFICATE_NOT_FOUND'] },
  'revoke-certificate': {
    tag: 'Certificates', client: 'certificates.revoke',
    description: 'It is final. OCSP and `/verify` tell of it from this answer on, CRLs within seconds.',
    example: { reason: 'Key compromise suspected', reason_code: 'keyCompromise' },
    answer: { status: 200, json: data(resources.revocation) },
    refusals: ['CERTIFICATE_NOT_FOUND', 'CERTIFICATE_ALREADY_REVOKED', 'CERTIFICATE_EXPIRED'],
  },
  'renew-certificate': {
    tag: 'Certificates', client: 'certificates.renew',
    description: 'The new certificate becomes active and this one is revoked (`superseded`) in one transaction: the agent is never without one, and never has two.',
    answer: { status: 201, json: data(resources.certificate) },
    refusals: ['CERTIFICATE_NOT_FOUND', 'CERTIFICATE_ALREADY_REVOKED', 'CERTIFICATE_EXPIRED', 'AGENT_RETIRED', 'ISSUANCE_IN_PROGRESS', 'ISSUANCE_INTERRUPTED', 'GRANTEE_NOT_ALLOWED'],
  },
  'verify-certificate': {
    tag: 'Counterparties', client: 'verify.certificate',
    description: 'For any certificate ever issued; 404 means that there never was one, so do not trust whoever presents it. A page for people where `Accept` prefers `text/html`.',
    answer: { status: 200, json: data(resources.verification), forms: { 'text/html': 'text' } },
    refusals: ['CERTIFICATE_NOT_FOUND'],
  },
  'verify-message': {
    tag: 'Counterparties', client: 'verify.message',
    description: '`payload` or `digest`, whichever was signed. 200 with `valid: false` and a `reason` for whatever does not hold.',
    answer: { status: 200, json: data(resources.messageVerification) },
    refusals: ['CERTIFICATE_NOT_FOUND'],
  },
  'get-authority': {
    tag: 'Counterparties', client: 'authority.certificates',
    description: 'By `Accept`: issuing and root certificate as PEM (the default), all of them described in JSON, the issuing one in DER, or issuing and root in a certs-only CMS message. Also at `/ca/chain`. Where the issuing CA was rotated, those before it that still serve stand between the two, and DER is the one that issues now.',
    answer: {
      status: 200, json: data(resources.authorities), defaultForm: 'application/x-pem-file',
      forms: { 'application/x-pem-file': 'text', 'application/pkix-cert': 'bytes', 'application/pkcs7-mime': 'bytes' },
    },
  },
  'get-crl': {
    tag: 'Counterparties', client: 'authority.crl',
    description: 'That of the issuing CA that issues now; of one before it with `generation`, as a CRL has one issuer. The headers X-CRL-Generated-At and X-CRL-Next-Update tell its times. Above 4 MB the answer is a redirection (307) to the file.',
    answer: { status: 200, forms: { 'application/x-pem-file': 'text', 'application/pkix-crl': 'bytes' } },
  },
  'post-ocsp': {
    tag: 'Counterparties', client: 'authority.ocsp', bodyType: 'application/ocsp-request',
    description: 'At most 4,096 bytes and 16 certificates. Errors are OCSP’s own, in an answer of 200.',
    answer: { status: 200, forms: { 'application/ocsp-response': 'bytes' } },
  },
  'get-ocsp': { tag: 'Counterparties', answer: { status: 200, forms: { 'application/ocsp-response': 'bytes' } } },
  'get-health': {
    tag: 'Service', client: 'service.health',
    description: 'Healthy means that the registry answers and that there is an authority to issue with; otherwise 503.',
    answer: { status: 200, json: data(resources.health) },
  },
  'get-openapi': { tag: 'Service', description: 'This document.', answer: { status: 200, json: z.looseObject({ openapi: z.string() }) } },
  'ingest-event': {
    tag: 'Risk', client: 'events.create',
    description: 'Judged by its type, and a transaction by the financial scope that the certificate was issued for.',
    example: { agent_id: '7f9c24e8-3b12-4fef-91e0-1d2c3b4a5f60', action_type: 'transaction_initiated', payload: { amount_usd: 2500, instrument: 'ETH-USD' } },
    answer: { status: 201, json: data(resources.event) },
    refusals: ['AGENT_NOT_FOUND', 'AGENT_RETIRED', 'AGENT_SUSPENDED'],
  },
  'list-events': {
    tag: 'Risk', client: 'events.list',
    description: 'Newest first, by when they were received. With a filter a page may hold fewer events than there are, or none, and say that there is a next one: a request looks through so many and no more. `before` also takes an RFC 3339 time. An agent’s own key is shown that agent’s.',
    answer: { status: 200, json: page(resources.listedEvent).extend({ has_next_page: z.boolean(), next_cursor: z.string().nullable() }) },
    refusals: ['INVALID_CURSOR'],
  },
  'get-agent-risk': {
    tag: 'Risk', client: 'agents.risk',
    description: 'The last UTC days, today included, by when events were received.',
    answer: { status: 200, json: data(resources.riskProfile) },
    refusals: ['AGENT_NOT_FOUND'],
  },
  'list-audit-entries': {
    tag: 'Audit', client: 'audit.list',
    description: 'Newest first. With `event_type` or `actor_type` a page may hold fewer entries than there are, or none, and say that there is a next one: a request looks through so many and no more. `before` also takes an RFC 3339 time.',
    answer: { status: 200, json: page(resources.auditEntry) },
    refusals: ['INVALID_CURSOR'],
  },
  'create-webhook': {
    tag: 'Webhooks', client: 'webhooks.create',
    description: 'The secret is shown in this answer alone, and in that to a repetition with the same `Idempotency-Key`. The host of the URL must be one of the public Internet.',
    example: { url: 'https://example.com/webhooks/kakunin', events: ['certificate.revoked', 'agent.high_risk'], description: 'Gateway in Frankfurt' },
    answer: { status: 201, json: data(resources.newWebhook) },
    refusals: ['WEBHOOK_URL_NOT_ALLOWED', 'WEBHOOK_LIMIT_REACHED'],
  },
  'list-webhooks': { tag: 'Webhooks', client: 'webhooks.list', description: 'All of them, on one page.', answer: { status: 200, json: page(resources.webhook) } },
  'get-webhook': { tag: 'Webhooks', client: 'webhooks.get', answer: { status: 200, json: data(resources.webhook) }, refusals: ['WEBHOOK_NOT_FOUND'] },
  'update-webhook': {
    tag: 'Webhooks', client: 'webhooks.update',
    description: 'A field that is missing stays; `null` clears the description. With `rotate_secret` there is a new secret, shown in this answer alone; for 24 hours deliveries are signed with the one before it as well.',
    example: { rotate_secret: true },
    answer: { status: 200, json: data(resources.changedWebhook) },
    refusals: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_URL_NOT_ALLOWED', 'WEBHOOK_CHANGED_MEANWHILE'],
  },
  'delete-webhook': {
    tag: 'Webhooks', client: 'webhooks.delete',
    description: 'Answers the webhook as it was. What is still on its way to it is cancelled.',
    answer: { status: 200, json: data(resources.webhook) },
    refusals: ['WEBHOOK_NOT_FOUND'],
  },
  'list-webhook-deliveries': {
    tag: 'Webhooks', client: 'webhooks.deliveries',
    description: 'By when their events were; they are kept for 30 days. With `status` a page may hold fewer than there are, or none, and say that there is a next one: a request looks through so many and no more. `before` also takes an RFC 3339 time.',
    answer: { status: 200, json: page(resources.delivery).extend({ has_next_page: z.boolean(), next_cursor: z.string().nullable() }) },
    refusals: ['WEBHOOK_NOT_FOUND', 'INVALID_CURSOR'],
  },
  'record-risk-score': {
    tag: 'Risk', client: 'riskScores.create',
    description: 'For any agent, whatever its status.',
    example: { agent_id: '7f9c24e8-3b12-4fef-91e0-1d2c3b4a5f60', score: 0.91, source: 'drift-monitor', explanation: 'Orders far from the usual size' },
    answer: { status: 202, json: data(resources.riskScore) },
    refusals: ['AGENT_NOT_FOUND'],
  },
};
