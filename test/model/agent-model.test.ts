import { describe, expect, test } from '@jest/globals';
import { checkLinearizability, type Operation } from '../support/linearizability.ts';
import { agentModel, unknown, type AgentAction } from './agent-model.ts';
import { completeHistory, type Facts } from './history.ts';
import { webhookModel, type WebhookAction } from './webhook-model.ts';

/* Histories made by hand, some of which no agent may have: what the model is for is to say so. */

type Kind<Name extends AgentAction['kind']> = Extract<AgentAction, { kind: Name }>;

const time = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const took = (invokedAt: number, returnedAt: number, action: AgentAction): Operation<AgentAction> => ({ action, invokedAt, returnedAt });

const registered = took(0, 1, { kind: 'register', answer: 'done', name: 'agent', description: null });
/** Issued at the second in which it was asked for, if at all. */
const certify = (from: number, to: number, id: string, more: Partial<Kind<'certify'>> = {}) =>
  took(from, to, { kind: 'certify', answer: 'done', issued: [{ id, issuedAt: time(from) }], leaseConceivable: false, ...more });
const renew = (from: number, to: number, certificateId: string, id: string, more: Partial<Kind<'renew'>> = {}) =>
  took(from, to, { kind: 'renew', answer: 'done', certificateId, issued: [{ id, issuedAt: time(from) }], leaseConceivable: false, ...more });
const revoke = (from: number, to: number, certificateId: string, answer = 'done') => took(from, to, { kind: 'revoke', answer, certificateId, reason: 'stolen' });
const verify = (from: number, to: number, certificateId: string, status: string, reason?: string | null) => took(from, to, { kind: 'verify', certificateId, seen: { status, ...(reason !== undefined && { reason }) } });
const sign = (from: number, to: number, certificateId: string) => took(from, to, { kind: 'sign', answer: 'done', certificateId });
const halt = (from: number, to: number, eventId: string, certificateId: string | null, more: Partial<Kind<'halt'>> = {}) =>
  took(from, to, { kind: 'halt', answer: 'done', reason: 'halted', receipt: { eventId, certificateId }, leaseConceivable: false, ...more });
const see = (from: number, to: number, status: Kind<'read'>['seen']['status']) => took(from, to, { kind: 'read', seen: { status } });
const set = (from: number, to: number, status: 'pending' | 'suspended' | 'retired', answer = 'done') => took(from, to, { kind: 'update', answer, set: { status } });
/** Observed at the second in which it was sent. */
const risk = (from: number, idleAt: number, observed = from, latest = observed) => took(from, idleAt, { kind: 'act upon risk', earliest: time(observed), latest: time(latest), reason: 'risk' });
const all = (at: number, seen: Record<string, string | null>) => took(at, at + 1, { kind: 'list certificates', seen });

const refused = (action: AgentAction, code: string): AgentAction => ({ ...action, answer: code, issued: [] }) as AgentAction;
const with409 = (operation: Operation<AgentAction>, code: string, more: object = {}) => ({ ...operation, action: { ...refused(operation.action, code), ...more } as AgentAction });

const possible: Record<string, Operation<AgentAction>[]> = {
  'certified, revoked, certified anew': [certify(2, 3, 'a'), revoke(4, 5, 'a'), see(6, 7, 'suspended'), certify(8, 9, 'b'), see(10, 11, 'active'), all(12, { a: 'stolen', b: null })],
  'verified as active while it is being revoked': [certify(2, 3, 'a'), revoke(4, 8, 'a'), verify(5, 6, 'a', 'active')],
  'two clients certify, and one is told of the other': [certify(2, 5, 'a'), with409(certify(3, 6, 'b'), 'ACTIVE_CERTIFICATE_EXISTS', { standing: 'a' })],
  'renewed while it signs': [certify(2, 3, 'a'), renew(4, 9, 'a', 'b'), sign(5, 6, 'a'), sign(7, 8, 'b')],
  'halted twice, with one receipt': [certify(2, 3, 'a'), halt(4, 5, 'e', 'a'), halt(6, 7, 'e', 'a'), verify(8, 9, 'a', 'revoked', 'halted')],
  'halted without an answer, and the receipt asked for once more': [certify(2, 3, 'a'), took(4, Infinity, { kind: 'halt', answer: unknown, reason: 'halted', leaseConceivable: false }), halt(6, 7, 'e', 'a'), all(8, { a: 'halted' })],
  'a severe risk, some time before all is quiet': [certify(2, 3, 'a'), risk(4, 20), verify(10, 11, 'a', 'active'), see(12, 13, 'suspended'), all(21, { a: 'risk' })],
  'a severe risk follows a renewal': [certify(2, 3, 'a'), risk(4, 20), renew(5, 6, 'a', 'b'), all(21, { a: 'superseded', b: 'risk' })],
  'a severe risk from before the certificate': [certify(6, 7, 'a'), risk(8, 20, 5), all(21, { a: null })],
  'a severe risk from the time of an earlier certificate': [certify(2, 3, 'a'), revoke(4, 5, 'a'), certify(6, 7, 'b'), risk(8, 20, 3), all(21, { a: 'stolen', b: null })],
  'a severe risk whose time is not known better than the certificate’s': [certify(6, 7, 'a'), risk(8, 20, 5, 8), all(21, { a: null })],
  'a lost certify that was carried out': [certify(2, Infinity, 'a', { answer: unknown }), see(5, 6, 'active'), all(8, { a: null })],
  'a lost certify that was not': [certify(2, Infinity, 'a', { answer: unknown }), see(5, 6, 'pending'), all(8, {})],
  'a lost certify stands in the way, and no agent has more than one': [certify(2, Infinity, 'a', { answer: unknown }), with409(certify(5, 6, 'b'), 'ACTIVE_CERTIFICATE_EXISTS', { standing: 'a' }), all(8, { a: null })],
  'set back to pending': [set(2, 3, 'suspended'), set(4, 5, 'pending'), see(6, 7, 'pending')],
};

const impossible: Record<string, Operation<AgentAction>[]> = {
  'verified as active after the revocation was acknowledged': [certify(2, 3, 'a'), revoke(4, 5, 'a'), verify(6, 7, 'a', 'active')],
  'active again': [certify(2, 3, 'a'), revoke(4, 9, 'a'), verify(5, 6, 'a', 'revoked'), verify(7, 8, 'a', 'active')],
  'revoked for another reason than there was': [certify(2, 3, 'a'), revoke(4, 5, 'a'), verify(6, 7, 'a', 'revoked', 'halted')],
  'revoked twice': [certify(2, 3, 'a'), revoke(4, 7, 'a'), revoke(5, 8, 'a')],
  'two active certificates': [certify(2, 5, 'a'), certify(3, 6, 'b')],
  'a certificate nobody asked for': [certify(2, 3, 'a'), all(4, { a: null, b: null })],
  'a certificate that was answered and is gone': [certify(2, 3, 'a'), all(4, {})],
  'signed after its revocation was acknowledged': [certify(2, 3, 'a'), revoke(4, 5, 'a'), sign(6, 7, 'a')],
  'signed with the certificate that was renewed': [certify(2, 3, 'a'), renew(4, 5, 'a', 'b'), sign(6, 7, 'a')],
  'the agent stays active when its certificate is revoked': [certify(2, 3, 'a'), revoke(4, 5, 'a'), see(6, 7, 'active')],
  'suspended, and its certificate still active': [certify(2, 3, 'a'), set(4, 5, 'suspended'), verify(6, 7, 'a', 'active')],
  'back from retirement': [set(2, 3, 'retired'), certify(4, 5, 'a')],
  'halted twice, with two receipts': [certify(2, 3, 'a'), halt(4, 5, 'e', 'a'), halt(6, 7, 'f', 'a')],
  'a halt that names another certificate': [certify(2, 3, 'a'), halt(4, 5, 'e', null)],
  'renewed after its revocation': [certify(2, 3, 'a'), revoke(4, 5, 'a'), renew(6, 7, 'a', 'b')],
  'never without a certificate while it is renewed': [certify(2, 3, 'a'), renew(4, 9, 'a', 'b'), verify(5, 6, 'a', 'revoked'), sign(7, 8, 'a')],
  'a severe risk that was not acted upon when all was quiet': [certify(2, 3, 'a'), risk(4, 20), all(21, { a: null })],
  'a severe risk of before ends a certificate issued since': [certify(6, 7, 'a'), risk(8, 20, 5), all(21, { a: 'risk' })],
  'a renewal is a way around a severe risk': [certify(2, 3, 'a'), risk(4, 20), renew(5, 6, 'a', 'b'), all(21, { a: 'superseded', b: null })],
  'revoked as at risk before the risk was': [certify(2, 3, 'a'), verify(4, 5, 'a', 'revoked'), risk(6, 20)],
  'an issuance that was under way at a severe risk appears after it was acted upon': [risk(6, 9), certify(5, 20, 'a'), see(10, 11, 'pending'), verify(21, 22, 'a', 'active')],
  'an issuance is said to be in progress where nobody asked for one': [with409(certify(2, 3, 'a'), 'ISSUANCE_IN_PROGRESS')],
  'a lost certify is seen, and then was never there': [certify(2, Infinity, 'a', { answer: unknown }), see(5, 6, 'active'), see(7, 8, 'pending')],
  'pending, but never suspended': [set(2, 3, 'pending')],
};

describe('an agent', () => {
  test.each(Object.entries(possible))('may be so: %s', (_, history) => {
    expect(checkLinearizability(agentModel, [registered, ...history])).toMatchObject({ linearizable: true });
  });

  test.each(Object.entries(impossible))('may not be so: %s', (_, history) => {
    expect(checkLinearizability(agentModel, [registered, ...history])).toMatchObject({ linearizable: false });
  });
});

describe('what the tables say besides', () => {
  const facts: Facts = { issuedAt: new Map([['a', time(2)], ['b', time(6)]]), severeRecords: [{ recordId: 'r', score: 0.9, observedAt: time(4) }], idleAt: 20 };
  const report = { agentId: 'x', score: 0.9, invokedAt: 4 };

  test('a severe record is acted upon between its being sent and the quiet', () => {
    expect(completeHistory([], [{ ...report, recordId: 'r' }], facts)).toEqual([took(4, 20, { kind: 'act upon risk', earliest: time(4), latest: time(4), reason: 'Risk score 0.9 reached the threshold of 0.85' })]);
    expect(completeHistory([], [report], facts)[0]?.invokedAt).toBe(4);
  });

  test('a record that was accepted has to be there, and one that is there has to come from somebody', () => {
    expect(() => completeHistory([], [{ ...report, recordId: 'r' }, { ...report, recordId: 's' }], facts)).toThrow('Risk record s was accepted, and is not there.');
    expect(() => completeHistory([], [], facts)).toThrow('There is a risk record r of score 0.9 that nobody has written.');
    expect(() => completeHistory([], [{ ...report, score: 0.95 }], facts)).toThrow('There is a risk record r');
  });

  test('whose certify was not answered may have been issued what nobody else was', () => {
    const [lost, done] = completeHistory([certify(5, Infinity, '', { answer: unknown, issued: [] }), certify(2, 3, 'a')], [{ ...report, recordId: 'r' }], facts);
    expect(lost?.action).toMatchObject({ issued: [{ id: 'b', issuedAt: time(6) }], leaseConceivable: false });
    expect(done?.action).toMatchObject({ issued: [{ id: 'a', issuedAt: time(2) }], leaseConceivable: false });
    expect(() => completeHistory([certify(2, 3, 'c')], [{ ...report, recordId: 'r' }], facts)).toThrow('Certificate c was answered, and is not there.');
  });

  test('somebody else has a lease only while he may be issuing', () => {
    const [first, second] = completeHistory([with409(certify(2, 5, ''), 'ISSUANCE_IN_PROGRESS'), certify(4, 6, 'a')], [{ ...report, recordId: 'r' }], facts);
    expect([first?.action, second?.action]).toMatchObject([{ leaseConceivable: true }, { leaseConceivable: true }]);
    expect(completeHistory([with409(certify(2, 5, ''), 'ISSUANCE_IN_PROGRESS'), certify(6, 7, 'a')], [{ ...report, recordId: 'r' }], facts)[0]?.action).toMatchObject({ leaseConceivable: false });
  });
});

describe('a webhook', () => {
  const of = (...actions: WebhookAction[]) => checkLinearizability(webhookModel, actions.map((action, index) => ({ action, invokedAt: 2 * index, returnedAt: 2 * index + 1 }))).linearizable;
  const create: WebhookAction = { kind: 'create', answer: 'done', description: 'x' };
  const remove: WebhookAction = { kind: 'delete', answer: 'done' };

  test('is there from when it is made until it is deleted, and says what it was told last', () => {
    expect(of(create, { kind: 'read', seen: { description: 'x' } }, { kind: 'edit', answer: 'done', description: 'y' }, { kind: 'read', seen: { description: 'y' } }, remove, { kind: 'read', seen: undefined }, { ...remove, answer: 'WEBHOOK_NOT_FOUND' })).toBe(true);
    expect(of(create, { kind: 'read', seen: undefined })).toBe(false);
    expect(of(create, { kind: 'edit', answer: 'done', description: 'y' }, { kind: 'read', seen: { description: 'x' } })).toBe(false);
    expect(of(create, remove, { kind: 'read', seen: { description: 'x' } })).toBe(false);
    expect(of(create, remove, remove)).toBe(false);
    expect(of(create, remove, { kind: 'edit', answer: 'done', description: 'y' })).toBe(false);
  });
});
