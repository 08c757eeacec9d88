import { accountId } from '../../local/account.ts';
import type { Resource, Statement, synthesize } from '../lib/synthesized.ts';
import { decide, type AccessRequest, type Decision, type Policies } from './iam.ts';

/* The policies of a synthesized stack as AWS would have them: with ARNs for references. */

type Stack = ReturnType<typeof synthesize>;
export type Limits = Pick<Policies, 'boundary' | 'serviceControl'>;

const region = 'eu-west-1';
const pseudoParameters: Readonly<Record<string, string>> = { 'AWS::Partition': 'aws', 'AWS::AccountId': accountId, 'AWS::Region': region, 'AWS::URLSuffix': 'amazonaws.com' };

const arns: Readonly<Record<string, (id: string, properties: Resource['Properties']) => string>> = {
  'AWS::DynamoDB::Table': (id) => `arn:aws:dynamodb:${region}:${accountId}:table/${id}`,
  'AWS::S3::Bucket': (id) => `arn:aws:s3:::${id.toLowerCase()}`,
  'AWS::KMS::Key': (id) => `arn:aws:kms:${region}:${accountId}:key/${id}`,
  'AWS::SQS::Queue': (_, { QueueName }) => `arn:aws:sqs:${region}:${accountId}:${QueueName}`,
  'AWS::Events::EventBus': (_, { Name }) => `arn:aws:events:${region}:${accountId}:event-bus/${Name}`,
  'AWS::Lambda::Function': (id, { FunctionName = id }) => `arn:aws:lambda:${region}:${accountId}:function:${FunctionName}`,
  'AWS::Logs::LogGroup': (id, { LogGroupName = id }) => `arn:aws:logs:${region}:${accountId}:log-group:${LogGroupName}:*`,
  'AWS::IAM::Role': (id) => `arn:aws:iam::${accountId}:role/${id}`,
  'AWS::CloudFront::Distribution': (id) => `arn:aws:cloudfront::${accountId}:distribution/${id}`,
};

/** Someone who may do everything that IAM can allow, and the account's root user. */
export const administrator = `arn:aws:iam::${accountId}:role/Administrator`;
export const rootUser = `arn:aws:iam::${accountId}:root`;
const everything: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };

export function deployedPolicies(stack: Stack) {
  const { template, ofType, functions } = stack;

  const arnOf = (id: string): string => {
    const resource = template.Resources[id];
    const arn = arns[resource?.Type ?? '']?.(id, resource?.Properties ?? {});
    if (arn === undefined) throw new Error(`It is not known here what the ARN of ${id} looks like.`);
    return arn;
  };
  const text = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return String(value);
    const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as { Ref?: string; 'Fn::GetAtt'?: [string, string]; 'Fn::Join'?: [string, unknown[]] };
    if (join !== undefined) return join[1].map(text).join(join[0]);
    if (attribute !== undefined) return attribute[1] === 'StreamArn' ? `${arnOf(attribute[0])}/stream/2026-01-01T00:00:00.000` : arnOf(attribute[0]);
    if (Ref !== undefined) return pseudoParameters[Ref] ?? Ref;
    throw new Error(`It is not known here what ${JSON.stringify(value)} becomes.`);
  };
  /** Statements with text in the place of references, at any depth. */
  const resolve = <Value>(value: Value): Value => {
    if (Array.isArray(value)) return value.map(resolve) as Value;
    if (typeof value !== 'object' || value === null) return value;
    if (Object.keys(value).some((name) => name === 'Ref' || name.startsWith('Fn::'))) return text(value) as Value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolve(member)])) as Value;
  };

  const policiesOf = (type: string, target: (properties: Resource['Properties']) => unknown[]): (readonly [string, Statement[]])[] =>
    ofType(type).flatMap(([, { Properties }]) => target(Properties).map((reference) => [idOf(reference), resolve(Properties['PolicyDocument'].Statement) as Statement[]] as const));
  const idOf = (reference: unknown) => (reference as { Ref: string }).Ref;
  const resourcePolicies = new Map([
    ...ofType('AWS::KMS::Key').map(([id, { Properties }]) => [arnOf(id), resolve(Properties['KeyPolicy'].Statement) as Statement[]] as const),
    ...policiesOf('AWS::S3::BucketPolicy', ({ Bucket }) => [Bucket]).map(([id, statements]) => [arnOf(id), statements] as const),
    ...policiesOf('AWS::SQS::QueuePolicy', ({ Queues }) => Queues as unknown[]).map(([id, statements]) => [arnOf(id), statements] as const),
  ]);
  const roleArnOf = (name: string) => arnOf(String(functions.get(name)?.roleId));
  const identities = new Map<string, Statement[]>([
    ...[...functions.keys()].map((name) => [roleArnOf(name), resolve(stack.statementsOf(name))] as const),
    ...[administrator, rootUser].map((principal) => [principal, [everything] as Statement[]] as const),
  ]);

  return {
    arnOf,
    /** A reference, or what is joined of several, as text. */
    text,
    roleArnOf,
    resourcePolicy: (arn: string): readonly Statement[] => resourcePolicies.get(arn) ?? [],
    /** What IAM says to a principal of the stack, to its account's administrator or to its root user; `keyPolicy` is that of a key that the stack has not made. */
    decide(request: AccessRequest, { keyPolicy, ...limits }: Limits & { keyPolicy?: readonly Statement[] } = {}): Decision {
      const identity = identities.get(request.principal);
      if (identity === undefined) throw new Error(`Nobody is called ${request.principal}.`);
      // An object's bucket decides over it.
      const resource = keyPolicy ?? resourcePolicies.get(request.resource) ?? resourcePolicies.get(request.resource.split('/')[0] ?? '') ?? [];
      return decide(request, { identity, resource, ...limits });
    },
  };
}

export type DeployedPolicies = ReturnType<typeof deployedPolicies>;
