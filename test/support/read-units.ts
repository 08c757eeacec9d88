import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';

/** What DynamoDB's engine reports of the reads of this process's handlers, in read units (ReturnConsumedCapacity). */
export interface ReadUnits {
  readonly units: number;
  readonly requests: number;
  /** Milliseconds since counting began. */
  readonly elapsedMilliseconds: number;
}

interface Arguments {
  input: object;
}

interface Capacity {
  readonly CapacityUnits?: number;
}

/** What the client's type does not say of its middleware stack. */
interface MiddlewareStack {
  add(middleware: (next: (args: Arguments) => Promise<{ output: { ConsumedCapacity?: Capacity | Capacity[] } }>, context: { readonly commandName?: string }) => (args: Arguments) => Promise<object>, options: object): void;
  remove(name: string): boolean;
}

const reads = /^(GetItem|Query|BatchGetItem)Command$|^(Get|BatchGet)Command$/;

/** Counts from now on; what it returns ends that and answers what was read. */
export function countReadUnits(): () => ReadUnits {
  const { middlewareStack } = dynamodb() as unknown as { middlewareStack: MiddlewareStack };
  const startedAt = performance.now();
  let [units, requests] = [0, 0];
  middlewareStack.add((next, { commandName = '' }) => async (args) => {
    if (!reads.test(commandName)) return next(args);
    args.input = { ...args.input, ReturnConsumedCapacity: 'TOTAL' };
    const result = await next(args);
    requests += 1;
    for (const { CapacityUnits = 0 } of [result.output.ConsumedCapacity ?? []].flat()) units += CapacityUnits;
    return result;
  }, { step: 'initialize', priority: 'low', name: 'countReadUnits' });
  return () => {
    middlewareStack.remove('countReadUnits');
    return { units, requests, elapsedMilliseconds: Math.round(performance.now() - startedAt) };
  };
}
