import { haltStatement, type HaltReceipt } from '../authority/halt-receipt.ts';

/** A halt's receipt as the API shows it: what is signed, and the signature over it, in base64. */
export function haltReceiptResource(receipt: HaltReceipt) {
  const { signature } = receipt;
  return {
    ...haltStatement(receipt),
    receipt_signature: signature === undefined ? null : Buffer.from(signature).toString('base64'),
    signed_by_ca: signature !== undefined,
    // The entry is written in the transaction of the halt: there is no halt without it.
    audit_logged: true,
  };
}

/** The answer to a halt: the receipt, and beside it what some clients look for at the top. */
export function haltResource(receipt: HaltReceipt) {
  const resource = haltReceiptResource(receipt);
  const { agent_id, halt_event_id, certificate_serial, halted_at, receipt_signature: signature } = resource;
  return { agent_id, halt_event_id, certificate_serial, halted_at, signature, algorithm: 'RSASSA_PKCS1_V1_5_SHA_256', halt_receipt: resource };
}
