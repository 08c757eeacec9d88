import { canonicalJson } from '../pki/canonical-json.ts';
import { serialNumberOf } from '../pki/serial-number.ts';
import type { Agent, Halt } from './agent.ts';
import type { Certificate } from './certificate.ts';

/** The evidence that an agent was halted. */
export interface HaltReceipt {
  readonly agentId: string;
  readonly halt: Omit<Halt, 'operatorNote'>;
  /** By the attestation authority over `haltStatement`; absent while it could not be made. */
  readonly signature?: Uint8Array;
}

export function haltReceiptOf({ id }: Pick<Agent, 'id'>, { operatorNote: _, ...halt }: Halt, signature?: Uint8Array): HaltReceipt {
  return { agentId: id, halt, ...(signature !== undefined && { signature }) };
}

/** The receipt of the halt that revoked the certificate; undefined where it is active, or was revoked otherwise. */
export function haltReceiptOn({ id, agentId, haltEventId, revokedAt, revocationReason, haltReceiptSignature }: Certificate): HaltReceipt | undefined {
  if (haltEventId === undefined || revokedAt === undefined || revocationReason === undefined) return undefined;
  const halt = { eventId: haltEventId, haltedAt: revokedAt, reason: revocationReason, certificateId: id };
  return { agentId, halt, ...(haltReceiptSignature !== undefined && { signature: haltReceiptSignature }) };
}

/** What a receipt states, in the words of the API. */
export function haltStatement({ agentId, halt: { eventId, haltedAt, reason, certificateId } }: HaltReceipt) {
  return {
    agent_id: agentId,
    certificate_serial: certificateId === undefined ? null : serialNumberOf(certificateId),
    halt_event_id: eventId,
    halted_at: haltedAt,
    reason,
  };
}

/** The octets that are signed: the statement in the canonical form of RFC 8785. */
export const haltStatementOctets = (receipt: HaltReceipt): Uint8Array => canonicalJson(haltStatement(receipt));
