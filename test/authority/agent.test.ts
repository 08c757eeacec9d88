import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ownAgent, whyNotIssuable, type Agent } from '../../lambdas/authority/agent.ts';

const now = '2026-05-17T10:00:00.000Z';
const justBefore = '2026-05-17T09:59:59.999Z';
const later = '2026-05-17T10:00:00.001Z';

const agent = (fields: Partial<Agent> = {}): Agent => ({
  id: 'a', tenantId: 'acme', status: 'pending', name: 'Trader', modelHash: 'h', permittedActions: [], metadata: {}, createdAt: justBefore, updatedAt: justBefore, ...fields,
});
const certificate = (expiresAt: string) => ({ id: 'c', issuedAt: justBefore, expiresAt, keyArn: 'k', crlShard: 0 });
const lease = { id: 'l', acquiredAt: justBefore, expiresAt: later };

describe('whyNotIssuable', () => {
  const cases: [string, Agent | undefined, string, string][] = [
    ['no agent', undefined, 'acme', 'AGENT_NOT_FOUND'],
    ['an agent of another tenant', agent(), 'globex', 'AGENT_NOT_FOUND'],
    ['a retired agent of another tenant', agent({ status: 'retired' }), 'globex', 'AGENT_NOT_FOUND'],
    ['an active agent of another tenant', agent({ status: 'active', activeCertificate: certificate(later) }), 'globex', 'AGENT_NOT_FOUND'],
    ['a retired agent', agent({ status: 'retired' }), 'acme', 'AGENT_RETIRED'],
    ['a retired agent, whatever else it has', agent({ status: 'retired', activeCertificate: certificate(later), lease }), 'acme', 'AGENT_RETIRED'],
    ['a certificate that holds for another millisecond', agent({ status: 'active', activeCertificate: certificate(later) }), 'acme', 'ACTIVE_CERTIFICATE_EXISTS'],
    ['a certificate, before a lease', agent({ status: 'active', activeCertificate: certificate(later), lease }), 'acme', 'ACTIVE_CERTIFICATE_EXISTS'],
    ['a lease', agent({ lease }), 'acme', 'ISSUANCE_IN_PROGRESS'],
    ['a lease beside a certificate that ends now', agent({ status: 'active', activeCertificate: certificate(now), lease }), 'acme', 'ISSUANCE_IN_PROGRESS'],
  ];
  test.each(cases)('%s', (_, found, tenantId, code) => {
    expect(whyNotIssuable(found, tenantId, now).code).toBe(code);
  });

  test('names the certificate in the way, and nothing else of the agent', () => {
    expect(whyNotIssuable(agent({ activeCertificate: certificate(later) }), 'acme', now).data).toEqual({ certificate_id: 'c' });
    for (const [, found, tenantId, code] of cases) if (code !== 'ACTIVE_CERTIFICATE_EXISTS') expect(whyNotIssuable(found, tenantId, now).data).toBeUndefined();
  });

  test('says the same of every other tenant’s agent as of none', () => {
    const any = fc.record({ status: fc.constantFrom('pending', 'active', 'suspended', 'retired'), certified: fc.boolean(), leased: fc.boolean() });
    fc.assert(fc.property(any, ({ status, certified, leased }) => {
      const other = agent({ status, ...(certified && { activeCertificate: certificate(later) }), ...(leased && { lease }) });
      const [refusal, unknown] = [whyNotIssuable(other, 'globex', now), whyNotIssuable(undefined, 'globex', now)];
      expect([refusal.code, refusal.message, refusal.data]).toEqual([unknown.code, unknown.message, unknown.data]);
    }));
  });
});

test('ownAgent answers one’s own agent and no other', () => {
  const own = agent();
  expect(ownAgent(own, 'acme')).toBe(own);
  for (const [found, tenantId] of [[own, 'globex'], [undefined, 'acme']] as const) expect(() => ownAgent(found, tenantId)).toThrow(expect.objectContaining({ code: 'AGENT_NOT_FOUND' }));
});
