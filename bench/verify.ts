import type { Bench } from './harness/bench.ts';
import { load, requestReport } from './harness/load.ts';

const certificatesWanted = 20;
const warmUpRequests = 100;

/** What anyone may ask of a certificate: whether it still holds. */
export const verify: Bench = {
  summary: 'verifications of active certificates per second',
  async run({ service, seconds, concurrency, signal }) {
    const { certificates: active, request } = await service();
    const certificates = await active(certificatesWanted, { seconds, concurrency, signal });
    const ask = (index: number) => request(200, 'GET', `/verify/${certificates[index % certificates.length]?.serialNumber}`);
    await load(ask, { seconds, concurrency, signal, maximum: warmUpRequests });
    const measurement = await load(ask, { seconds, concurrency, signal });
    return [requestReport({ request: 'verify', concurrency, measurement })];
  },
};
