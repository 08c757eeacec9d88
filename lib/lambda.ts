import path from 'node:path';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bundleHandlers } from './bundle.ts';
import { environmentOf } from './environment.ts';
import { grantPermissions } from './permissions.ts';
import type { HandlerName, Platform } from './platform.ts';

/** What a function may have of its own; everything else is shared. */
export interface FunctionLimits {
  readonly timeout?: Duration;
}

// API Gateway gives up after 29 s. A second less, and the function's own log says what it was waiting for.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const requestTimeout = Duration.seconds(28);

/** The function of lambdas/handlers/<name>.ts. Its name alone decides what it may do (permissions.ts) and know (environment.ts). */
export function createFunction(scope: Construct, name: HandlerName, platform: Platform, { timeout = requestTimeout }: FunctionLimits = {}): lambda.Function {
  const construct = new Construct(scope, name);
  const functionName = `${platform.settings.deployment}-${name}`;
  const logGroup = createLogGroup(construct, `/aws/lambda/${functionName}`);
  const role = createExecutionRole(construct, logGroup);
  grantPermissions(name, platform, role);
  return new lambda.Function(construct, 'Function', {
    functionName,
    description: `Kakunin: ${name}`,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: codeOf(construct, name),
    role,
    environment: environmentOf(name, platform, role),
    memorySize: 512,
    timeout,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    tracing: lambda.Tracing.ACTIVE,
  });
}

/** A log group for operations. What must be kept is in the audit trail; this goes with its stack. */
export function createLogGroup(scope: Construct, logGroupName?: string): logs.LogGroup {
  return new logs.LogGroup(scope, 'Logs', {
    ...(logGroupName !== undefined && { logGroupName }),
    retention: logs.RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** A role for one function that may write to that log group and nothing else; AWS's managed policy would open all of them. */
export function createExecutionRole(scope: Construct, logGroup: logs.LogGroup): iam.Role {
  const role = new iam.Role(scope, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  return role;
}

/** The bundled handler, or a stand-in where no bundle is wanted: `cdk ls` and the tests set aws:cdk:bundling-stacks to []. */
function codeOf(scope: Construct, name: HandlerName): lambda.Code {
  return Stack.of(scope).bundlingRequired
    ? lambda.Code.fromAsset(path.join(bundleHandlers(), name))
    : lambda.Code.fromInline(`throw new Error('${name} was not bundled.');`);
}
