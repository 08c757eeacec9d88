import { describe, expect, test } from '@jest/globals';
import { ocspAnswer, ocspRequestInPath } from '../../lambdas/http/ocsp.ts';
import { hex } from '../pki/der-surgery.ts';

describe('ocspRequestInPath', () => {
  const bytes = hex('fbeffe00ff'); // in base64 ++/+AP8=
  const read = (text: string) => Buffer.from(ocspRequestInPath(text)).toString('hex');

  test.each(['++/+AP8=', '++/+AP8', '--_-AP8', '  / AP8=', '+-/ AP8'])('reads %j', (text) => {
    expect(read(text)).toBe(Buffer.from(bytes).toString('hex'));
  });

  test.each(['', '=', '==', '%', '++/+AP8===', '++/+=AP8', '++/+AP8=/', '++\n/+AP8=', '++.AP8', 'ſſſſ', '\u0000'])('reads nothing in %j', (text) => {
    expect(read(text)).toBe('');
  });

  test('takes no longer for what is long', () => {
    const startedAt = performance.now();
    expect(ocspRequestInPath(`${'A'.repeat(1_000_000)}*`)).toHaveLength(0);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

describe('ocspAnswer', () => {
  const der = hex('30030a0100');
  const successful = { status: 'successful', der, thisUpdate: new Date('2028-02-29T23:59:59Z'), nextUpdate: new Date('2028-03-01T00:09:59Z') } as const;

  test('tells caches what it tells clients', () => {
    expect(ocspAnswer({ ...successful, maxAgeSeconds: 5 })).toEqual({
      status: 200,
      headers: {
        'content-type': 'application/ocsp-response',
        'cache-control': 'max-age=5, public, no-transform, must-revalidate',
        'last-modified': 'Tue, 29 Feb 2028 23:59:59 GMT',
        expires: 'Wed, 01 Mar 2028 00:09:59 GMT',
        etag: '"4DBA7517DF9555AFB0ACD7D6525C75809DB292D0"',
      },
      body: der,
    });
  });

  test.each([
    ['with a nonce', { ...successful, maxAgeSeconds: undefined }],
    ['that is an error', { status: 'tryLater', der, cause: new Error('secret') } as const],
  ])('lets no cache keep an answer %s', (_, answer) => {
    expect(ocspAnswer(answer)).toEqual({ status: 200, headers: { 'content-type': 'application/ocsp-response', 'cache-control': 'no-store' }, body: der });
  });
});
