import { Duration } from 'aws-cdk-lib';
import { queueConsumers, schedules, streamConsumers, type Schedule } from '../lambdas/triggers.ts';
import type { HandlerName } from './platform.ts';

/** How long a function may run and how much memory it has. */
export interface Limits {
  readonly timeout: Duration;
  readonly memorySize: number;
}

// API Gateway gives up after 29 s. A second less, and the function's own log says what it was waiting for.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const requestTimeoutSeconds = 28;

const memoryMegabytes = 512;

// A processor comes with the memory, a whole one with 1,769 MB: what signing a list of a million entries is bound by.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
const wholeProcessorMegabytes = 1769;

const publishers: ReadonlySet<HandlerName> = new Set<HandlerName>(['publish-crls', 'refresh-crls', 'mint-authority']);

/** A function's limits, by its name alone; those of consumers and schedules stand in lambdas/triggers.ts. */
export function limitsOf(name: HandlerName): Limits {
  const triggers: Partial<Record<HandlerName, Pick<Schedule, 'timeoutSeconds'>>> = { ...streamConsumers, ...queueConsumers, ...schedules, authorize: { timeoutSeconds: 10 } };
  return {
    timeout: Duration.seconds(triggers[name]?.timeoutSeconds ?? requestTimeoutSeconds),
    memorySize: publishers.has(name) ? wholeProcessorMegabytes : memoryMegabytes,
  };
}
