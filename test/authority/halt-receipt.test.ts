import { describe, expect, test } from '@jest/globals';
import { haltReceiptOf, haltReceiptOn, haltStatement, haltStatementOctets } from '../../lambdas/authority/halt-receipt.ts';
import type { Certificate } from '../../lambdas/authority/certificate.ts';

const certificateId = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const halt = { eventId: 'e', haltedAt: '2026-05-17T10:00:00.001Z', reason: 'regulatory_order', operatorNote: 'for nobody else', certificateId };
const certificate: Certificate = {
  id: certificateId, agentId: 'a', tenantId: 't', certificatePem: '', keyArn: 'k', status: 'revoked', issuedAt: '', expiresAt: '', createdAt: '', issuer: '', crlShard: 0,
  certified: { name: 'Trader', modelHash: 'h', permittedActions: [] }, revokedAt: halt.haltedAt, revocationReason: halt.reason, reasonCode: 'privilegeWithdrawn', haltEventId: halt.eventId,
};

describe('a receipt', () => {
  test('states the same whether it is read from the agent’s halt or from the certificate', () => {
    const receipt = haltReceiptOf({ id: 'a' }, halt);
    expect(haltStatement(receipt)).toEqual({ agent_id: 'a', certificate_serial: '0A1B2C3D4E5F4A6B8C7D9E0F1A2B3C4D', halt_event_id: 'e', halted_at: halt.haltedAt, reason: halt.reason });
    const found = haltReceiptOn(certificate);
    expect(found && haltStatementOctets(found)).toEqual(haltStatementOctets(receipt));
    expect(JSON.stringify([receipt, found])).not.toContain(halt.operatorNote);
  });

  test('is signed in the canonical form of RFC 8785', () => {
    const { certificateId: _, ...without } = halt;
    expect(Buffer.from(haltStatementOctets(haltReceiptOf({ id: 'a' }, { ...without, reason: 'é\u20ac"\\😀' }))).toString())
      .toBe('{"agent_id":"a","certificate_serial":null,"halt_event_id":"e","halted_at":"2026-05-17T10:00:00.001Z","reason":"é€\\"\\\\😀"}');
  });

  test('is on no certificate that was revoked otherwise, or not at all', () => {
    const { haltEventId: _, ...otherwise } = certificate;
    expect(haltReceiptOn(otherwise)).toBeUndefined();
    expect(haltReceiptOn({ ...otherwise, status: 'active' })).toBeUndefined();
  });
});
