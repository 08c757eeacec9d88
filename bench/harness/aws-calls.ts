import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import type { Span } from './statistics.ts';

/** One attempt of an AWS call; what the SDK repeats counts again. */
export interface AwsCall extends Span {
  /** Such as `GetItem`. */
  readonly operation: string;
}

export interface AwsCallRecorder {
  /** Records from now on; what it returns ends that and answers the calls. */
  start(): () => AwsCall[];
}

/** Watches the handlers' own SDK clients, so it belongs behind the start of the runtime, which prepares their environment. */
export function recordAwsCalls(): AwsCallRecorder {
  const recordings = new Set<AwsCall[]>();
  for (const { middlewareStack } of [dynamodb(), kms()] as { middlewareStack: MiddlewareStack }[]) {
    middlewareStack.add(
      (next, { commandName = 'unknown' }) => async (request) => {
        const startedAt = performance.now();
        try {
          return await next(request);
        } finally {
          const call = { operation: commandName.replace(/Command$/, ''), startedAt, endedAt: performance.now() };
          for (const recording of recordings) recording.push(call);
        }
      },
      // Last in its step, and so behind the SDK's retries.
      { step: 'finalizeRequest', priority: 'low', name: 'benchCallRecorder' },
    );
  }
  return {
    start() {
      const recording: AwsCall[] = [];
      recordings.add(recording);
      return () => {
        recordings.delete(recording);
        return recording;
      };
    },
  };
}

/** What the two clients' middleware stacks have in common, whose own types know only their own commands. */
interface MiddlewareStack {
  add(
    middleware: (next: (request: object) => Promise<object>, context: { readonly commandName?: string }) => (request: object) => Promise<object>,
    options: { step: 'finalizeRequest'; priority: 'low'; name: string },
  ): void;
}
