import type { LambdaHandler } from './invocation.ts';

/** The function of that name. Handlers read their environment when they are first called, and only then may be loaded. */
export async function loadHandler(functionName: string): Promise<LambdaHandler> {
  const { handler } = (await import(`../lambdas/handlers/${functionName}.ts`)) as { handler: LambdaHandler };
  return handler;
}
