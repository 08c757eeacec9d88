import { describe, expect, test } from '@jest/globals';
import { randomNumbers } from '../../bench/harness/random-numbers.ts';
import { fateOf, issuedCertificates, possibleVersions, type Fate } from './expectations.ts';
import { isLost, isRefused, openHistory, type Deed } from './history.ts';
import { drawKind } from './operations.ts';

/* What is looked for after a crash has to be exactly what was answered: neither less, nor more than the service can know. */

const certificate = { id: 'c1', serial_number: 'C1', agent_id: 'a', kms_key_arn: 'k', certificate_pem: 'p' };

/** @param interval when it was sent and when it ended */
function deed(kind: Deed['kind'], [sentAt, endedAt]: [number, number], status: number | undefined, more: Partial<Deed> & { data?: object; code?: string } = {}): Deed {
  const { data = {}, code, ...rest } = more;
  return { kind, round: 1, method: 'POST', path: '/', body: {}, agentId: 'a', sentAt, endedAt, ...(status !== undefined && { reply: { status, body: { data, code } } }), ...rest };
}

const issued = deed('certify', [10, 20], 201, { data: certificate, key: 'k1' });
const [subject] = issuedCertificates([issued]);
if (subject === undefined) throw new Error('A certificate was issued.');
const severe = ['severe event', 'severe score', 'severe record'] as const;
const own = { certificateId: 'c1' };

test.each<[Fate, string, Deed[]]>([
  ['active', 'nobody asked for anything else', []],
  ['active', 'what would have ended it was over before it was asked for', [deed('halt', [1, 9], 200), deed('severe event', [1, 9], 201), deed('severe record', [1, 9], undefined)]],
  ['active', 'what would have ended it was refused', [deed('revoke', [30, 40], 404, own), deed('halt', [30, 40], 409), deed('suspend', [30, 40], 422)]],
  ['active', 'another was revoked', [deed('revoke', [30, 40], 200, { certificateId: 'c0' }), deed('renew', [30, 40], undefined, { certificateId: 'c0' })]],
  ['active', 'somebody was refused another beside it', [deed('certify', [30, 40], 409), deed('certify', [30, 40], undefined)]],
  ['active', 'nothing severe was reported', [deed('event', [30, 40], 201), deed('score', [30, 40], 202), deed('sign', [30, 40], 200)]],
  ['revoked', 'it was revoked', [deed('revoke', [30, 40], 200, own)]],
  ['revoked', 'it was said to be revoked already', [deed('revoke', [30, 40], 409, { ...own, code: 'CERTIFICATE_ALREADY_REVOKED' })]],
  ['revoked', 'it was renewed', [deed('renew', [30, 40], 201, { ...own, data: { ...certificate, id: 'c2' } })]],
  ['revoked', 'another was issued later', [deed('certify', [30, 40], 201, { data: { ...certificate, id: 'c2' } })]],
  ...(['halt', 'suspend', 'retire'] as const).map((kind): [Fate, string, Deed[]] => ['revoked', `its agent was stopped: ${kind}`, [deed(kind, [30, 40], 200)]]),
  ['revoked', 'a halt that began earlier names it', [deed('halt', [5, 40], 200, { data: { certificate_serial: 'C1' } })]],
  ['either', 'a halt that began earlier names none', [deed('halt', [5, 40], 200)]],
  ['either', 'a halt was not answered', [deed('halt', [30, 40], undefined)]],
  ['either', 'a halt was answered 503', [deed('halt', [30, 40], 503)]],
  ['either', 'a revocation was repeated and then refused', [deed('revoke', [30, 40], 404, { ...own, isRepeated: true })]],
  ...severe.map((kind): [Fate, string, Deed[]] => ['revoked soon', `a ${kind} was taken in`, [deed(kind, [30, 40], 201)]]),
  ...severe.map((kind): [Fate, string, Deed[]] => ['either', `a ${kind} was not answered`, [deed(kind, [30, 40], undefined)]]),
  ...severe.map((kind): [Fate, string, Deed[]] => ['either', `a ${kind} came while it was issued`, [deed(kind, [5, 15], 201)]]),
  ['revoked', 'it was revoked after a severe event', [deed('severe event', [30, 40], 201), deed('revoke', [50, 60], 200, own)]],
])('a certificate is %s where %s', (fate, _, others) => {
  expect(fateOf(subject, [issued, ...others])).toBe(fate);
});

describe('of the versions of an agent', () => {
  const written = (kind: 'register' | 'update', interval: [number, number], status: number | undefined, version: string) => deed(kind, interval, status, { body: { version } });
  const registered = written('register', [1, 2], 201, 'v0');

  test.each<[string[], Deed[]]>([
    [['v0'], []],
    [['v1'], [written('update', [3, 4], 200, 'v1')]],
    [['v0', 'v1'], [written('update', [3, 4], undefined, 'v1')]],
    [['v0'], [written('update', [3, 4], 404, 'v1')]],
    [['v2'], [written('update', [3, 4], undefined, 'v1'), written('update', [5, 6], 200, 'v2')]],
    [['v1', 'v2'], [written('update', [3, 6], 200, 'v1'), written('update', [5, 7], 200, 'v2')]],
    [['v1', 'v2'], [written('update', [3, 4], 200, 'v1'), written('update', [5, 6], undefined, 'v2')]],
  ])('only %j are possible', (versions, updates) => {
    expect([...possibleVersions([registered, ...updates])].sort()).toEqual(versions);
  });
});

test('a history knows what was lost from what was refused, and a deed that is repeated lasts from the first time to the last', async () => {
  const history = openHistory();
  const request = { kind: 'halt', method: 'POST', path: '/', body: {}, key: 'k' } as const;
  const lost = await history.note(request, () => Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } })));
  await expect(history.note(request, () => Promise.reject(new Error('POST / answered 201, which is not what is described')))).rejects.toThrow('not what is described');
  expect([lost.reply, lost.endedAt, isLost({ code: 'ECONNREFUSED' })]).toEqual([undefined, 2, true]);
  await history.repeat(lost, () => Promise.resolve({ status: 409, body: { code: 'AGENT_RETIRED' } }));
  expect([lost.sentAt, lost.endedAt, isRefused(lost)]).toEqual([1, 5, false]);
  expect(isRefused({ ...lost, isRepeated: false })).toBe(true);
});

test('the same seed asks for the same', () => {
  const kinds = (seed: number) => Array.from({ length: 50 }, ((draw) => () => drawKind(draw))(randomNumbers(seed)));
  expect(kinds(7)).toEqual(kinds(7));
  expect(kinds(7)).not.toEqual(kinds(8));
  expect(new Set(Array.from({ length: 20 }, (_, seed) => kinds(seed)).flat()).size).toBe(15);
});
