import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { captureLog, type CapturedLog } from './support/captured-log.ts';

/* What a line of the log has in it, and what never. */

let captured: CapturedLog;
let module: typeof import('../lambdas/log.ts');

beforeAll(async () => {
  captured = captureLog();
  module = await import('../lambdas/log.ts');
});
afterEach(() => captured.clear());
afterAll(() => { jest.restoreAllMocks(); });

const onlyLine = () => {
  const lines = captured.lines();
  expect(lines).toHaveLength(1);
  return lines[0] as Record<string, unknown>;
};
const loggedError = (error: unknown) => {
  module.log.error('failed', error);
  return onlyLine()['error'] as Record<string, unknown>;
};

test('a line is one JSON object with level, time, message, fields and the context of its request', () => {
  module.logging({ request_id: 'r-1', tenant_id: 't-1' }, () => module.log.info('create-agent', { status: 201 }));
  expect(onlyLine()).toMatchObject({ level: 'INFO', service: 'kakunin', message: 'create-agent', status: 201, request_id: 'r-1', tenant_id: 't-1', timestamp: expect.stringMatching(/^\d{4}-.*Z$/) });
});

test('requests that are under way at once do not lend each other their ids', async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `r-${index}`);
  await Promise.all(ids.map((request_id, index) => module.logging({ request_id }, async () => {
    await new Promise((resolve) => setTimeout(resolve, (index * 7) % 11));
    module.log.info(request_id);
  })));
  const lines = captured.lines();
  expect(lines.map(({ message }) => message).sort()).toEqual([...ids].sort());
  for (const { message, request_id } of lines) expect(request_id).toBe(message);
});

describe('of an error is logged', () => {
  test('its name, sentence, frames and causes, and what AWS calls its request', () => {
    const cause = Object.assign(new Error('User: arn:aws:iam::123456789012:role/x is not authorized'), { name: 'AccessDeniedException', $metadata: { requestId: 'aws-1', httpStatusCode: 400 } });
    expect(loggedError(new Error('The key store is not available.', { cause }))).toEqual({
      name: 'Error', message: 'The key store is not available.', stack: expect.stringMatching(/^ {4}at /),
      cause: { name: 'AccessDeniedException', message: expect.stringContaining('role/x'), aws_request_id: 'aws-1', http_status: 400, stack: expect.stringMatching(/^ {4}at /) },
    });
  });

  test('none of its other members, which in the AWS SDK hold items and answers', () => {
    const item = { name: { S: 'private text' } };
    const error = Object.assign(new Error('Transaction cancelled'), { CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: item, Message: 'private text' }], Item: item, $response: { body: 'private text' }, data: item });
    expect(loggedError(error)).toMatchObject({ cancellation_reasons: ['None', 'ConditionalCheckFailed'] });
    expect(captured.text()).not.toContain('private text');
  });

  test.each(['{"secret": private text}', '"private text', '[1, "private text" x', `{"${'x'.repeat(40)}": private text`])('no word of JSON that could not be read: %s', (text) => {
    let error: unknown;
    try {
      JSON.parse(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(loggedError(error)).toMatchObject({ name: 'SyntaxError', message: expect.any(String) });
    expect(captured.text()).not.toContain('private');
    expect(captured.text()).not.toContain('xxx');
  });

  test('what was thrown that is no error', () => {
    expect(loggedError('a word')).toEqual({ message: 'a word' });
  });

  test('causes down to a depth, should they go in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    expect(JSON.stringify(loggedError(error)).match(/"name":"Error"/g)).toHaveLength(5);
  });
});

test.each([
  ['an API key', 'kak_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE'],
  ['the secret of a webhook', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'],
  ['a token', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'],
  ['PEM', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
  ['PEM that is cut off', '-----BEGIN PRIVATE KEY-----\nMIIB'],
])('%s is kept out, wherever it has got into', (_, secret) => {
  module.log.info(`before ${secret} after`, { field: secret, nested: [{ [`k`]: `x${secret}` }] });
  module.log.error('failed', new Error(`about ${secret}`, { cause: secret }));
  expect(captured.text()).toContain('[secret]');
  for (const part of secret.split(/[\s.]+/).filter((word) => !word.startsWith('-'))) expect(captured.text()).not.toContain(part.replace(/^(kak_live|whsec)_/, ''));
});

test('no text begins a line of its own, or says anything to a terminal', () => {
  const forged = 'x\n{"level":"INFO","message":"forged"}\r\n\u001b[2J\u009b31m\u0007\u2028\u2029\u202e\u200b\ufeff';
  module.log.info('ids', { keys: { agent_id: { S: forged } } });
  module.log.error('failed', new Error(forged));
  const lines = captured.lines();
  expect(lines.map(({ message }) => message)).toEqual(['ids', 'failed']);
  // eslint-disable-next-line no-control-regex -- it is what is looked for
  expect(captured.text()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e\u200b\ufeff]/);
  expect(JSON.stringify(lines)).not.toMatch(/\\u001b|\\r/);
  expect(captured.text()).toContain('\\\\u{1b}[2J');
});

test('a text as long as a client likes it is cut', () => {
  module.log.info('long', { text: 'x'.repeat(100_000) });
  expect(captured.text().length).toBeLessThan(5_000);
});
