import { z } from 'zod';
import { invoke, type LambdaHandler } from '../invocation.ts';

/**
 * What the authorizer says of one request; `context` is what handlers find in `requestContext.authorizer`, `usageIdentifierKey` whose
 * usage plan the request counts towards.
 */
export type Authorization =
  | { readonly outcome: 'allowed'; readonly context: Readonly<Record<string, string>>; readonly usageIdentifierKey: string | undefined }
  | { readonly outcome: 'unauthorized' }
  | { readonly outcome: 'forbidden' }
  | { readonly outcome: 'failed'; readonly cause: unknown };

export type Authorizer = (token: string | undefined, methodArn: string, requestId: string) => Promise<Authorization>;

export interface AuthorizerOptions {
  readonly functionName: string;
  readonly timeoutSeconds: number;
  /** How long a result stands for its token; 0 asks each time. */
  readonly cacheSeconds: number;
}

/** Tokens of any other form are refused without asking the Lambda (`identityValidationExpression`). */
const tokenPattern = /^Bearer kak_(live|test)_[A-Za-z0-9_-]{1,128}$/;

const oneOrMore = z.union([z.string().transform((one) => [one]), z.array(z.string())]);

// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
const authorizerResult = z.object({
  principalId: z.string(),
  usageIdentifierKey: z.string().optional(),
  policyDocument: z.object({
    Statement: z.array(z.object({ Effect: z.enum(['Allow', 'Deny']), Action: oneOrMore, Resource: oneOrMore })),
  }),
  // A nested value is a configuration error to API Gateway, everything else becomes a string.
  context: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
});

type AuthorizerResult = z.infer<typeof authorizerResult>;

/** A TOKEN authorizer: calls the Lambda, reads its policy for the method at hand, and keeps results as long as it is told to. */
export function createAuthorizer(load: () => Promise<LambdaHandler>, options: AuthorizerOptions): Authorizer {
  const { functionName, timeoutSeconds, cacheSeconds } = options;
  const cache = new Map<string, { result: AuthorizerResult; until: number }>();

  async function ask(authorizationToken: string, methodArn: string, requestId: string): Promise<AuthorizerResult> {
    const cached = cache.get(authorizationToken);
    if (cached !== undefined && performance.now() < cached.until) return cached.result;
    const event = { type: 'TOKEN', authorizationToken, methodArn };
    const result = authorizerResult.parse(await invoke(await load(), event, { functionName, timeoutSeconds, requestId }));
    if (cacheSeconds > 0) cache.set(authorizationToken, { result, until: performance.now() + cacheSeconds * 1000 });
    return result;
  }

  return async (token, methodArn, requestId) => {
    if (token === undefined || !tokenPattern.test(token)) return { outcome: 'unauthorized' };
    try {
      const { principalId, usageIdentifierKey, policyDocument, context } = await ask(token, methodArn, requestId);
      if (!permits(policyDocument.Statement, methodArn)) return { outcome: 'forbidden' };
      return { outcome: 'allowed', context: { ...context, principalId }, usageIdentifierKey };
    } catch (cause) {
      // Exactly this message is how a Lambda authorizer says 401.
      if (cause instanceof Error && cause.message === 'Unauthorized') return { outcome: 'unauthorized' };
      return { outcome: 'failed', cause };
    }
  };
}

/** An explicit Deny wins, and what nothing allows is denied. */
function permits(statements: AuthorizerResult['policyDocument']['Statement'], methodArn: string): boolean {
  const effects = statements
    .filter(({ Action, Resource }) => Action.some((pattern) => matches(pattern, 'execute-api:Invoke')) && Resource.some((pattern) => matches(pattern, methodArn)))
    .map(({ Effect }) => Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

/** IAM's wildcards: `*` for any characters, `?` for one. */
function matches(pattern: string, text: string): boolean {
  const expression = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 'is').test(text);
}
