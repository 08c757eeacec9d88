import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';

/** A Lambda handler of any event; `invoke` hands it its event as JSON. */
export type LambdaHandler = (event: never, context: Context) => unknown;

/** Where the `handler` of a function comes from: a module of lambdas/handlers, or a test's own. */
export type LoadHandler = (functionName: string) => Promise<LambdaHandler>;

/** Thrown where a function took longer than its time; like Lambda, whatever it goes on to do is no longer waited for. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

export interface InvocationOptions {
  readonly functionName: string;
  readonly timeoutSeconds: number;
  /** A UUID by default, as Lambda gives each invocation. */
  readonly requestId?: string;
}

const running = new AsyncLocalStorage<string>();

/** The function that the calling code runs for: all of them share this process, and whoever records calls to AWS wants to know whose they are. */
export const runningFunction = (): string | undefined => running.getStore();

/**
 * Calls `handler` as Lambda would: event and result pass through JSON, so that nothing survives here that the wire would drop. Rejects with
 * what the handler threw, or with TimeoutError.
 */
export async function invoke(handler: LambdaHandler, event: unknown, options: InvocationOptions): Promise<unknown> {
  const { functionName, timeoutSeconds, requestId = randomUUID() } = options;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TimeoutError(`${functionName} did not finish within ${timeoutSeconds} s.`)),
      timeoutSeconds * 1000,
    );
  });
  const call = async () => handler(throughJson(event) as never, contextOf(functionName, requestId, timeoutSeconds));
  try {
    return throughJson(await Promise.race([running.run(functionName, call), timeout]));
  } finally {
    clearTimeout(timer);
  }
}

function throughJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
function contextOf(functionName: string, awsRequestId: string, timeoutSeconds: number): Context {
  const deadline = performance.now() + timeoutSeconds * 1000;
  const callbackStyle = () => {
    throw new Error('Handlers here are async functions: return or throw.');
  };
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:eu-west-1:000000000000:function:${functionName}`,
    memoryLimitInMB: '512',
    awsRequestId,
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, Math.round(deadline - performance.now())),
    done: callbackStyle,
    fail: callbackStyle,
    succeed: callbackStyle,
  };
}
