import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './harness/bench.ts';
import { median, percentile, rounded } from './harness/statistics.ts';

const certificatesWanted = 20;
const deadlineMilliseconds = 10_000;

/** From the moment a high-risk event is accepted to the first answer that its agent's certificate is revoked. */
export const autoRevoke: Bench = {
  summary: 'time from a high-risk event to the revoked certificate',
  async run({ service, seconds, concurrency, signal }) {
    const { takeCertificates, request, runtime } = await service();
    const certificates = await takeCertificates(certificatesWanted, { seconds, concurrency, signal });
    const latencies: number[] = [];
    for (const { agentId, serialNumber } of certificates) {
      // The stream is read more seldom when nothing comes; so at a quiet moment, and at any point between two looks.
      await runtime.idle();
      await delay(150 + Math.random() * 100, undefined, { signal });
      await request(201, 'POST', '/events', { agent_id: agentId, action_type: 'transaction_anomaly' });
      const acceptedAt = performance.now();
      while ((await request(200, 'GET', `/verify/${serialNumber}`))['status'] !== 'revoked') {
        if (performance.now() - acceptedAt > deadlineMilliseconds) throw new Error(`Certificate ${serialNumber} is not revoked ${deadlineMilliseconds} ms after a high-risk event.`);
      }
      latencies.push(performance.now() - acceptedAt);
    }
    return [{
      title: 'Automatic revocation',
      rows: [{ from: 'event accepted', to: 'verify says revoked', measured: latencies.length, p50_ms: rounded(median(latencies)), slowest_ms: rounded(percentile(latencies, 1)) }],
      remarks: ['The local runtime reads an idle stream every 80 ms; Lambda reads it four times a second, so on AWS expect up to 250 ms more.'],
    }];
  },
};
