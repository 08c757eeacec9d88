import { expect, test } from '@jest/globals';
import { webhookUrlProblem } from '../../lambdas/authority/webhook-url.ts';

test('a URL with letters beyond ASCII is one, however often it is asked about', () => {
  const url = 'https://b\u00fccher.example/\u00e9';
  let refused = 0;
  for (let call = 0; call < 50_000; call++) if (webhookUrlProblem(url) !== undefined) refused++;
  expect(refused).toBe(0);
});
