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
  'certify-agent': { method: 'POST', path: '/agents/{id}/certify', access: 'certificates:issue', summary: 'Issue the agent a certificate' },
  'list-certificates': { method: 'GET', path: '/certificates', access: 'certificates:read', summary: 'List certificates, newest first', query: requests.listCertificatesQuery },
  'get-certificate': { method: 'GET', path: '/certificates/{id}', access: 'certificates:read', summary: 'A certificate' },
  'revoke-certificate': { method: 'POST', path: '/certificates/{id}/revoke', access: 'certificates:revoke', summary: 'Revoke a certificate and suspend its agent', body: requests.revokeCertificateRequest },
  'verify-certificate': { method: 'GET', path: '/verify/{serial}', access: 'public', summary: 'What a certificate says and whether it still holds' },
  'get-authority': { method: 'GET', path: '/ca', aliases: ['/ca/chain'], access: 'public', summary: 'The CA certificates' },
  'get-crl': { method: 'GET', path: '/crl', access: 'public', summary: 'The complete CRL' },
  'post-ocsp': { method: 'POST', path: '/ocsp', access: 'public', summary: 'Whether certificates are revoked, by OCSP (RFC 6960)', body: 'bytes' },
  'get-ocsp': { method: 'GET', path: '/ocsp/{request+}', access: 'public', summary: 'The same for a request in base64 in the path' },
  'get-health': { method: 'GET', path: '/health', access: 'public', summary: 'Whether the service can do its job' },
  'ingest-event': { method: 'POST', path: '/events', access: 'events:write', summary: 'Report what an agent did', body: requests.ingestEventRequest },
  'record-risk-score': { method: 'POST', path: '/risk-scores', access: 'risk:write', summary: "The risk pipeline's verdict on an agent", body: requests.recordRiskScoreRequest },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
