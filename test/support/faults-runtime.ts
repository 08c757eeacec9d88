import { types } from 'node:util';
import { openAftermath, type Aftermath } from './faults-aftermath.ts';
import { startFaultProxy, type FaultProxy } from './faults.ts';
import { startTestRuntime, type CallOptions, type Reply, type TestRuntime } from './runtime.ts';

// Jest runs tests in a realm of their own, where an error that Node itself raises, such as ECONNREFUSED, is no instance of
// Error; the SDK then replaces it by one that has lost its code. Outside Jest there is one realm.
Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    return (this === Error && types.isNativeError(value)) || (Function.prototype[Symbol.hasInstance] as (value: unknown) => boolean).call(this as () => void, value);
  },
});

interface Proxies {
  readonly dynamodb: FaultProxy;
  readonly kms: FaultProxy;
}

/** The whole service, with a fault proxy before each of the two services it stands on. */
export interface FaultyRuntime extends TestRuntime, Proxies {
  readonly aftermath: Aftermath;
  /** Registers an agent and answers its id. */
  newAgent(fields?: object, options?: CallOptions): Promise<string>;
  certify(agentId: string, options?: CallOptions): Promise<Reply>;
  verify(serial: string): Promise<Reply>;
  /** Takes away every fault and hold, and what was recorded. */
  calm(): void;
}

/** @param beforeTheStart told of the proxies before the first request, for faults that are there from the beginning. */
export async function startFaultyRuntime(beforeTheStart: (proxies: Proxies) => void = () => undefined): Promise<FaultyRuntime> {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'; // Faults fill the log, as they should.
  const started: { -readonly [Name in keyof Proxies]?: Proxies[Name] } = {};
  const runtime = await startTestRuntime({
    interpose: {
      dynamodb: async (endpoint) => (started.dynamodb = await startFaultProxy(endpoint)).endpoint,
      kms: async (endpoint) => {
        started.kms = await startFaultProxy(endpoint);
        beforeTheStart(started as Proxies);
        return started.kms.endpoint;
      },
    },
  });
  const { dynamodb, kms } = started as Proxies;
  const aftermath = openAftermath(runtime);
  return {
    ...runtime,
    dynamodb,
    kms,
    aftermath,
    async newAgent(fields = {}, options = {}) {
      const { status, body } = await runtime.call('POST', '/agents', { ...options, body: { name: 'Trader', model_hash: 'sha256:0123', ...fields } });
      if (status !== 201) throw new Error(`An agent was refused: ${status} ${JSON.stringify(body)}`);
      return body.data.id as string;
    },
    certify: (agentId, options) => runtime.call('POST', `/agents/${agentId}/certify`, options),
    verify: (serial) => runtime.call('GET', `/verify/${serial}`, { key: null }),
    calm() {
      dynamodb.reset();
      kms.reset();
    },
    async stop() {
      aftermath.close();
      await Promise.all([dynamodb.close(), kms.close()]);
      await runtime.stop();
    },
  };
}
