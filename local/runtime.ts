import { basePath, routes } from '../lambdas/routes.ts';
import { ensureAuthorityKeys } from './authority-keys.ts';
import { openDataDirectory } from './data-directory.ts';
import { appendDurably } from './durable-file.ts';
import { startDynamodb } from './dynamodb.ts';
import { applyEnvironment, handlerEnvironment, sdkEnvironment } from './environment.ts';
import { startGateway } from './gateway.ts';
import { invoke, type LambdaHandler } from './invocation.ts';
import { startKms } from './kms.ts';
import { startEventSourceMapping, type DeadLetter } from './streams.ts';
import { seedTenants, type LocalTenant, type TenantSeed } from './tenants.ts';

export interface RuntimeOptions {
  readonly tenants: readonly TenantSeed[];
  /** Of the API; 0, the default, takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Where everything is kept; in memory without it. */
  readonly dataDirectory?: string;
  /** What stands between the handlers and the two services, for tests of faults: given an endpoint, answers the one to use instead. */
  readonly interpose?: {
    readonly dynamodb?: (endpoint: string) => Promise<string>;
    readonly kms?: (endpoint: string) => Promise<string>;
  };
  /** Ends a start that is under way: what was started is ended again, and the start rejects with the reason. */
  readonly signal?: AbortSignal;
}

export interface Runtime {
  /** Of the API, with its base path. */
  readonly url: string;
  readonly dynamodbEndpoint: string;
  readonly kmsEndpoint: string;
  readonly tableNames: typeof tableNames;
  readonly tenants: readonly LocalTenant[];
  readonly deadLetters: readonly DeadLetter[];
  /** Resolves, with what to say about it, if a part of the runtime breaks down. */
  readonly failed: Promise<Error>;
  /** Resolves once the stream's function has dealt with everything written before the call. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

const tableNames = { registry: 'kakunin-registry', risk: 'kakunin-risk' } as const;

/**
 * Starts the whole service on this machine: KMS, DynamoDB, the CA, the tenants, the risk stream's consumer, the API. The handlers find
 * everything through their environment, which is this process's: one runtime at a time, and since a handler keeps its clients, one per
 * process. Rejects with one sentence, and with everything ended that it had started.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { tenants: seeds, interpose = {}, signal } = options;
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
    endings.push(applyEnvironment(sdkEnvironment(process.env)));

    const data = options.dataDirectory === undefined ? undefined : await start(openDataDirectory(options.dataDirectory), (directory) => directory.close());
    const kms = await start(startKms(data && { dataDirectory: data.keys }), (part) => part.close());
    const dynamodb = await start(
      startDynamodb({ tableNames, otherEndpoint: otherDynamodb, ...(data && { databaseFile: data.databaseFile, pidFile: data.enginePidFile }) }),
      (part) => part.close(),
    );

    const [dynamodbEndpoint, kmsEndpoint] = [await (interpose.dynamodb ?? unchanged)(dynamodb.endpoint), await (interpose.kms ?? unchanged)(kms.endpoint)];
    const authorityKeys = await ensureAuthorityKeys(kms.endpoint);
    endings.push(applyEnvironment(handlerEnvironment(process.env, { dynamodbEndpoint, kmsEndpoint, tableNames, authorityKeys })));
    signal?.throwIfAborted();

    await invoke(await loadHandler('mint-authority'), { RequestType: 'Create', ResourceProperties: {} }, { functionName: 'mint-authority', timeoutSeconds: 60 });
    const tenants = await seedTenants(dynamodb.endpoint, tableNames.registry, seeds);
    await data?.markComplete();
    signal?.throwIfAborted();

    const mapping = await start(
      startEventSourceMapping({
        endpoint: dynamodb.endpoint,
        tableName: tableNames.risk,
        functionName: 'auto-revoke',
        handler: await loadHandler('auto-revoke'),
        // As in lib/revocation.ts.
        parallelizationFactor: 10,
        maximumRetryAttempts: 10,
        ...(data && { checkpointFile: data.checkpointFile('auto-revoke') }),
        onDeadLetter: (deadLetter) => keep(deadLetter, data?.deadLettersFile),
      }),
      (part) => part.stop(),
    );
    // None is left for the first request to wait for, or to find missing.
    for (const functionName of [...Object.keys(routes), 'authorize']) await loadHandler(functionName);
    const { port, host } = options;
    const gateway = await start(
      startGateway({ routes, basePath, load: loadHandler, ...(port !== undefined && { port }), ...(host !== undefined && { host }) }),
      (part) => part.close(),
    );

    return {
      url: gateway.url,
      dynamodbEndpoint: dynamodb.endpoint,
      kmsEndpoint: kms.endpoint,
      tableNames,
      tenants,
      deadLetters: mapping.deadLetters,
      failed: dynamodb.died,
      idle: () => mapping.idle(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const unchanged = (endpoint: string) => Promise.resolve(endpoint);

/** Handlers read their environment when they are first called, and only then may be loaded. */
async function loadHandler(functionName: string): Promise<LambdaHandler> {
  const { handler } = (await import(`../lambdas/handlers/${functionName}.ts`)) as { handler: LambdaHandler };
  return handler;
}

async function keep(deadLetter: DeadLetter, file: string | undefined): Promise<void> {
  const { functionName, tableName, attempts, records, error } = deadLetter;
  process.stderr.write(`${functionName} gave up on ${records.length} records of ${tableName} after ${attempts} attempts: ${error}\n`);
  if (file !== undefined) await appendDurably(file, `${JSON.stringify(deadLetter)}\n`);
}
