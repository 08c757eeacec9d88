import { existsSync } from 'node:fs';
import type { LambdaHandler } from './invocation.ts';

const fileOf = (functionName: string) => `../lambdas/handlers/${functionName}.ts`;

/** The function of that name. Handlers read their environment when they are first called, and only then may be loaded. */
export async function loadHandler(functionName: string): Promise<LambdaHandler> {
  const { handler } = (await import(fileOf(functionName))) as { handler: LambdaHandler };
  return handler;
}

export const hasHandler = (functionName: string) => existsSync(new URL(fileOf(functionName), import.meta.url));
