import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { awsError } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';

// AWS makes five keys a second and refuses to make more (https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html),
// and a small machine makes no more than that. So of 200 agents most have to come again, as Retry-After tells them; none
// may lose anything by it.

const agentCount = 200;

let runtime: FaultyRuntime;

beforeAll(async () => {
  runtime = await startFaultyRuntime();
});
afterAll(() => runtime.stop(), 60_000);

interface Issued {
  readonly id: string;
  readonly serial_number: string;
  readonly kms_key_arn: string;
  readonly certificate_pem: string;
}

test('200 agents certified at once get 200 certificates, keys and serial numbers, each of which verifies', async () => {
  const throttle = runtime.kms.limit(requests.createKey, 8, awsError('ThrottlingException'));
  const agentIds = await Promise.all(Array.from({ length: agentCount }, () => runtime.newAgent()));
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10;
  const answers: Record<string, number> = {};
  let atFirst = 0;

  const certifyPatiently = async (agentId: string): Promise<Issued> => {
    for (let attempt = 1; ; attempt++) {
      const { status, headers, body } = await runtime.certify(agentId);
      const answer = `${status} ${body.code ?? ''}`.trim();
      answers[answer] = (answers[answer] ?? 0) + 1;
      if (status === 201) {
        if (attempt === 1) atFirst++;
        return body.data;
      }
      // The answer of an earlier attempt that gave up waiting, but not before it had begun.
      if (body.code === 'ACTIVE_CERTIFICATE_EXISTS') return (await runtime.call('GET', `/certificates/${body.data.certificate_id}`)).body.data;
      expect(['503 KMS_UNAVAILABLE', '503 REGISTRY_UNAVAILABLE', '503 SERVICE_UNAVAILABLE', '409 ISSUANCE_IN_PROGRESS']).toContain(answer);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      await sleep(Number(headers.get('retry-after')) * 1000);
    }
  };
  const issued = await Promise.all(agentIds.map(certifyPatiently));
  const took = seconds();

  const distinct = (values: readonly unknown[]) => new Set(values).size;
  const certificates = issued.map(({ certificate_pem }) => new X509Certificate(certificate_pem));
  expect(distinct(issued.map(({ serial_number }) => serial_number))).toBe(agentCount);
  expect(distinct(issued.map(({ kms_key_arn }) => kms_key_arn))).toBe(agentCount);
  expect(distinct(certificates.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' })))).toBe(agentCount);

  const { body } = await runtime.call('GET', '/ca', { key: null, headers: { accept: 'application/json' } });
  const issuingCertificate = new X509Certificate(body.data.certificates[0].certificate_pem);
  for (const certificate of certificates) expect(certificate.verify(issuingCertificate.publicKey)).toBe(true);
  const verdicts = await Promise.all(issued.map(({ serial_number }) => runtime.verify(serial_number)));
  expect(verdicts.map(({ body: { data } }) => [data.valid, data.agent_id])).toEqual(agentIds.map((agentId) => [true, agentId]));

  const keys = await runtime.aftermath.agentKeys();
  const arns = new Set(issued.map(({ kms_key_arn }) => kms_key_arn));
  const orphans = keys.filter(({ arn, state }) => !arns.has(arn) && state !== 'PendingDeletion').length;
  process.stdout.write(`${agentCount} agents at once: ${took} s, ${atFirst} served by their first request, answers ${JSON.stringify(answers)}, CreateKey refused ${throttle.hits} times, ${keys.length} keys made, ${orphans} of them nobody's\n`);
  // A key nobody has the ARN of comes from a CreateKey that was given up on, and from nothing else.
  expect(orphans).toBeLessThanOrEqual((answers['503 KMS_UNAVAILABLE'] ?? 0) + (answers['503 SERVICE_UNAVAILABLE'] ?? 0));
}, 600_000);
