import type { Bench } from './harness/bench.ts';
import { load, requestReport } from './harness/load.ts';

// Each costs the making of a key before it can be revoked, so there are not many.
const certificatesWanted = 100;
const warmUpRequests = 5;

/** Revocation by request. */
export const revoke: Bench = {
  summary: 'revocations per second',
  async run({ service, seconds, concurrency, signal }) {
    const { takeCertificates, request } = await service();
    const certificates = await takeCertificates(certificatesWanted, { seconds, concurrency, signal });
    const revokeOne = (certificate: { id: string } | undefined) => request(200, 'POST', `/certificates/${certificate?.id}/revoke`, { reason: 'bench', reason_code: 'superseded' });
    for (const certificate of certificates.splice(0, Math.min(warmUpRequests, certificates.length - 1))) await revokeOne(certificate);
    const measurement = await load((index) => revokeOne(certificates[index]), { seconds, concurrency, signal, maximum: certificates.length });
    return [requestReport({ request: 'revoke', concurrency, measurement })];
  },
};
