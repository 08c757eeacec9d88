import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** A resource with a `*` in a statement, and why it cannot be named. */
export interface Wildcard {
  readonly actions: readonly string[];
  /** As cdk-nag writes it: `<LogicalId.Arn>/crl/*`. */
  readonly resource: string;
  readonly reason: string;
}

const metadataType = 'kakunin:wildcard';

/**
 * Says of a role why some actions of its are on a resource with a `*`, for the table of permissions (permission-table.ts) and
 * for cdk-nag, whose rule IAM5 asks about each such resource.
 */
export function justifyWildcard(role: IConstruct, actions: readonly string[], resource: string, reason: string): void {
  const named = nameOf(Stack.of(role).resolve(resource));
  Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${named}]`, reason });
  role.node.addMetadata(metadataType, { actions, resource: named, reason } satisfies Wildcard);
}

/** What was said of a role. */
export function wildcardsOf(role: IConstruct): Wildcard[] {
  return role.node.metadata.filter(({ type }) => type === metadataType).map(({ data }) => data as Wildcard);
}

/** A resource of a statement as cdk-nag writes it. */
export function nameOf(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  if (Array.isArray(resource)) return resource.map(nameOf).join('');
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = resource as { Ref?: string; 'Fn::GetAtt'?: [string, string]; 'Fn::Join'?: [string, unknown[]] };
  if (Ref !== undefined) return `<${Ref}>`;
  if (attribute !== undefined) return `<${attribute.join('.')}>`;
  if (join !== undefined) return join[1].map(nameOf).join(join[0]);
  return JSON.stringify(resource);
}
