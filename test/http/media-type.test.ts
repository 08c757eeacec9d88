import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { preferredMediaType } from '../../lambdas/http/media-type.ts';

const offered = ['application/x-pem-file', 'application/json', 'application/pkix-cert', 'text/html'] as const;

// RFC 9110 §12.5.1
test.each([
  [undefined, 'application/x-pem-file'],
  ['', 'application/x-pem-file'],
  ['*/*', 'application/x-pem-file'],
  ['image/png', 'application/x-pem-file'],
  ['application/json', 'application/json'],
  ['APPLICATION/JSON', 'application/json'],
  ['application/json; charset=utf-8', 'application/json'],
  ['text/*', 'text/html'],
  ['application/*', 'application/x-pem-file'],
  ['application/json, application/pkix-cert', 'application/json'],
  ['application/pkix-cert, application/json', 'application/json'],
  ['application/json;q=0.5, application/pkix-cert', 'application/pkix-cert'],
  ['application/json;q=0.5,application/pkix-cert;q=0.6', 'application/pkix-cert'],
  ['application/json ; q=0.9 , application/pkix-cert ; q=0.8', 'application/json'],
  ['application/json;Q=0.1, application/pkix-cert;q=0.2', 'application/pkix-cert'],
  ['application/json;version=1;q=0.1, application/pkix-cert;q=0.2', 'application/pkix-cert'],
  ['application/json;q=0', 'application/x-pem-file'],
  ['*/*, application/x-pem-file;q=0', 'application/json'],
  ['application/*, application/x-pem-file;q=0, application/json;q=0', 'application/pkix-cert'],
  ['*/*;q=0.1, text/*;q=0.2', 'text/html'],
  ['*/*;q=0.9, application/*;q=0.1', 'text/html'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8', 'text/html'],
  ['application/json;q=nonsense', 'application/x-pem-file'],
  ['application/json;q=', 'application/x-pem-file'],
  ['application/jsonx, json, application', 'application/x-pem-file'],
  [',,;;,', 'application/x-pem-file'],
])('%j prefers %s', (accept, expected) => {
  expect(preferredMediaType(accept, offered)).toBe(expected);
});

test('answers one of those offered, whatever the header', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'aq*/;,=. 01'.split(''), ...offered) }), (accept) => {
    expect(offered).toContain(preferredMediaType(accept, offered));
  }));
});
