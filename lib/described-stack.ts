import { readFileSync } from 'node:fs';
import { App, CfnElement, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { KakuninStack } from './kakunin-stack.ts';
import { readSettings } from './settings.ts';
import { wildcardsOf, type Wildcard } from './wildcards.ts';

/* The synthesized template, and questions to ask of it, for tests and for what is written of it. */

export const root = new URL('..', import.meta.url);

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- whatever CloudFormation takes
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: readonly string[];
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

const cdkJson = JSON.parse(readFileSync(new URL('cdk.json', root), 'utf8')) as { context: Record<string, unknown> & { kakunin: object } };

// CDK's own rules take seconds of WebAssembly; `cdk synth` applies them, and stack.test.ts runs it.
process.env['CDK_VALIDATION'] = 'false';

/** The stack as `cdk synth` makes it, with other settings where given, and without bundles. */
export function synthesize(settings: object = {}, context: object = {}) {
  const app = new App({ context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [], ...context } });
  const stack = new KakuninStack(app, 'Kakunin', { settings: readSettings({ ...cdkJson.context.kakunin, ...settings }), env: { region: 'eu-west-1' } });
  return describeStack(stack);
}

export function describeStack(stack: Stack) {
  const template = Template.fromStack(stack).toJSON() as { Resources: Record<string, Resource>; Outputs: Record<string, unknown> };
  const resources = Object.entries(template.Resources);
  const ofType = (type: string) => resources.filter(([, { Type }]) => Type === type);
  const [[registryId], [riskId]] = partition(ofType('AWS::DynamoDB::Table'), ({ Properties }) => Properties['KeySchema'][0].AttributeName === 'pk');
  const keyOfRole = (role: string) => ofType('AWS::KMS::Key').find(([, { Properties }]) => JSON.stringify(Properties['Tags']).includes(`"${role}"`))?.[0];
  const onlyId = (type: string) => String(ofType(type)[0]?.[0]);
  const [[accessLogsId], logged] = partition(ofType('AWS::S3::Bucket'), ({ Properties }) => Properties['LoggingConfiguration'] === undefined);
  const buckets = ofType('AWS::S3::Bucket').filter(([id]) => logged.includes(id));
  const [[auditArchiveId]] = partition(buckets, ({ Properties }) => Properties['ObjectLockEnabled'] === true);
  const [[filesId], [deadLettersId]] = partition(buckets.filter(([id]) => id !== auditArchiveId), ({ Properties }) => Properties['VersioningConfiguration'] !== undefined);
  const names: Record<string, string> = {
    [String(registryId)]: 'registry', [String(riskId)]: 'risk',
    [String(keyOfRole('ca-root'))]: 'root key', [String(keyOfRole('ca-issuing'))]: 'issuing key', [String(keyOfRole('ca-issuing-2'))]: 'issuing key 2', [String(keyOfRole('ca-ocsp'))]: 'OCSP key', [String(keyOfRole('ca-attestation'))]: 'attestation key',
    [String(keyOfRole('webhooks'))]: 'webhook key',
    [String(filesId)]: 'files', [String(deadLettersId)]: 'dead letters', [String(auditArchiveId)]: 'audit archive', [String(accessLogsId)]: 'access logs',
    [onlyId('AWS::CloudFront::Distribution')]: 'distribution', [onlyId('AWS::ApiGateway::RestApi')]: 'API',
  };
  for (const [id, { Properties }] of [...ofType('AWS::SQS::Queue'), ...ofType('AWS::Events::EventBus')]) {
    names[id] = 'QueueName' in Properties ? `queue ${String(Properties['QueueName']).replace(/^kakunin-/, '')}` : 'event bus';
  }
  // Functions and their roles by the name of the handler, beside CDK's own function that calls the custom resource's.
  const functions = new Map(ofType('AWS::Lambda::Function').map(([id, resource]) => {
    const name = (resource.Properties['FunctionName'] as string | undefined)?.replace(/^kakunin-/, '') ?? 'framework';
    const roleId = resource.Properties['Role']['Fn::GetAtt'][0] as string;
    Object.assign(names, { [id]: name, [roleId]: `role of ${name}` });
    const logGroupId = resource.Properties['LoggingConfig']['LogGroup']['Ref'] as string;
    names[logGroupId] = 'own logs';
    return [name, { id, roleId, ...resource }];
  }));

  /** An ARN or name as text, with `<name>` for what a reference leads to. */
  const render = (value: unknown): string => {
    if (typeof value === 'string') return value;
    if (Array.isArray(value)) return value.map(render).join('');
    const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as { Ref?: string; 'Fn::GetAtt'?: [string, string]; 'Fn::Join'?: [string, unknown[]] };
    if (Ref !== undefined) return `<${names[Ref] ?? Ref}>`;
    if (attribute !== undefined) return attribute[1] === 'StreamArn' ? `<${names[attribute[0]]} stream>` : `<${names[attribute[0]] ?? attribute[0]}>`;
    if (join !== undefined) return join[1].map(render).join(join[0]);
    return JSON.stringify(value);
  };

  const policiesOfRole = (roleId: string): Statement[] => {
    const role = template.Resources[roleId]?.Properties ?? {};
    const inline = (role['Policies'] as { PolicyDocument: { Statement: Statement[] } }[] | undefined) ?? [];
    const attached = ofType('AWS::IAM::Policy').map(([, { Properties }]) => Properties).filter(({ Roles }) => JSON.stringify(Roles).includes(`"${roleId}"`));
    return [...inline, ...attached].flatMap(({ PolicyDocument }) => (PolicyDocument as { Statement: Statement[] }).Statement);
  };
  const statementsOf = (name: string): Statement[] => {
    const found = functions.get(name);
    if (found === undefined) throw new Error(`There is no function ${name}.`);
    return policiesOfRole(found.roleId);
  };
  /** What the role of a function says of its resources with a `*` (wildcards.ts). */
  const wildcards = (name: string): Wildcard[] => {
    const roleId = functions.get(name)?.roleId;
    const role = stack.node.findAll().find((construct) => CfnElement.isCfnElement(construct) && stack.resolve(construct.logicalId) === roleId)?.node.scope;
    return role === undefined ? [] : wildcardsOf(role);
  };
  const resource = (id: string | undefined) => template.Resources[String(id)] as Resource;
  return {
    template, resources, ofType, functions, render, policiesOfRole, statementsOf, wildcards, stack,
    key: (role: 'ca-root' | 'ca-issuing' | 'ca-issuing-2' | 'ca-ocsp' | 'ca-attestation' | 'webhooks') => resource(keyOfRole(role)),
    table: { registry: resource(registryId), risk: resource(riskId) },
    bucket: { files: resource(filesId), 'dead letters': resource(deadLettersId), 'audit archive': resource(auditArchiveId), 'access logs': resource(accessLogsId) },
    /** What a bucket's policy says. */
    bucketPolicy: (name: 'files' | 'dead letters' | 'audit archive') => ofType('AWS::S3::BucketPolicy').map(([, { Properties }]) => Properties)
      .filter(({ Bucket }) => render(Bucket) === `<${name}>`).flatMap(({ PolicyDocument }) => (PolicyDocument as { Statement: Statement[] }).Statement),
  };
}

function partition(entries: readonly (readonly [string, Resource])[], test: (resource: Resource) => boolean): [string[], string[]] {
  return [entries.filter(([, r]) => test(r)).map(([id]) => id), entries.filter(([, r]) => !test(r)).map(([id]) => id)];
}

/** `actions on resource`, one line a resource, sorted; what a policy says, readable. */
export function lines(statements: readonly Statement[], render: (value: unknown) => string): string[] {
  return statements
    .flatMap(({ Effect, Action, Resource, Condition }) => list(Resource).map((resource) => {
      const condition = Object.entries(Condition ?? {}).flatMap(([operator, tests]) =>
        Object.entries(tests).map(([name, value]) => `${name.replace('dynamodb:LeadingKeys', 'keys')} ${operator === 'ForAllValues:StringLike' ? 'in' : operator} ${list(value).map(render).sort().join(' ')}`));
      return `${Effect === 'Deny' ? 'DENY ' : ''}${list(Action).sort().join(' ')} on ${render(resource)}${condition.length > 0 ? `, ${condition.sort().join(', ')}` : ''}`;
    }))
    .sort();
}

export function list<Value>(value: Value | Value[]): Value[] {
  return Array.isArray(value) ? value : [value];
}
