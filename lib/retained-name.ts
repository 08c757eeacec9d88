import { Fn, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** The name of something that outlives its stack, so that the next stack of the same name makes another. */
export function retainedName(scope: Construct, name: string): string {
  const stackUuid = Fn.select(2, Fn.split('/', Stack.of(scope).stackId));
  return `${name}-${Fn.select(0, Fn.split('-', stackUuid))}`;
}
