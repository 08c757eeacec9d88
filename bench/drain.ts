import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { setTimeout as delay } from 'node:timers/promises';
import { parseCrl } from '../lambdas/pki/crl.ts';
import { completeCrlPath, distributedUrl } from '../lambdas/pki/distribution-urls.ts';
import { localCredentials, region } from '../local/account.ts';
import { keyPool } from '../test/support/key-pool.ts';
import type { Bench, BenchContext, Row } from './harness/bench.ts';
import { load } from './harness/load.ts';
import { seedCertificates, type SeededCertificate } from './harness/seed.ts';
import { rounded } from './harness/statistics.ts';
import type { Service } from './harness/service.ts';

const defaultCertificates = 10_000;
const keysPerSecond = 15;
const crlShardCount = 16;
const lookEveryMilliseconds = 1000;
const progressEveryMilliseconds = 15_000;

/** Everything revoked at once: how long until the registry, the CRLs and KMS are through with it, and in which order. */
export const drain: Bench = {
  summary: `${defaultCertificates} certificates revoked at once, until their CRLs and keys are done (11 minutes)`,
  // KMS as it is in AWS where it matters here; the keys to begin with are made without its quota of five a second.
  alone: { service: { kms: { keyMaterial: keyPool(), quotas: ['ScheduleKeyDeletion'] }, automaticSchedules: false } },
  async run(context) {
    const { service, count = defaultCertificates, progress, signal } = context;
    const running = await service();
    const { runtime } = running;
    progress(`\n  ${count} certificates are being made\n`);
    const [tenant] = runtime.tenants;
    const certificates = await seedCertificates(runtime, { tenantId: tenant?.id ?? '', count, crlShardCount, signal });
    const kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region, credentials: localCredentials });
    try {
      return [{ title: `${count} certificates revoked at once`, rows: await watch(context, running, certificates, kms), remarks }];
    } finally {
      kms.destroy();
    }
  },
};

const remarks = [
  'Seconds since the first revocation was sent. Each key was asked for by itself in the end, and the entries of the complete CRL were counted.',
  `The local KMS has the quota of AWS for ScheduleKeyDeletion, ${keysPerSecond} a second, and refuses what goes beyond it.`,
];

async function watch({ concurrency, progress, signal }: BenchContext, { request, download, runtime }: Service, certificates: readonly SeededCertificate[], kms: KMSClient): Promise<Row[]> {
  const readCrl = async () => parseCrl(await download(distributedUrl(runtime.distributionUrl, completeCrlPath(1))));
  const isRetired = async ({ keyArn }: SeededCertificate) => (await kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata?.KeyState === 'PendingDeletion';
  const { length: count } = certificates;
  const publicationsBefore = (await readCrl()).crlNumber;
  const startedAt = performance.now();
  const elapsedSeconds = () => (performance.now() - startedAt) / 1000;
  const done: { revoked?: number; listed?: number; retired?: number } = {};
  const soFar = { revoked: 0, listed: 0, retired: 0, retiredWhenAllWereRevoked: 0 };

  const revoking = load(async (index) => {
    await request(200, 'POST', `/certificates/${certificates[index]?.id}/revoke`, { reason: 'bench', reason_code: 'cessationOfOperation' });
    soFar.revoked++;
  }, { seconds: Infinity, concurrency, signal, maximum: count }).then(() => {
    done.revoked = elapsedSeconds();
    soFar.retiredWhenAllWereRevoked = soFar.retired;
  });
  // Awaited below; a failure must not go unheard meanwhile.
  revoking.catch(() => undefined);

  const deadlineSeconds = 300 + (3 * count) / keysPerSecond;
  let toldAt = startedAt;
  let publications = 0n;
  while (done.retired === undefined || done.listed === undefined || done.revoked === undefined) {
    await delay(lookEveryMilliseconds, undefined, { signal });
    if (done.listed === undefined) {
      const crl = await readCrl();
      [soFar.listed, publications] = [crl.entryCount, crl.crlNumber - publicationsBefore];
      if (soFar.listed === count) done.listed = elapsedSeconds();
    }
    // In the order of their revocation, more or less, which is the stream's: so the first that is not done ends the look.
    while (soFar.retired < count && (await isRetired(certificates[soFar.retired] as SeededCertificate))) soFar.retired++;
    if (soFar.retired === count) done.retired ??= elapsedSeconds();
    if (runtime.deadLetters.length > 0) throw new Error(`A consumer has given up: ${runtime.deadLetters[0]?.error}`);
    if (elapsedSeconds() > deadlineSeconds) throw new Error(`Not drained after ${deadlineSeconds} s: ${JSON.stringify(soFar)}`);
    if (performance.now() - toldAt > progressEveryMilliseconds) {
      toldAt = performance.now();
      progress(`  ${elapsedSeconds().toFixed(0).padStart(4)} s: ${soFar.revoked} revoked, ${soFar.listed} on the complete CRL (published ${publications} times), ${soFar.retired} keys\n`);
    }
  }
  await revoking;
  await runtime.idle();
  publications = (await readCrl()).crlNumber - publicationsBefore;

  const row = (what: string, number: number, seconds: number | undefined, note = ''): Row => ({ what, number, done_after_s: rounded(seconds ?? NaN), per_second: rounded(number / (seconds ?? NaN)), note });
  return [
    row('certificates revoked in the registry', count, done.revoked, `by then ${soFar.retiredWhenAllWereRevoked} keys`),
    row('on the CRLs', count, done.listed, `the complete one published ${publications} times`),
    row('keys unusable and pending deletion', count, done.retired, `quota ${keysPerSecond} a second`),
  ];
}
