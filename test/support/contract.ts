import { createRouter } from '../../local/gateway/routing.ts';
import { basePath, routes, type RouteName } from '../../lambdas/routes.ts';
import { operations, type Operation } from '../../openapi/operations.ts';
import { anywhere, problemsOf } from '../../openapi/problems.ts';
import { problem } from '../../openapi/resources.ts';
import type { Reply } from './runtime.ts';

const router = createRouter(routes);

/**
 * Holds an answer of the service to what docs/openapi.json promises: status, media type, every field of the body, and for a
 * failure one of the operation's codes. The document is made of the same tables.
 * @throws Error that says what the answer should have been
 */
export function holdToContract(method: string, path: string, reply: Reply): void {
  const routing = router(method, path.replace(/[?#].*$/s, ''));
  if (routing.outcome !== 'found' || reply.status === 304) return;
  const name = routing.match.functionName as RouteName;
  const operation = operations[name] as Operation | undefined;
  // That there is one for every route is for the compiler and test/openapi to say.
  if (operation === undefined) return;
  const complain = (what: string) => { throw new Error(`${method} ${basePath}${path} (${name}) answered ${reply.status}, ${what}: ${JSON.stringify(reply.body)}`); };
  const mediaType = (reply.headers.get('content-type') ?? '').replace(/;.*$/, '');
  if (reply.status >= 400) return holdFailure(name, operation, reply, mediaType, complain);
  const { status, json, forms = {} } = operation.answer;
  if (reply.status !== status) complain(`and not ${status}`);
  if (mediaType !== 'application/json') {
    if (forms[mediaType] === undefined) complain(`as ${mediaType}`);
    return;
  }
  const result = json?.safeParse(reply.body);
  if (result?.success !== true) complain(`which is not what openapi/operations.ts describes (${result?.error?.message ?? 'no JSON'})`);
}

function holdFailure(name: RouteName, operation: Operation, reply: Reply, mediaType: string, complain: (what: string) => void): void {
  if (mediaType === 'text/html' && operation.answer.forms?.['text/html'] !== undefined) return;
  if (!problem.safeParse(reply.body).success) return complain('which is not the shape of a failure');
  const { code } = reply.body as { code: string };
  if (problemsOf(name).get(reply.status)?.includes(code) !== true && anywhere[code] !== reply.status) complain('a failure that openapi/operations.ts does not name');
}
