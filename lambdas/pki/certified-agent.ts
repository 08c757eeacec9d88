/** What a certificate says about an agent, as the registry knows it at the moment of issuance. */
export interface CertifiedAgent {
  /** Common name and last part of the URI: 1–64 of letters, digits, `.`, `-`, `_`. */
  readonly id: string;
  /** Of the same alphabet; stands in for the organization where the operator has none. */
  readonly tenantId: string;
  /** For people; not part of the certificate. */
  readonly name: string;
  /** 1–64 characters, as X.520 bounds organizationName. */
  readonly operatorOrg?: string;
  readonly model?: string;
  readonly modelHash: string;
  readonly permittedActions: readonly string[];
  /** Any JSON object. */
  readonly financialScope?: Readonly<Record<string, unknown>>;
}

/** The text of private extension .2: `model:model_hash`, and `:model_hash` for an agent that names no model. */
export function modelText(agent: CertifiedAgent): string {
  return `${agent.model ?? ''}:${agent.modelHash}`;
}
