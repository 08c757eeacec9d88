import { environment } from '../lambdas/handlers/environment.ts';
import { addressLimits, stageThrottle, stageThrottles, standardPlan, usagePlans, type AddressLimits, type UsagePlan } from '../lambdas/rate-limits.ts';
import { basePath, routes, type RouteName } from '../lambdas/routes.ts';
import { exhaustedDeliveryQueue, queueConsumers, schedules as triggers, type QueueConsumerName, type ScheduledName } from '../lambdas/triggers.ts';
import { accountId, region } from './account.ts';
import { openAddress } from './address.ts';
import { ensureAuthorityKeys } from './authority-keys.ts';
import { noConsumers, startConsumers } from './consumers.ts';
import { openDataDirectory } from './data-directory.ts';
import { openDeadLetterBucket } from './dead-letters.ts';
import { startDynamodb } from './dynamodb.ts';
import { startEventBridge, type EmbeddedEventBridge } from './eventbridge.ts';
import { applyEnvironment, checkSettings, handlerEnvironment, sdkEnvironment, settingsEnvironment } from './environment.ts';
import { limitAddresses } from './gateway/address-limits.ts';
import { createAdmission, type Admission } from './gateway/admission.ts';
import { createApi } from './gateway/api.ts';
import { createDistribution } from './gateway/distribution.ts';
import { watchEventLoop, type EventLoopWatch } from './gateway/event-loop.ts';
import { sheddingLoad } from './gateway/load-shedding.ts';
import { createStageThrottling } from './gateway/stage-throttling.ts';
import { tenantLimits } from './gateway/tenant-limits.ts';
import { loadHandler } from './handlers.ts';
import { invoke, type LoadHandler } from './invocation.ts';
import { startKms, type EmbeddedKmsOptions } from './kms.ts';
import { startS3 } from './s3.ts';
import { queueDefinitions, queueNameOf } from './queue-definitions.ts';
import { startSchedules } from './schedules.ts';
import { startSqs } from './sqs.ts';
import type { DeadLetter } from './streams.ts';
import { seedTenants, type LocalTenant, type TenantSeed } from './tenants.ts';

export interface RuntimeOptions {
  readonly tenants: readonly TenantSeed[];
  /** Of the API; 0, the default, takes a free one, which with a data directory is the one it had before. */
  readonly port?: number;
  /** Where everything is kept; in memory without it. */
  readonly dataDirectory?: string;
  /** What stands between the handlers and the services, for tests of faults: given an endpoint, answers the one to use instead. */
  readonly interpose?: {
    readonly dynamodb?: (endpoint: string) => Promise<string>;
    readonly kms?: (endpoint: string) => Promise<string>;
    readonly s3?: (endpoint: string) => Promise<string>;
    readonly sqs?: (endpoint: string) => Promise<string>;
    readonly eventBridge?: (endpoint: string) => Promise<string>;
    /** The same between all that calls functions and the functions: for functions that die, and messages that are taken away. */
    readonly handlers?: (load: LoadHandler) => LoadHandler;
  };
  /** Key material for tests that need many keys, and KMS's quotas for those that are about them. */
  readonly kms?: Pick<EmbeddedKmsOptions, 'keyMaterial' | 'quotas'>;
  /** How many requests the functions are given at once; what is beyond that is answered 503. By default there is no bound. */
  readonly concurrency?: number;
  /** Whether the clock calls the scheduled functions, as it does by default; `runSchedule` does so in any case. */
  readonly automaticSchedules?: boolean;
  /** Whether streams and queues call their functions, as they do by default; without it, whoever reads them does so by hand. */
  readonly automaticConsumers?: boolean;
  /** How often tenants, addresses and all together may ask: as in a deployed stack by default, or `off`. */
  readonly rateLimits?: RateLimits | 'off';
  /** Ends a start that is under way: what was started is ended again, and the start rejects with the reason. */
  readonly signal?: AbortSignal;
}

export interface RateLimits {
  /** Of every tenant. */
  readonly plan: UsagePlan;
  readonly addresses: AddressLimits;
}

const deployedRateLimits: RateLimits = { plan: usagePlans[standardPlan], addresses: addressLimits };

export interface Runtime {
  /** Of the API, with its base path. */
  readonly url: string;
  /** What certificates name for CRLs, OCSP and CA certificates, without a trailing slash. */
  readonly distributionUrl: string;
  readonly dynamodbEndpoint: string;
  readonly kmsEndpoint: string;
  readonly s3Endpoint: string;
  readonly sqsEndpoint: string;
  /** The last events that were published, oldest first. */
  readonly publishedEvents: EmbeddedEventBridge['events'];
  readonly tableNames: typeof tableNames;
  readonly bucketNames: typeof bucketNames;
  readonly tenants: readonly LocalTenant[];
  /** What stream consumers have given up since the start. */
  readonly deadLetters: readonly DeadLetter[];
  /** Resolves, with what to say about it, if a part of the runtime breaks down. */
  readonly failed: Promise<Error>;
  /**
   * Resolves once the streams' and queues' functions have dealt with everything written before the call, and with what follows from it;
   * what is to be tried again later is not waited for.
   */
  idle(): Promise<void>;
  /** Calls a scheduled function as its schedule would. */
  runSchedule(name: ScheduledName): Promise<void>;
  stop(): Promise<void>;
}

export const tableNames = { registry: 'kakunin-registry', risk: 'kakunin-risk' } as const;
const eventBusName = 'kakunin';
const bucketNames = { distribution: 'kakunin-distribution', deadLetters: 'kakunin-dead-letters', audit: 'kakunin-audit' } as const;

/**
 * Starts the whole service on this machine: KMS, DynamoDB, S3, SQS, EventBridge, the CA, the tenants, the consumers of streams and queues,
 * the schedules, the API. The handlers find everything through their environment, which is this process's: one runtime at a time, and since a handler keeps its
 * clients, one per process. Rejects with one sentence, and with everything ended that it had started.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { tenants: seeds, port, interpose = {}, concurrency, automaticSchedules = true, automaticConsumers = true, rateLimits = deployedRateLimits, signal } = options;
  const load = (interpose.handlers ?? unchangedHandlers)(loadHandler);
  const endings: (() => unknown)[] = [];
  const stop = async () => {
    for (let end = endings.pop(); end !== undefined; end = endings.pop()) await end();
  };
  /** Starts a part, and has it ended when the rest ends, after everything that was started later. */
  async function start<Part>(starting: Promise<Part>, end: (part: Part) => unknown): Promise<Part> {
    const part = await starting;
    endings.push(() => end(part));
    signal?.throwIfAborted();
    return part;
  }

  try {
    signal?.throwIfAborted();
    const otherDynamodb = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
    endings.push(applyEnvironment({ ...sdkEnvironment(process.env), ...settingsEnvironment(process.env) }));
    checkSettings();

    const data = options.dataDirectory === undefined ? undefined : await start(openDataDirectory(options.dataDirectory), (directory) => directory.close());
    // The port first: the CA's certificates name it.
    const { gateway, distributionUrl } = await start(openAddress(port, data), (address) => address.gateway.close());
    const kms = await start(startKms({ ...options.kms, quotas: false, ...(data && { dataDirectory: data.keys }) }), (part) => part.close());
    const s3 = await start(startS3({ buckets: Object.values(bucketNames), ...(data && { dataDirectory: data.objects }) }), (part) => part.close());
    const sqs = await start(startSqs({ region, accountId, queues: queueDefinitions, ...(data && { dataDirectory: data.messages }) }), (part) => part.close());
    const eventBridge = await start(startEventBridge({ region, accountId, buses: [eventBusName] }), (part) => part.close());
    const dynamodb = await start(
      startDynamodb({ tableNames, otherEndpoint: otherDynamodb, ...(data && { databaseFile: data.databaseFile, pidFile: data.enginePidFile }) }),
      (part) => part.close(),
    );

    const dynamodbEndpoint = await (interpose.dynamodb ?? unchanged)(dynamodb.endpoint);
    const kmsEndpoint = await (interpose.kms ?? unchanged)(kms.endpoint);
    const s3Endpoint = await (interpose.s3 ?? unchanged)(s3.endpoint);
    const sqsEndpoint = await (interpose.sqs ?? unchanged)(sqs.endpoint);
    const eventBridgeEndpoint = await (interpose.eventBridge ?? unchanged)(eventBridge.endpoint);
    const queueUrlOf = (name: string) => sqs.queueUrl(queueNameOf(name), sqsEndpoint);
    const queueUrls = Object.fromEntries(Object.keys(queueConsumers).map((name) => [name, queueUrlOf(name)])) as Record<QueueConsumerName, string>;
    const authorityKeys = await ensureAuthorityKeys(kms.endpoint, environment('issuingGenerations'));
    endings.push(applyEnvironment(handlerEnvironment({
      dynamodbEndpoint, kmsEndpoint, s3Endpoint, sqsEndpoint, eventBridgeEndpoint, tableNames, eventBusName, authorityKeys, distributionUrl,
      queueUrls, exhaustedDeliveryQueueUrl: queueUrlOf(exhaustedDeliveryQueue), distributionBucket: bucketNames.distribution, auditBucket: bucketNames.audit,
    })));
    signal?.throwIfAborted();

    const { timeoutSeconds } = triggers['mint-authority'];
    await invoke(await load('mint-authority'), { RequestType: 'Create', ResourceProperties: {} }, { functionName: 'mint-authority', timeoutSeconds });
    const tenants = await seedTenants(dynamodb.endpoint, tableNames.registry, seeds);
    await data?.markComplete();
    signal?.throwIfAborted();

    const deadLetterBucket = openDeadLetterBucket(s3.endpoint, bucketNames.deadLetters);
    endings.push(() => deadLetterBucket.close());
    const consumers = !automaticConsumers ? noConsumers : await start(
      startConsumers({ load, endpoint: dynamodb.endpoint, sqs, tableNames, checkpointFile: data?.checkpointFile, onDeadLetter: (deadLetter) => deadLetterBucket.put(deadLetter) }),
      (part) => part.stop(),
    );
    // None is left for the first request to wait for, or to find missing.
    for (const functionName of [...Object.keys(routes), 'authorize']) await load(functionName);
    const admission = concurrency === undefined ? undefined : admissionFor(concurrency, await start(Promise.resolve(watchEventLoop(latestMilliseconds)), (watch) => watch.stop()));
    const api = createApi({
      routes, basePath, load,
      ...(rateLimits !== 'off' && { tenantLimits: tenantLimits(rateLimits.plan), isWithinThrottle: createStageThrottling(stageThrottle, stageThrottles) }),
    });
    const shedding = sheddingLoad({ api, routes, basePath, admission });
    gateway.serve(createDistribution({
      api: rateLimits === 'off' ? shedding : limitAddresses(shedding, rateLimits.addresses),
      basePath,
      find: (key) => s3.read(bucketNames.distribution, key),
    }), admission);
    endings.push(() => gateway.close());
    // The minting, which the deployment does in the stack, signs more at once than a second of a small quota allows.
    kms.setQuotas(options.kms?.quotas ?? false);
    const schedules = startSchedules({ automatic: automaticSchedules, load });
    endings.push(() => schedules.stop());

    return {
      url: gateway.origin + basePath,
      distributionUrl,
      dynamodbEndpoint: dynamodb.endpoint,
      kmsEndpoint: kms.endpoint,
      s3Endpoint: s3.endpoint,
      sqsEndpoint: sqs.endpoint,
      publishedEvents: eventBridge.events,
      tableNames,
      bucketNames,
      tenants,
      deadLetters: consumers.deadLetters,
      failed: dynamodb.died,
      idle: () => consumers.idle(),
      runSchedule: (name) => schedules.run(name),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

// Making an RSA key takes a processor longer than all else that a request may cause: what waits for one must leave room for the rest.
const keyMakers: readonly RouteName[] = ['certify-agent', 'renew-certificate'];
const keyMakersShare = 8;

/** How late the thread may be before fewer requests are let in. */
const latestMilliseconds = 200;

function admissionFor(concurrency: number, { isBehind }: EventLoopWatch): Admission {
  return createAdmission({ concurrency, slow: { functionNames: keyMakers, concurrency: Math.ceil(concurrency / keyMakersShare) }, isBehind });
}

const unchanged = (endpoint: string) => Promise.resolve(endpoint);
const unchangedHandlers = (load: LoadHandler) => load;
