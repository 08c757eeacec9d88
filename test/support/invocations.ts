import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Context, DynamoDBRecord, SQSRecord } from 'aws-lambda';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { eventBridge } from '../../lambdas/aws/eventbridge-client.ts';
import { kms, kmsWithoutRetries } from '../../lambdas/aws/kms-client.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { sqs } from '../../lambdas/aws/sqs-client.ts';
import { invoke, type LambdaHandler, type LoadHandler } from '../../local/invocation.ts';
import { invocationHeader } from './faults.ts';

/*
 * Every call of every function, known by an id that its requests to AWS carry on the wire. One may be killed, as where its process
 * dies: whoever called it is told at once, and nothing of what it goes on to do arrives anywhere. And what a stream or a queue would
 * hand to a function may be taken away, to be handed over by hand.
 */

export interface Invocation {
  readonly id: string;
  readonly functionName: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- of an API, a stream, a queue or a clock
  readonly event: any;
  isDead: boolean;
  /** Resolves once the function has returned or thrown, to whomever. */
  readonly ended: Promise<void>;
  kill(): void;
}

export interface Invocations {
  /** For `interpose.handlers` of a runtime. */
  readonly handlers: (load: LoadHandler) => LoadHandler;
  /** Has the service's clients say whose their requests are; to be called once the runtime is up. */
  nameRequests(): void;
  find(id: string | undefined): Invocation | undefined;
  /** Those of the function's records or messages that have `text` in them are no longer handed to it; answers what was taken so far. */
  takeAway(functionName: string, text: string): () => readonly (DynamoDBRecord | SQSRecord)[];
  /** Hands records or messages over in one batch. Answers whether all were dealt with; throws what the function throws. */
  deliver(functionName: string, records: readonly (DynamoDBRecord | SQSRecord)[], timeoutSeconds: number, requestId: string): Promise<boolean>;
  /** Resolves once no function is running, dead ones included. */
  quiet(): Promise<void>;
}

type Record = DynamoDBRecord | SQSRecord;
interface Batch { readonly Records?: readonly Record[] }

export function traceInvocations(): Invocations {
  const current = new AsyncLocalStorage<Invocation>();
  const invocations = new Map<string, Invocation>();
  const claims: { functionName: string; text: string; taken: Record[] }[] = [];
  const byHand = new Set<string>();
  let loadHandler: LoadHandler = () => Promise.reject(new Error('No runtime has been started.'));

  async function run(functionName: string, handler: LambdaHandler, event: never, context: Context): Promise<unknown> {
    let end = () => {};
    let die: (error: Error) => void = () => {};
    const ended = new Promise<void>((resolve) => { end = resolve; });
    const death = new Promise<never>((_, reject) => { die = reject; });
    death.catch(() => undefined);
    const invocation: Invocation = {
      id: context.awsRequestId, functionName, event, ended, isDead: false,
      kill() {
        invocation.isDead = true;
        die(new Error(`The process of ${functionName} was killed.`));
      },
    };
    invocations.set(invocation.id, invocation);
    const running = current.run(invocation, async () => handler(event, context));
    running.then(end, end);
    return Promise.race([running, death]);
  }

  /** The batch without what is taken away. */
  function left(functionName: string, event: Batch): Batch {
    const here = claims.filter((claim) => claim.functionName === functionName);
    if (event.Records === undefined || here.length === 0) return event;
    const Records = event.Records.filter((record) => {
      const text = JSON.stringify(record);
      const claim = here.find((one) => text.includes(one.text));
      claim?.taken.push(record);
      return claim === undefined;
    });
    return { ...event, Records };
  }

  return {
    handlers: (load) => (loadHandler = async (functionName) => {
      const handler = await load(functionName);
      return (event, context) => {
        const rest = byHand.has(context.awsRequestId) ? event : left(functionName, event) as never;
        const isEmpty = (rest as Batch).Records?.length === 0;
        return isEmpty ? { batchItemFailures: [] } : run(functionName, handler, rest, context);
      };
    }),

    nameRequests() {
      for (const client of [dynamodb(), kms(), kmsWithoutRetries(), s3(), sqs(), eventBridge()]) {
        const { requestHandler } = client.config as { requestHandler: { handle: (request: { headers: { [name: string]: string } }, options: unknown) => unknown } };
        const handle = requestHandler.handle.bind(requestHandler);
        requestHandler.handle = (request, options) => {
          const invocation = current.getStore();
          if (invocation !== undefined) request.headers[invocationHeader] = invocation.id;
          return handle(request, options);
        };
      }
    },

    find: (id) => (id === undefined ? undefined : invocations.get(id)),

    takeAway(functionName, text) {
      const taken: Record[] = [];
      claims.push({ functionName, text, taken });
      return () => taken;
    },

    async deliver(functionName, Records, timeoutSeconds, requestId) {
      byHand.add(requestId);
      const result = await invoke(await loadHandler(functionName), { Records }, { functionName, timeoutSeconds, requestId });
      return (result as { batchItemFailures: readonly unknown[] }).batchItemFailures.length === 0;
    },

    quiet: async () => void (await Promise.all([...invocations.values()].map(({ ended }) => ended))),
  };
}

export const newInvocationId = () => randomUUID();
