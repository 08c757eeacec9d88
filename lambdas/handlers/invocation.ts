import type { Context } from 'aws-lambda';
import { log, logging } from '../log.ts';

/**
 * A Lambda that AWS calls and no client: what it logs has the invocation's id. What it throws is logged and thrown on by its name
 * and sentence alone, because Lambda itself logs all members of an error, and the AWS SDK's hold whole answers.
 */
export function invocation<Event, Result>(name: string, run: (event: Event, context: Context) => Promise<Result>) {
  return (event: Event, context: Context): Promise<Result> => logging({ request_id: context.awsRequestId }, async () => {
    try {
      return await run(event, context);
    } catch (error) {
      log.error(name, error);
      throw bare(error);
    }
  });
}

function bare(error: unknown): Error {
  const { name, message } = error as Partial<Error>;
  return Object.assign(new Error(message ?? String(error)), name !== undefined && { name });
}
