import type { z } from 'zod';
import type { Scope } from './authority/scopes.ts';
import * as requests from './http/requests.ts';

/**
 * The one table of endpoints. API Gateway (lib/api.ts), the local gateway (local/gateway.ts) and the endpoint wrapper
 * (lambdas/http/endpoint.ts) are all driven by it; a route's name is also the file name of its handler.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `basePath`, in API Gateway's notation. */
  readonly path: string;
  /** Other paths that answer the same. */
  readonly aliases?: readonly string[];
  /** The scope an API key needs, or `public` where no key is asked for. */
  readonly access: Scope | 'public';
  readonly summary: string;
  /** A schema of JSON, or `bytes` where the body is handed over as it came, however long. */
  readonly body?: z.ZodType | 'bytes';
  /** For what is signed: whatever two readers of the body could take for different values is refused (http/strict-json.ts). */
  readonly strictJson?: true;
  readonly query?: z.ZodType;
}

/** Every path starts here: the API Gateway stage is called v1. */
export const basePath = '/v1';

/** A JSON body may hold this many bytes and no more (413 beyond). */
export const maximumBodyBytes = 64 * 1024;

export const routes = {
  'create-agent': { method: 'POST', path: '/agents', access: 'agents:write', summary: 'Register an agent', body: requests.createAgentRequest },
  'list-agents': { method: 'GET', path: '/agents', access: 'agents:read', summary: 'List agents, newest first', query: requests.listAgentsQuery },
  'get-agent': { method: 'GET', path: '/agents/{id}', access: 'agents:read', summary: 'An agent and its certificates' },
  'update-agent': { method: 'PATCH', path: '/agents/{id}', access: 'agents:write', summary: 'Change, suspend or retire an agent', body: requests.updateAgentRequest },
  'retire-agent': { method: 'DELETE', path: '/agents/{id}', access: 'agents:write', summary: 'Retire an agent for ever' },
  'halt-agent': { method: 'POST', path: '/agents/{id}/halt', access: 'certificates:revoke', summary: 'Halt an agent at once, with a signed receipt', body: requests.haltAgentRequest },
  'certify-agent': { method: 'POST', path: '/agents/{id}/certify', access: 'certificates:issue', summary: 'Issue the agent a certificate', body: requests.certifyAgentRequest },
  'sign-message': { method: 'POST', path: '/agents/{id}/sign', access: 'agents:sign', summary: "Sign with the key of the agent's certificate", body: requests.signMessageRequest, strictJson: true },
  'list-certificates': { method: 'GET', path: '/certificates', access: 'certificates:read', summary: 'List certificates, newest first', query: requests.listCertificatesQuery },
  'get-certificate': { method: 'GET', path: '/certificates/{id}', access: 'certificates:read', summary: 'A certificate' },
  'revoke-certificate': { method: 'POST', path: '/certificates/{id}/revoke', access: 'certificates:revoke', summary: 'Revoke a certificate and suspend its agent', body: requests.revokeCertificateRequest },
  'renew-certificate': { method: 'POST', path: '/certificates/{id}/renew', access: 'certificates:issue', summary: 'Put a new key and certificate in the place of the active one' },
  'verify-certificate': { method: 'GET', path: '/verify/{serial}', access: 'public', summary: 'What a certificate says and whether it still holds' },
  'verify-message': { method: 'POST', path: '/verify/message', access: 'public', summary: 'Whether an agent signed a message, and its certificate still holds', body: requests.verifyMessageRequest, strictJson: true },
  'get-authority': { method: 'GET', path: '/ca', aliases: ['/ca/chain'], access: 'public', summary: 'The CA certificates' },
  'get-crl': { method: 'GET', path: '/crl', access: 'public', summary: 'The complete CRL', query: requests.crlQuery },
  'post-ocsp': { method: 'POST', path: '/ocsp', access: 'public', summary: 'Whether certificates are revoked, by OCSP (RFC 6960)', body: 'bytes' },
  'get-ocsp': { method: 'GET', path: '/ocsp/{request+}', access: 'public', summary: 'The same for a request in base64 in the path' },
  'get-openapi': { method: 'GET', path: '/openapi.json', access: 'public', summary: 'This API, described by OpenAPI 3.1' },
  'get-health': { method: 'GET', path: '/health', access: 'public', summary: 'Whether the service can do its job' },
  'get-agent-risk': { method: 'GET', path: '/agents/{id}/risk', access: 'events:read', summary: 'How an agent has behaved on the last days', query: requests.agentRiskQuery },
  'list-events': { method: 'GET', path: '/events', access: 'events:read', summary: 'What agents did, newest first', query: requests.listEventsQuery },
  'ingest-event': { method: 'POST', path: '/events', access: 'events:write', summary: 'Report what an agent did', body: requests.ingestEventRequest },
  'record-risk-score': { method: 'POST', path: '/risk-scores', access: 'risk:write', summary: "The risk pipeline's verdict on an agent", body: requests.recordRiskScoreRequest },
  'create-webhook': { method: 'POST', path: '/webhooks', access: 'webhooks:write', summary: 'Have an HTTPS endpoint told of events', body: requests.createWebhookRequest },
  'list-webhooks': { method: 'GET', path: '/webhooks', access: 'webhooks:read', summary: 'List webhooks, newest first' },
  'get-webhook': { method: 'GET', path: '/webhooks/{id}', access: 'webhooks:read', summary: 'A webhook' },
  'update-webhook': { method: 'PATCH', path: '/webhooks/{id}', access: 'webhooks:write', summary: 'Change a webhook, or give it a new secret', body: requests.updateWebhookRequest },
  'delete-webhook': { method: 'DELETE', path: '/webhooks/{id}', access: 'webhooks:write', summary: 'Delete a webhook' },
  'list-webhook-deliveries': { method: 'GET', path: '/webhooks/{id}/deliveries', access: 'webhooks:read', summary: 'What a webhook was told, and how that went, newest first', query: requests.listWebhookDeliveriesQuery },
  'list-audit-entries': { method: 'GET', path: '/audit-log', access: 'audit:read', summary: 'What was changed and by whom, newest first', query: requests.listAuditEntriesQuery },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** The routes that change something in a tenant's name: their requests may carry an Idempotency-Key (http/idempotency.ts). */
export type MutationName = { [Name in RouteName]: (typeof routes)[Name] extends { method: 'GET' } | { access: 'public' } ? never : Name }[RouteName];

export function isMutation(name: string): name is MutationName {
  const route = (routes as Readonly<Record<string, Route>>)[name];
  return route !== undefined && route.method !== 'GET' && route.access !== 'public';
}
