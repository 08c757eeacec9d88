import { paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Usage } from '../../bin/cost/usage.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { eventBridge } from '../../lambdas/aws/eventbridge-client.ts';
import { kms, kmsWithoutRetries } from '../../lambdas/aws/kms-client.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { sqs } from '../../lambdas/aws/sqs-client.ts';

export interface AwsUsageRecorder {
  /** What everything in this process has asked of AWS since the last call, and by how much the tables have grown. */
  take(): Promise<Usage>;
}

/**
 * Counts what AWS would bill, on the handlers' own SDK clients; so it belongs behind the start of the runtime, which prepares their
 * environment. Units of DynamoDB are those that its engine reports, the size of an item that of its JSON.
 */
export async function recordAwsUsage(tableNames: readonly string[]): Promise<AwsUsageRecorder> {
  let counts = nothing();
  const count = (what: keyof typeof counts, amount = 1) => void (counts[what] += amount);
  // The CA's keys; every other one is an RSA_2048, or symmetric, which costs the same.
  const longKeys = [process.env['ROOT_KEY_ID'], ...(process.env['ISSUING_KEY_IDS'] ?? '').split(',')];

  watch(dynamodb(), (name, _, { ConsumedCapacity = [] }) => {
    for (const { CapacityUnits = 0 } of [ConsumedCapacity].flat()) count(/^(Get|BatchGet|Query)/.test(name) ? 'readUnits' : 'writeUnits', name === 'Scan' ? 0 : CapacityUnits);
  });
  for (const client of [kms(), kmsWithoutRetries()]) watch(client, (_, { KeyId }) => count(longKeys.includes(KeyId) ? 'kmsRequestsLongRsa' : 'kmsRequests'));
  watch(s3(), (name) => count(/^(Put|List)/.test(name) ? 's3Writes' : 's3Reads'));
  // Whether there is something or not: Lambda's pollers receive all day long.
  watch(sqs(), (name) => count('sqsRequests', name === 'ReceiveMessage' ? 0 : 1));
  watch(eventBridge(), (_, { Entries = [] }) => count('busEvents', Entries.length));

  let size = await bytesStored(tableNames);
  counts = nothing();
  return {
    async take() {
      const { ...taken } = counts;
      const before = size;
      size = await bytesStored(tableNames);
      counts = nothing();
      return { ...taken, storedBytes: size - before };
    },
  };
}

const nothing = () => ({ readUnits: 0, writeUnits: 0, kmsRequests: 0, kmsRequestsLongRsa: 0, s3Writes: 0, s3Reads: 0, sqsRequests: 0, busEvents: 0 });

async function bytesStored(tableNames: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const TableName of tableNames) {
    for await (const { Items = [] } of paginateScan({ client: dynamodb() }, { TableName })) {
      for (const item of Items) bytes += Buffer.byteLength(JSON.stringify(item, (_, value: unknown) => (value instanceof Uint8Array ? '.'.repeat(value.length) : value)));
    }
  }
  return bytes;
}

interface Input {
  readonly KeyId?: string;
  readonly Entries?: readonly object[];
}

interface Capacity {
  readonly CapacityUnits?: number;
}

interface Output {
  readonly ConsumedCapacity?: Capacity | Capacity[];
}

/** What the clients' middleware stacks have in common, whose own types know only their own commands. */
interface MiddlewareStack {
  add(middleware: (next: (args: { input: object }) => Promise<{ output: Output }>, context: { readonly commandName?: string }) => (args: { input: object }) => Promise<{ output: Output }>, options: object): void;
}

function watch(client: object, seen: (name: string, input: Input, output: Output) => void): void {
  (client as { middlewareStack: MiddlewareStack }).middlewareStack.add((next, { commandName = '' }) => async (args) => {
    const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
    seen(commandName.replace(/Command$/, ''), args.input, result.output);
    return result;
  }, { step: 'initialize', priority: 'low', name: 'usageRecorder' });
}
