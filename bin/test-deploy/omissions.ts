/*
 * What the emulator lacks of what the stack has, and what is therefore left out of the stack for the test, and nowhere else.
 */

interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
  readonly Metadata?: Record<string, unknown>;
}

/** A CloudFormation template, as CDK writes it. */
export interface Template {
  readonly Resources: Record<string, Resource>;
}

export interface Omission {
  readonly what: string;
  readonly why: string;
  /** The template without it. */
  readonly from: (template: Template) => Template;
}

interface Statement {
  readonly Effect: string;
  readonly Condition?: { readonly Bool?: Readonly<Record<string, string>> };
}

const refusesPlainHttp = ({ Effect, Condition }: Statement) => Effect === 'Deny' && Condition?.Bool?.['aws:SecureTransport'] === 'false';

export const omissions: readonly Omission[] = [
  {
    what: 'AWS::S3::BucketPolicy: the statements that refuse plain http',
    why: 'MiniStack’s CloudFront reads a bucket as if by plain http, and would be refused',
    from: (template) => withEach(template, 'AWS::S3::BucketPolicy', (properties) => {
      const document = properties['PolicyDocument'] as { Statement: Statement[] };
      return { ...properties, PolicyDocument: { ...document, Statement: document.Statement.filter((statement) => !refusesPlainHttp(statement)) } };
    }),
  },
  {
    what: 'AWS::CloudWatch::Alarm: Alarms/ServerErrors',
    why: 'MiniStack’s CloudFormation takes no alarm on a metric that is calculated from others',
    from: (template) => withoutResource(template, 'Alarms/ServerErrors/Resource'),
  },
  {
    what: 'AWS::WAFv2::WebACLAssociation and AWS::WAFv2::LoggingConfiguration of WebAcl',
    why: 'MiniStack’s CloudFormation knows neither: the firewall is there, and before nothing',
    from: (template) => withoutResource(withoutResource(template, 'WebAcl/Association'), 'WebAcl/Logging'),
  },
  {
    what: 'AWS::ApiGateway::Method: ApiKeyRequired',
    why: 'MiniStack takes a usage plan’s key from a header alone, and not from the authorizer',
    from: (template) => withEach(template, 'AWS::ApiGateway::Method', ({ ApiKeyRequired: _, ...properties }) => properties),
  },
];

/** The template as it is deployed on the emulator. */
export function withoutOmissions(template: Template): Template {
  return omissions.reduce((remaining, { from }) => from(remaining), template);
}

function withEach(template: Template, type: string, change: (properties: Record<string, unknown>) => Record<string, unknown>): Template {
  const resources = Object.entries(template.Resources).map(([id, resource]) => [id, resource.Type === type ? { ...resource, Properties: change(resource.Properties ?? {}) } : resource] as const);
  return { ...template, Resources: Object.fromEntries(resources) };
}

/** @param path of the construct, below the stack; where an earlier version has none, there is nothing to leave out */
function withoutResource(template: Template, path: string): Template {
  const [gone] = Object.entries(template.Resources).find(([, { Metadata }]) => String(Metadata?.['aws:cdk:path']).endsWith(`/${path}`)) ?? [];
  if (gone === undefined) return template;
  const { [gone]: _, ...resources } = template.Resources;
  // What speaks of it, such as a dashboard, speaks of nothing.
  const text = JSON.stringify({ ...template, Resources: resources }, (_key, value: unknown) => (isReferenceTo(gone, value) ? 'left-out' : value));
  return JSON.parse(text) as Template;
}

function isReferenceTo(id: string, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { Ref: reference, 'Fn::GetAtt': [owner] = [] } = value as { Ref?: string; 'Fn::GetAtt'?: readonly string[] };
  return reference === id || owner === id;
}
