import { types } from 'node:util';
import { openAftermath, type Aftermath } from './faults-aftermath.ts';
import { startFaultProxy, type FaultProxy } from './faults.ts';
import type { RuntimeOptions } from '../../local/runtime.ts';
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
  readonly s3: FaultProxy;
  readonly sqs: FaultProxy;
  readonly eventBridge: FaultProxy;
}

const services = ['dynamodb', 'kms', 's3', 'sqs', 'eventBridge'] as const;

/** The whole service, with a fault proxy before each of the services it stands on. */
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
export async function startFaultyRuntime(beforeTheStart: (proxies: Proxies) => void = () => undefined, options: Partial<RuntimeOptions> = {}): Promise<FaultyRuntime> {
  process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'; // Faults fill the log, as they should.
  const started: { -readonly [Name in keyof Proxies]?: Proxies[Name] } = {};
  const interpose = (name: keyof Proxies) => async (endpoint: string) => {
    const proxy = (started[name] = await startFaultProxy(endpoint));
    if (services.every((service) => started[service])) beforeTheStart(started as Proxies);
    return proxy.endpoint;
  };
  const closeProxies = () => Promise.all(Object.values(started).map((proxy) => proxy.close()));
  const runtime = await startTestRuntime({ ...options, interpose: { ...options.interpose, ...Object.fromEntries(services.map((service) => [service, interpose(service)])) } })
    .catch(async (error: unknown) => {
      await closeProxies();
      throw error;
    });
  const proxies = started as Proxies;
  const aftermath = openAftermath(runtime);
  const calm = () => Object.values(proxies).forEach((proxy) => (proxy as FaultProxy).reset());
  return {
    ...runtime,
    ...proxies,
    aftermath,
    async newAgent(fields = {}, options = {}) {
      const { status, body } = await runtime.call('POST', '/agents', { ...options, body: { name: 'Trader', model_hash: 'sha256:0123', ...fields } });
      if (status !== 201) throw new Error(`An agent was refused: ${status} ${JSON.stringify(body)}`);
      return body.data.id as string;
    },
    certify: (agentId, options) => runtime.call('POST', `/agents/${agentId}/certify`, options),
    verify: (serial) => runtime.call('GET', `/verify/${serial}`, { key: null }),
    calm,
    async stop() {
      aftermath.close();
      // What is under way can end well then; it would otherwise be tried again for as long as its function may take.
      calm();
      await runtime.stop();
      await closeProxies();
    },
  };
}
