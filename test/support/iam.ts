import type { Statement } from '../lib/synthesized.ts';
import { holds, matches, type Context } from './iam-conditions.ts';

/*
 * What IAM would say: the embedded services ask nobody for permissions, so that only this stands between a policy that is too
 * narrow and the first deployment, and between one that is too wide and whoever finds it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
 */

export interface AccessRequest {
  /** The ARN of a role, a user or the account's root user. */
  readonly principal: string;
  readonly action: string;
  /** An ARN, or `*` for what knows no resources. */
  readonly resource: string;
  readonly context?: Context;
}

/** The policies that have a say, each with its references resolved. */
export interface Policies {
  /** What the principal's own policies say. */
  readonly identity: readonly Statement[];
  /** What the resource's policy says: a key's, a bucket's, a queue's. */
  readonly resource?: readonly Statement[];
  /** Without one it limits nothing. */
  readonly boundary?: readonly Statement[] | undefined;
  /** Of the organization; without one it limits nothing. */
  readonly serviceControl?: readonly Statement[] | undefined;
}

export type Decision = 'allowed' | 'denied' | 'denied explicitly';

/** Decides a request within one account. Throws for an element or a condition operator that it does not know. */
export function decide(request: AccessRequest, { identity, resource = [], boundary, serviceControl }: Policies): Decision {
  const context: Context = { 'aws:PrincipalArn': request.principal, 'aws:PrincipalAccount': accountOf(request.principal), 'kms:CallerAccount': accountOf(request.principal), 'aws:SecureTransport': 'true', ...request.context };
  const says = (statements: readonly Statement[], effect: Statement['Effect'], isMeant: (statement: Statement) => boolean = () => true) =>
    statements.some((statement) => statement.Effect === effect && isMeant(statement) && applies(statement, request, context));
  const names = (statement: Statement) => isNamed(statement.Principal, request.principal);

  const isDenied = [identity, boundary, serviceControl].some((statements = []) => says(statements, 'Deny'))
    || says(resource, 'Deny', (statement) => names(statement) || isAccount(statement.Principal, request.principal));
  if (isDenied) return 'denied explicitly';
  if (serviceControl !== undefined && !says(serviceControl, 'Allow')) return 'denied';
  // A boundary limits what a resource's policy gives to a role by its ARN as well.
  if (boundary !== undefined && !says(boundary, 'Allow')) return 'denied';
  if (says(resource, 'Allow', names)) return 'allowed';
  if (!says(identity, 'Allow')) return 'denied';
  // To a key, alone of all, IAM's policies lead nowhere unless the key's own policy lets the account decide.
  // https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-root-enable-iam
  const takesBoth = request.action.startsWith('kms:') && request.resource !== '*';
  return !takesBoth || says(resource, 'Allow', ({ Principal }) => isAccount(Principal, request.principal)) ? 'allowed' : 'denied';
}

const known = new Set(['Sid', 'Effect', 'Principal', 'Action', 'Resource', 'Condition']);

function applies(statement: Statement, { action, resource }: AccessRequest, context: Context): boolean {
  const unknown = Object.keys(statement).filter((element) => !known.has(element));
  if (unknown.length > 0) throw new Error(`It is not known here what ${unknown.join(', ')} means in a policy.`);
  const isOneOf = (patterns: unknown, value: string, fold: (text: string) => string = (text) => text) => [patterns].flat().some((pattern) => matches(fold(pattern as string), fold(value)));
  // In a key's policy `*` is that key.
  return isOneOf(statement.Action, action, (text) => text.toLowerCase()) && isOneOf(statement.Resource, resource)
    && Object.entries(statement.Condition ?? {}).every(([operator, tests]) => Object.entries(tests).every(([key, values]) => holds(operator, context[key], [values].flat() as string[])));
}

const accountOf = (arn: string) => arn.split(':')[4] ?? '';
const rootOf = (principal: string) => `arn:aws:iam::${accountOf(principal)}:root`;

const principalsOf = (principal: unknown): string[] =>
  principal === '*' ? ['*'] : [(principal as { AWS?: string | string[] } | undefined)?.AWS ?? []].flat();

/** Whether a resource's policy names the principal itself; the account's root user is what its account is named by. */
const isNamed = (named: unknown, principal: string) => principalsOf(named).some((one) => one === '*' || one === principal);

/** Whether it names the account, which leaves the rest to IAM where it allows, and means everybody in it where it denies. */
const isAccount = (named: unknown, principal: string) => principalsOf(named).some((one) => one === rootOf(principal) || one === accountOf(principal));
