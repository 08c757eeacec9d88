import path from 'node:path';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { queueConsumers, schedules, streamConsumers } from '../lambdas/triggers.ts';
import { bundleHandlers } from './bundle.ts';
import { environmentOf } from './environment.ts';
import { limitsOf } from './limits.ts';
import { grantPermissions } from './permissions.ts';
import type { HandlerName, Platform } from './platform.ts';
import { justifyWildcard } from './wildcards.ts';

/**
 * The function of lambdas/handlers/<name>.ts. Its name alone decides what it may do (permissions.ts), know (environment.ts)
 * and take (limits.ts).
 */
export function createFunction(scope: Construct, name: HandlerName, platform: Platform): lambda.Function {
  const construct = new Construct(scope, name);
  const functionName = `${platform.settings.deployment}-${name}`;
  const logGroup = createLogGroup(construct, platform, `/aws/lambda/${functionName}`);
  const role = namedRole(name, platform) ?? createExecutionRole(construct);
  logGroup.grantWrite(role);
  grantPermissions(name, platform, role);
  justifyWildcard(role, ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], '*', 'X-Ray knows no resources.');
  acknowledge(construct, {
    'NIST.800.53.R5-LambdaInsideVPC': 'Every call goes to a public endpoint of AWS, signed, over TLS, or to a webhook’s receiver on the Internet: a network of its own would protect nothing, and need a way out.',
    'NIST.800.53.R5-LambdaConcurrency': 'Reserved for each of the functions, it would take more than an account has; API Gateway, streams and queues bound what runs at once.',
    'NIST.800.53.R5-LambdaDLQ': whereEventsGo(name),
  });
  return new lambda.Function(construct, 'Function', {
    functionName,
    description: `Kakunin: ${name}`,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: codeOf(construct, name),
    role,
    environment: environmentOf(name, platform, role),
    ...limitsOf(name),
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    tracing: lambda.Tracing.ACTIVE,
  });
}

/** Why a function has no dead-letter queue of its own, which Lambda would use for asynchronous calls alone. */
function whereEventsGo(name: HandlerName): string {
  if (name in streamConsumers) return 'Records that it cannot process are set aside in a bucket, with an alarm.';
  if (name in queueConsumers) return 'Its queue has a dead-letter queue, with an alarm.';
  if (name in schedules) return 'The clock’s events say nothing: the next one asks for the same, and an alarm tells of failures.';
  return 'It is called synchronously, and whoever calls it hears of a failure.';
}

/** The roles that agent keys know (platform.ts). */
function namedRole(name: HandlerName, { keyRetirer, messageSigner }: Platform): iam.Role | undefined {
  return name === 'retire-keys' ? keyRetirer : name === 'sign-message' ? messageSigner : undefined;
}

/** A log group for operations. What must be kept is in the audit trail; this goes with its stack. */
export function createLogGroup(scope: Construct, { settings: { logRetentionDays }, dataKey }: Pick<Platform, 'settings' | 'dataKey'>, logGroupName?: string): logs.LogGroup {
  return encryptedLogGroup(scope, 'Logs', dataKey, {
    ...(logGroupName !== undefined && { logGroupName }),
    // The members of the enumeration are the numbers of days.
    retention: logRetentionDays as logs.RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** A log group under the customer's key, or under CloudWatch's own where there is none. */
export function encryptedLogGroup(scope: Construct, id: string, dataKey: IKey | undefined, props: logs.LogGroupProps): logs.LogGroup {
  const group = new logs.LogGroup(scope, id, { ...props, ...(dataKey !== undefined && { encryptionKey: dataKey }) });
  if (dataKey === undefined) acknowledge(group, { 'NIST.800.53.R5-CloudWatchLogGroupEncrypted': 'Encrypted with CloudWatch’s own key; the setting customerKey takes one of the customer’s.' });
  return group;
}

/** A role for one function. It may do nothing yet, not even log: AWS's managed policy would open every log group to it. */
export function createExecutionRole(scope: Construct, id = 'Role'): iam.Role {
  const role = new iam.Role(scope, id, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  acknowledge(role, { 'NIST.800.53.R5-IAMNoInlinePolicy': 'The policy is one function’s alone and goes with its role; a managed one could be attached to others.' });
  return role;
}

/** The bundled handler, or a stand-in where no bundle is wanted: `cdk ls` and the tests set aws:cdk:bundling-stacks to []. */
function codeOf(scope: Construct, name: HandlerName): lambda.Code {
  return Stack.of(scope).bundlingRequired
    ? lambda.Code.fromAsset(path.join(bundleHandlers(), name))
    : lambda.Code.fromInline(`throw new Error('${name} was not bundled.');`);
}
