import type { HandlerName } from '../../lib/platform.ts';
import type { DeployedPolicies } from '../support/deployed-policies.ts';
import type { Asked } from '../support/iam-requests.ts';
import { matches } from '../support/iam-conditions.ts';
import { list, type synthesize } from './synthesized.ts';

/* Rights, one by one: an action on a resource, and on one kind of item where a statement has several. */

export interface Grant {
  /** `dynamodb:PutItem on <registry> AUDIT#*` */
  readonly line: string;
  covers(request: Asked): boolean;
}

/** What a function's own policy allows, beside logs and traces. */
export function grantsOf(stack: ReturnType<typeof synthesize>, policies: DeployedPolicies, name: string): Grant[] {
  const found = new Map<string, Grant>();
  for (const statement of stack.statementsOf(name)) {
    const kinds = list(statement.Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] as string[] | undefined);
    for (const action of list(statement.Action)) {
      if (/^(logs|xray):/.test(action)) continue;
      for (const resource of list(statement.Resource)) {
        const pattern = policies.text(resource);
        for (const kind of kinds) {
          const line = `${action} on ${stack.render(resource)}${kind === undefined ? '' : ` ${kind}`}`;
          const covers = (request: Asked) => request.action === action && matches(pattern, request.resource)
            && (kind === undefined || list(request.context?.['dynamodb:LeadingKeys'] as string[]).some((key) => matches(kind, key)));
          const another = found.get(line);
          found.set(line, { line, covers: (request) => covers(request) || another?.covers(request) === true });
        }
      }
    }
  }
  return [...found.values()];
}

/** What functions read of their authority while they are loaded, each for itself; here the first to be loaded reads it for all. */
export const remembered: Readonly<Partial<Record<HandlerName, readonly string[]>>> = {
  'certify-agent': ['CA#issuing'], 'renew-certificate': ['CA#issuing'], 'sign-message': ['CA#issuing'], 'get-authority': ['CA#issuing'],
  'publish-crls': ['CA#issuing'], 'refresh-crls': ['CA#issuing'], 'mint-authority': ['CA#issuing'],
  'post-ocsp': ['CA#issuing', 'CA#ocsp'], 'get-ocsp': ['CA#issuing', 'CA#ocsp'],
};

/** Why a function has a right that nothing in test/api/permissions-in-use.test.ts uses. */
export function unusedHere(name: HandlerName): Readonly<Record<string, string>> {
  return {};
}
