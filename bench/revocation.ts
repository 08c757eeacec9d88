import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { setTimeout as delay } from 'node:timers/promises';
import { describeCertificate, pemToDer } from '../lambdas/pki/certificate.ts';
import { parseCrl } from '../lambdas/pki/crl.ts';
import { localCredentials, region } from '../local/account.ts';
import type { Bench } from './harness/bench.ts';
import { certStatusOf, ocspRequests } from './harness/ocsp.ts';
import type { Service } from './harness/service.ts';
import { median, percentile, rounded } from './harness/statistics.ts';

const certificatesWanted = 20;
const deadlineMilliseconds = 30_000;
const pauseMilliseconds = 10;

/** From the answer to a revocation until everybody who looks sees it, and until the key is of no use. */
export const revocation: Bench = {
  summary: 'time from a revocation to verify, OCSP, the CRL and the end of the key',
  async run({ service, seconds, concurrency, signal }) {
    const running = await service();
    const certificates = await running.takeCertificates(certificatesWanted, { seconds: 3 * seconds, concurrency, signal });
    const kms = new KMSClient({ endpoint: running.runtime.kmsEndpoint, region, credentials: localCredentials, maxAttempts: 1 });
    const views = await viewsOf(running, kms);
    const latencies = new Map(Object.keys(views).map((name) => [name, [] as number[]]));
    try {
      for (const { id } of certificates) {
        const watched = watchedOf(await running.request(200, 'GET', `/certificates/${id}`));
        // At a quiet moment, and at any point between two looks at the stream.
        await running.runtime.idle();
        await delay(Math.random() * 100, undefined, { signal });
        await running.request(200, 'POST', `/certificates/${id}/revoke`, { reason: 'bench', reason_code: 'keyCompromise' });
        const answeredAt = performance.now();
        await Promise.all(Object.entries(views).map(async ([name, isRevoked]) => {
          while (!(await isRevoked(watched))) {
            signal.throwIfAborted();
            if (performance.now() - answeredAt > deadlineMilliseconds) throw new Error(`${deadlineMilliseconds} ms after its revocation, ${name} does not hold of certificate ${watched.serialNumber}.`);
            await delay(pauseMilliseconds);
          }
          latencies.get(name)?.push(performance.now() - answeredAt);
        }));
      }
    } finally {
      kms.destroy();
    }
    return [{
      title: 'Revocation',
      rows: [...latencies].map(([to, milliseconds]) => ({
        from: 'revocation answered', to, measured: milliseconds.length, p50_ms: rounded(median(milliseconds)), slowest_ms: rounded(percentile(milliseconds, 1)),
      })),
      remarks: [`All four are asked at once, and again ${pauseMilliseconds} ms after an answer that is not yet so; each figure includes the answer itself. CRLs are gathered for a second first.`],
    }];
  },
};

interface Watched {
  readonly serialNumber: string;
  readonly keyArn: string;
  readonly crlUrl: string;
}

/** @param certificate as the API answers it */
function watchedOf(certificate: Readonly<Record<string, unknown>>): Watched {
  const [crlUrl = ''] = describeCertificate(pemToDer(certificate['certificate_pem'] as string)).crlDistributionPoints;
  return { serialNumber: certificate['serial_number'] as string, keyArn: certificate['kms_key_arn'] as string, crlUrl };
}

/** Whether a certificate's revocation is there, in every way there is to look. */
async function viewsOf({ request, askOcsp, issuingCertificate, download }: Service, kms: KMSClient) {
  const requestAbout = ocspRequests(await issuingCertificate());
  return {
    'verify says revoked': async ({ serialNumber }) => (await request(200, 'GET', `/verify/${serialNumber}`))['status'] === 'revoked',
    'OCSP says revoked': async ({ serialNumber }) => certStatusOf(await askOcsp('POST', requestAbout(serialNumber))) === 'revoked',
    'the CRL it names lists it': async ({ serialNumber, crlUrl }) => {
      const crl = parseCrl(await download(crlUrl));
      return [...crl.revokedCertificates()].some((entry) => entry.serialNumber === serialNumber);
    },
    'KMS refuses to sign with its key': async ({ keyArn }) => {
      try {
        await kms.send(new SignCommand({ KeyId: keyArn, Message: new Uint8Array(32), MessageType: 'DIGEST', SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' }));
        return false;
      } catch (error) {
        if ((error as Error).name !== 'KMSInvalidStateException') throw error;
        return true;
      }
    },
  } satisfies Record<string, (certificate: Watched) => Promise<boolean>>;
}
