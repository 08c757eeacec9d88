import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { fullAgent } from '../support/agents.ts';
import { keyPool } from '../support/key-pool.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

let runtime: TestRuntime;

beforeAll(async () => {
  process.env['CERTIFICATE_VALIDITY_DAYS'] = '30';
  runtime = await startTestRuntime({ kms: { keyMaterial: keyPool() } });
});
afterAll(() => runtime.stop());

test('a deployment may have its certificates hold for fewer days, to the second', async () => {
  const { body: { data: agent } } = await runtime.call('POST', '/agents', { body: fullAgent });
  const { status, body: { data } } = await runtime.call('POST', `/agents/${agent.id}/certify`);
  expect(status).toBe(201);
  const { validFrom, validTo } = new X509Certificate(data.certificate_pem);
  expect((Date.parse(validTo) - Date.parse(validFrom)) / 1000).toBe(30 * 86_400 - 1);
  expect(Date.parse(data.expires_at)).toBe(Date.parse(validTo) + 1000);
  const { body: { data: verified } } = await runtime.call('GET', `/verify/${data.serial_number}`, { key: null });
  expect([verified.valid, verified.valid_until]).toEqual([true, data.expires_at]);
});
