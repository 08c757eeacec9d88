/** Everything the authority may refuse, each under the stable code that clients see. lambdas/http/problem.ts maps it to HTTP. */
export type RefusalCode =
  | 'AGENT_NOT_FOUND'
  | 'AGENT_RETIRED'
  | 'AGENT_ALREADY_RETIRED'
  | 'AGENT_SUSPENDED'
  | 'AGENT_CHANGED_MEANWHILE'
  | 'STATUS_NOT_ALLOWED'
  | 'ACTIVE_CERTIFICATE_EXISTS'
  | 'ISSUANCE_IN_PROGRESS'
  | 'ISSUANCE_INTERRUPTED'
  | 'GRANTEE_NOT_ALLOWED'
  | 'CERTIFICATE_NOT_FOUND'
  | 'CERTIFICATE_ALREADY_REVOKED'
  | 'CERTIFICATE_EXPIRED'
  | 'CERTIFICATE_NOT_ACTIVE'
  | 'WEBHOOK_NOT_FOUND'
  | 'WEBHOOK_CHANGED_MEANWHILE'
  | 'WEBHOOK_LIMIT_REACHED'
  | 'WEBHOOK_URL_NOT_ALLOWED'
  | 'INVALID_CURSOR'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'REQUEST_IN_PROGRESS'
  | 'CA_NOT_INITIALISED'
  | 'CA_REVOKED'
  | 'KMS_CREDENTIALS_NOT_CONFIGURED'
  | 'KMS_UNAVAILABLE'
  | 'REGISTRY_UNAVAILABLE'
  | 'DISTRIBUTION_UNAVAILABLE';

/** A request that was understood and refused; nothing was changed. The message is one sentence for the client, free of internals. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  /** Facts a client may act on, such as the certificate that stands in the way. */
  readonly data: Readonly<Record<string, string>> | undefined;

  constructor(code: RefusalCode, message: string, options: { data?: Readonly<Record<string, string>>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data;
  }
}

/** Unknown and another tenant's are answered alike, so that nobody learns what exists elsewhere. */
export const agentNotFound = () =>
  new Refusal('AGENT_NOT_FOUND', 'There is no such agent. Check the id, or list your agents with GET /v1/agents.');

export const certificateNotFound = () =>
  new Refusal('CERTIFICATE_NOT_FOUND', 'There is no such certificate. Check the id, or list yours with GET /v1/certificates.');

export const certificateNeverIssued = () =>
  new Refusal('CERTIFICATE_NOT_FOUND', 'No certificate with this serial number was ever issued here. Do not trust whoever presents it.');

export const authorityRevoked = () =>
  new Refusal('CA_REVOKED', 'The certificate authority was revoked, so it issues nothing any more. Try again when the operator has put another one in its place.');

export const authorityNotInitialised = () =>
  new Refusal('CA_NOT_INITIALISED', 'The certificate authority has not been set up yet. Try again when the deployment has finished.');

export const agentRetired = () =>
  new Refusal('AGENT_RETIRED', 'This agent is retired for ever. Register a new agent with POST /v1/agents.');

export const agentAlreadyRetired = () =>
  new Refusal('AGENT_ALREADY_RETIRED', 'The agent is retired already, and retirement is final. Nothing needs to be done.');

export const agentChangedMeanwhile = () =>
  new Refusal('AGENT_CHANGED_MEANWHILE', 'The agent was changed by another request at the same moment. Read it again and repeat the request.');

export const webhookNotFound = () =>
  new Refusal('WEBHOOK_NOT_FOUND', 'There is no such webhook. Check the id, or list yours with GET /v1/webhooks.');

export const webhookChangedMeanwhile = () =>
  new Refusal('WEBHOOK_CHANGED_MEANWHILE', 'The webhook was changed by other requests at the same moment. Read it again and repeat the request.');
