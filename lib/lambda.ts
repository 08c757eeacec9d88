import path from 'node:path';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bundleHandlers } from './bundle.ts';
import { environmentOf } from './environment.ts';
import { limitsOf } from './limits.ts';
import { grantPermissions } from './permissions.ts';
import type { HandlerName, Platform } from './platform.ts';
import type { Settings } from './settings.ts';

/**
 * The function of lambdas/handlers/<name>.ts. Its name alone decides what it may do (permissions.ts), know (environment.ts)
 * and take (limits.ts).
 */
export function createFunction(scope: Construct, name: HandlerName, platform: Platform): lambda.Function {
  const construct = new Construct(scope, name);
  const functionName = `${platform.settings.deployment}-${name}`;
  const logGroup = createLogGroup(construct, platform.settings, `/aws/lambda/${functionName}`);
  const role = namedRole(name, platform) ?? createExecutionRole(construct);
  logGroup.grantWrite(role);
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
    ...limitsOf(name),
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    tracing: lambda.Tracing.ACTIVE,
  });
}

/** The roles that agent keys know (platform.ts). */
function namedRole(name: HandlerName, { keyRetirer, messageSigner }: Platform): iam.Role | undefined {
  return name === 'retire-keys' ? keyRetirer : name === 'sign-message' ? messageSigner : undefined;
}

/** A log group for operations. What must be kept is in the audit trail; this goes with its stack. */
export function createLogGroup(scope: Construct, { logRetentionDays }: Settings, logGroupName?: string): logs.LogGroup {
  return new logs.LogGroup(scope, 'Logs', {
    ...(logGroupName !== undefined && { logGroupName }),
    // The members of the enumeration are the numbers of days.
    retention: logRetentionDays as logs.RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** A role for one function. It may do nothing yet, not even log: AWS's managed policy would open every log group to it. */
export function createExecutionRole(scope: Construct, id = 'Role'): iam.Role {
  return new iam.Role(scope, id, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
}

/** The bundled handler, or a stand-in where no bundle is wanted: `cdk ls` and the tests set aws:cdk:bundling-stacks to []. */
function codeOf(scope: Construct, name: HandlerName): lambda.Code {
  return Stack.of(scope).bundlingRequired
    ? lambda.Code.fromAsset(path.join(bundleHandlers(), name))
    : lambda.Code.fromInline(`throw new Error('${name} was not bundled.');`);
}
