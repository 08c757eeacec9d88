import { openVerifier } from './verifier.ts';

/** Who may be admitted, as the CA has signed it. */
export interface Admitted {
  readonly agentId: string;
  readonly permittedActions: readonly string[];
  readonly financialScope: Readonly<Record<string, unknown>> | undefined;
}

export interface SignedRequest {
  /** What the gateway itself has put together from the request. */
  readonly payload: object;
  readonly signature: string;
  readonly serialNumber: string;
  /** DER in base64, where the client has sent its certificate along. */
  readonly certificate?: string | undefined;
}

export class Refusal extends Error {
  readonly status: 401 | 403;
  constructor(status: 401 | 403, message: string) {
    super(message);
    this.status = status;
  }
}

// Who cannot prove to be somebody is 401; whose certificate does not hold is known, and 403.
const refused = (reason: string) => new Refusal(reason.startsWith('signature_') ? 401 : 403, `The agent is not admitted: ${reason}.`);

/** With the certificate that came along and cached CRLs: nobody is called, and a revocation is seen once they are renewed. */
export function offline(authorities: string, crlSeconds?: number) {
  const verify = openVerifier(authorities, crlSeconds);
  return async ({ payload, signature, serialNumber, certificate = '' }: SignedRequest): Promise<Admitted> => {
    const verdict = await verify({ certificate: [certificate], payload, signature });
    if (!verdict.valid) throw refused(verdict.reason);
    if (verdict.serialNumber !== serialNumber) throw new Refusal(401, 'X-Kakunin-Cert-Serial is not the serial number of the certificate.');
    const { id, permittedActions, financialScope } = verdict.agent;
    return { agentId: id, permittedActions, financialScope };
  };
}

/** By asking the service, which needs no key: two calls, and a revocation is seen at once. */
export function online(url: string) {
  return async ({ payload, signature, serialNumber }: SignedRequest): Promise<Admitted> => {
    const message = await ask(`${url}/verify/message`, { payload, signature, certificate_serial: serialNumber });
    if (!message.valid) throw refused(message.reason);
    const certificate = await ask(`${url}/verify/${serialNumber}`);
    if (!certificate.valid) throw refused(`certificate_${certificate.status}`);
    return { agentId: certificate.agent_id, permittedActions: certificate.permitted_actions ?? [], financialScope: certificate.financial_scope ?? undefined };
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- docs/api.md says what is in it
async function ask(url: string, body?: object): Promise<any> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    signal: AbortSignal.timeout(10_000),
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (response.status === 400 || response.status === 404) throw new Refusal(401, 'No such certificate was issued, or the signature is none.');
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  return ((await response.json()) as { data: unknown }).data;
}
