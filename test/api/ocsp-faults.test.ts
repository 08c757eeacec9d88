import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent } from '../support/agents.ts';
import { authorityPems } from '../support/authorities.ts';
import { answerLost, awsError, notPerformed, rewritten, secretOfAws } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { ocspRequest, readOcspResponse } from '../support/ocsp.ts';

// KMS and DynamoDB fail, and the client is told so in its own protocol.

let runtime: FaultyRuntime;
let request: Uint8Array;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
  const { certificate } = await certifiedAgent(runtime.call);
  request = ocspRequest([{ issuer: (await authorityPems(runtime.call)).issuing, serialNumber: certificate.serial_number }]);
});
afterEach(() => runtime.calm());
afterAll(() => runtime.stop());

async function ask() {
  const response = await fetch(`${runtime.distributionUrl}/ocsp`, { method: 'POST', body: request as NonNullable<RequestInit['body']> });
  const der = new Uint8Array(await response.arrayBuffer());
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/ocsp-response']);
  expect(Buffer.from(der).includes(secretOfAws)).toBe(false);
  return { ...readOcspResponse(der), cacheControl: response.headers.get('cache-control') };
}

const tryLater = { status: 'trylater', responses: [], cacheControl: 'no-store' };
const recovered = { status: 'successful', responses: [{ status: 'good' }] };

describe.each([
  ['KMS', () => runtime.kms, requests.sign],
  ['DynamoDB', () => runtime.dynamodb, requests.readCertificate],
] as const)('%s', (_, proxy, pattern) => {
  test('is down: tryLater, and afterwards as before', async () => {
    await proxy().down();
    expect(await ask()).toMatchObject(tryLater);
    await proxy().up();
    expect(await ask()).toMatchObject(recovered);
  });

  test.each([
    ['does not get the request', notPerformed],
    ['throttles', awsError('ThrottlingException')],
    ['lets nobody in', awsError('AccessDeniedException')],
    ['has lost its answer', answerLost],
  ])('%s: tryLater', async (__, fault) => {
    proxy().inject(pattern, fault);
    expect(await ask()).toMatchObject(tryLater);
    runtime.calm();
    expect(await ask()).toMatchObject(recovered);
  });

  test('fails once: the client does not learn of it', async () => {
    const injection = proxy().inject(pattern, notPerformed, { times: 1 });
    expect(await ask()).toMatchObject(recovered);
    expect(injection.hits).toBe(1);
  });
});

test('the responder’s key is disabled or gone: tryLater', async () => {
  for (const name of ['DisabledException', 'KMSInvalidStateException', 'NotFoundException']) {
    const injection = runtime.kms.inject(requests.sign, awsError(name));
    expect(await ask()).toMatchObject(tryLater);
    injection.remove();
  }
  expect(await ask()).toMatchObject(recovered);
});

test('a signature that does not verify is not sent: internalError', async () => {
  runtime.kms.inject(requests.sign, rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(256, 1).toString('base64') })));
  expect(await ask()).toMatchObject({ status: 'internalerror', responses: [], cacheControl: 'no-store' });
});

test('the responder has no certificate any more: noticed when it could not sign, and put right by the daily schedule', async () => {
  await runtime.aftermath.remove([{ pk: 'CA#ocsp', sk: 'CA' }]);
  runtime.kms.inject(requests.sign, awsError('DisabledException'));
  expect(await ask()).toMatchObject(tryLater);
  runtime.calm();
  expect(await ask()).toMatchObject(tryLater);
  await runtime.runSchedule('mint-authority');
  expect(await ask()).toMatchObject(recovered);
});
