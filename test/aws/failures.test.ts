import { describe, expect, test } from '@jest/globals';
import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { Refusal } from '../../lambdas/authority/errors.ts';
import { callingDynamodb, callingKms } from '../../lambdas/aws/failures.ts';
import { retrying } from '../../lambdas/aws/retry.ts';
import { isContention } from '../../lambdas/aws/transactions.ts';

const named = (name: string, fields: object = {}) => Object.assign(new Error('arn:aws:iam::123456789012:role/secret'), { name, ...fields });
const failing = (error: unknown) => () => Promise.reject(error as Error);
const codeOf = (call: Promise<unknown>) => call.then(() => 'answered', (error: unknown) => (error instanceof Refusal ? error.code : 'thrown as it is'));

describe('trouble of a dependency', () => {
  const cases: [string, Error, string, string][] = [
    ['a throttle', named('ThrottlingException'), 'KMS_UNAVAILABLE', 'REGISTRY_UNAVAILABLE'],
    ['its own fault', named('Whatever', { $metadata: { httpStatusCode: 503 } }), 'KMS_UNAVAILABLE', 'REGISTRY_UNAVAILABLE'],
    ['a connection refused', Object.assign(new Error(), { code: 'ECONNREFUSED' }), 'KMS_UNAVAILABLE', 'REGISTRY_UNAVAILABLE'],
    ['a timeout', named('TimeoutError'), 'KMS_UNAVAILABLE', 'REGISTRY_UNAVAILABLE'],
    ['an abort', named('AbortError'), 'KMS_UNAVAILABLE', 'REGISTRY_UNAVAILABLE'],
    ['an answer that is not JSON', new SyntaxError('Unexpected token <'), 'KMS_UNAVAILABLE', 'REGISTRY_UNAVAILABLE'],
    ['no credentials', named('CredentialsProviderError'), 'KMS_CREDENTIALS_NOT_CONFIGURED', 'REGISTRY_UNAVAILABLE'],
    ['credentials refused', named('UnrecognizedClientException'), 'KMS_CREDENTIALS_NOT_CONFIGURED', 'REGISTRY_UNAVAILABLE'],
    ['a missing key', named('NotFoundException', { $metadata: { httpStatusCode: 400 } }), 'KMS_UNAVAILABLE', 'thrown as it is'],
    ['a request it cannot read', named('ValidationException', { $metadata: { httpStatusCode: 400 } }), 'thrown as it is', 'thrown as it is'],
    ['a fault of ours', new TypeError('x is not a function'), 'thrown as it is', 'thrown as it is'],
  ];
  test.each(cases)('%s', async (_, error, ofKms, ofDynamodb) => {
    expect(await codeOf(callingKms(failing(error)))).toBe(ofKms);
    expect(await codeOf(callingDynamodb(failing(error)))).toBe(ofDynamodb);
  });

  test('is the cause of the refusal, and not in its words', async () => {
    for (const calling of [callingKms, callingDynamodb]) {
      const error = named('ThrottlingException');
      const refusal = await calling(failing(error)).catch((caught: unknown) => caught as Refusal);
      expect(refusal.cause).toBe(error);
      expect(refusal.message).not.toMatch(/arn|secret|Throttling/);
    }
  });

  test('is not made of what is no error at all', async () => {
    for (const thrown of ['ThrottlingException', undefined, null, 7]) await expect(callingDynamodb(failing(thrown))).rejects.toBe(thrown);
  });
});

describe('contention', () => {
  const cancelled = (...codes: string[]) => new TransactionCanceledException({ message: '', $metadata: {}, CancellationReasons: codes.map((Code) => ({ Code })) });
  test.each([
    ['a plain write that met a transaction', named('TransactionConflictException'), true],
    ['a transaction that met another', cancelled('None', 'TransactionConflict'), true],
    ['a throttled transaction', cancelled('ThrottlingError', 'None'), true],
    ['a condition that did not hold', cancelled('ConditionalCheckFailed', 'None'), false],
    ['a condition that did not hold beside a conflict', cancelled('ConditionalCheckFailed', 'TransactionConflict'), false],
    ['an item that is too large', cancelled('ValidationError', 'None'), false],
    ['no reason given', cancelled(), false],
    ['a failed condition of a plain write', new ConditionalCheckFailedException({ message: '', $metadata: {} }), false],
    ['anything else', named('ThrottlingException'), false],
  ])('%s', (_, error, expected) => {
    expect(isContention(error)).toBe(expected);
  });
});

describe('retrying', () => {
  const passing = named('Passing');
  const isPassing = (error: unknown) => error === passing;
  /** Fails with these errors first; counts its calls. */
  function failingFirst(...errors: unknown[]) {
    const call = () => {
      const error = errors[call.calls++];
      return call.calls <= errors.length ? Promise.reject(error as Error) : Promise.resolve('answer');
    };
    call.calls = 0;
    return call;
  }

  test.each([[0], [1], [3]])('%s failures that pass, then the answer', async (count) => {
    const call = failingFirst(...Array<unknown>(count).fill(passing));
    expect(await retrying(call, isPassing, { attempts: 4, baseDelayMilliseconds: 0 })).toBe('answer');
    expect(call.calls).toBe(count + 1);
  });

  test('gives up after the given number of attempts, with the last failure', async () => {
    const call = failingFirst(...Array<unknown>(9).fill(passing));
    await expect(retrying(call, isPassing, { attempts: 4, baseDelayMilliseconds: 0 })).rejects.toBe(passing);
    expect(call.calls).toBe(4);
  });

  test('does not repeat what will not pass', async () => {
    const other = named('Other');
    const call = failingFirst(passing, other);
    await expect(retrying(call, isPassing, { attempts: 4, baseDelayMilliseconds: 0 })).rejects.toBe(other);
    expect(call.calls).toBe(2);
  });

  test('waits longer each time, at most twice the range before', async () => {
    const call = failingFirst(passing, passing, passing);
    const startedAt = performance.now();
    await retrying(call, isPassing, { attempts: 4, baseDelayMilliseconds: 4 });
    expect(performance.now() - startedAt).toBeLessThan(4 * (2 + 4 + 8) + 1000);
  });
});
