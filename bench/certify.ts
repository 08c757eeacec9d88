import type { AwsCall } from './harness/aws-calls.ts';
import type { Bench, BenchContext, Row } from './harness/bench.ts';
import { load, requestReport, type Measurement } from './harness/load.ts';
import { mean, rounded } from './harness/statistics.ts';

// More than two processors can make keys for; agents are registered before the clock starts.
const mostPerSecond = 60;

/** Certificates, one after the other and many at once, with the part of it that is RSA key generation. */
export const certify: Bench = {
  summary: 'certificates issued per second, and how much of it is the making of RSA keys',
  async run(context) {
    const { service, seconds, concurrency } = context;
    const { certify: issue, createAgents } = await service();
    for (const agentId of await createAgents(3)) await issue(agentId);
    const alone = await measure(context, { concurrency: 1, seconds: seconds / 2 });
    const together = await measure(context, { concurrency, seconds });
    return [
      requestReport(
        { request: 'certify', concurrency: 1, measurement: alone.certifies },
        { request: 'certify', concurrency, measurement: together.certifies },
      ),
      {
        title: 'Where certify spends its time',
        rows: [shares(1, alone), shares(concurrency, together)],
        remarks: ['The embedded KMS makes an RSA-2048 key for every certificate with this machine\'s processors; AWS KMS makes it elsewhere, five a second by default quota.'],
      },
    ];
  },
};

interface Certifying {
  readonly certifies: Measurement;
  readonly createKeys: readonly AwsCall[];
}

async function measure({ service, signal }: BenchContext, { concurrency, seconds }: { concurrency: number; seconds: number }): Promise<Certifying> {
  const { awsCalls, certify: issue, createAgents } = await service();
  const agents = await createAgents(Math.ceil(mostPerSecond * seconds));
  const stop = awsCalls.start();
  const certifies = await load((index) => issue(agents[index] ?? ''), { concurrency, seconds, signal, maximum: agents.length });
  return { certifies, createKeys: stop().filter(({ operation }) => operation === 'CreateKey') };
}

function shares(concurrency: number, { certifies, createKeys }: Certifying): Row {
  const whole = mean(certifies.latenciesMilliseconds);
  const keyGeneration = mean(createKeys.map(({ startedAt, endedAt }) => endedAt - startedAt));
  return {
    request: 'certify',
    concurrency,
    mean_ms: rounded(whole),
    create_key_ms: rounded(keyGeneration),
    rest_ms: rounded(whole - keyGeneration),
    create_key_percent: rounded((100 * keyGeneration) / whole),
  };
}
