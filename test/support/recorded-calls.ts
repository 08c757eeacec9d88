import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { eventBridge } from '../../lambdas/aws/eventbridge-client.ts';
import { kms, kmsWithoutRetries } from '../../lambdas/aws/kms-client.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { sqs } from '../../lambdas/aws/sqs-client.ts';
import { runningFunction } from '../../local/invocation.ts';
import type { Input, SdkCall } from './iam-requests.ts';

/** A call of the handlers' own clients. */
export interface RecordedCall extends SdkCall {
  /** Whose it is; undefined where a module made it while it was loaded. */
  readonly functionName: string | undefined;
  /** What AWS answered; undefined where it refused. */
  output?: Input;
}

interface Arguments {
  readonly input: Input;
}

/** What the clients' types have in common, and do not say. */
interface SdkClient {
  readonly middlewareStack: {
    add(middleware: (next: (args: Arguments) => Promise<{ output: Input }>, context: { readonly commandName: string }) => (args: Arguments) => Promise<unknown>, options: object): void;
  };
}

/** Records from now on what the handlers ask of AWS, each attempt by itself. The clients are made here, where no handler has made them. */
export function recordCalls(): readonly RecordedCall[] {
  const calls: RecordedCall[] = [];
  const clients = { dynamodb: [dynamodb()], kms: [kms(), kmsWithoutRetries()], s3: [s3()], sqs: [sqs()], events: [eventBridge()] };
  for (const [service, ones] of Object.entries(clients) as [SdkCall['service'], unknown[]][]) {
    for (const client of ones as SdkClient[]) {
      client.middlewareStack.add((next, { commandName }) => async (args) => {
        const call: RecordedCall = { functionName: runningFunction(), service, operation: commandName.replace(/Command$/, ''), input: structuredClone(args.input) };
        calls.push(call);
        const answer = await next(args);
        call.output = answer.output;
        return answer;
      }, { name: 'record', step: 'finalizeRequest', priority: 'low' });
    }
  }
  return calls;
}
