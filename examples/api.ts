import { randomUUID } from 'node:crypto';

/** What the environment must say; one sentence where it does not. */
export function setting(name: string, what: string): string {
  const value = process.env[name];
  if (value) return value;
  console.error(`Set ${name}: ${what}.`);
  process.exit(2);
}

/** Calls the API with KAKUNIN_KEY and answers `data`. An Idempotency-Key lets you repeat a request that got no answer: keep it with the request. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- docs/api.md says what is in it
export async function call(method: 'GET' | 'POST', path: string, body?: object, idempotencyKey: string = randomUUID()): Promise<any> {
  const response = await fetch(setting('KAKUNIN_URL', 'where the API is, such as http://127.0.0.1:3000/v1') + path, {
    method,
    headers: { authorization: `Bearer ${setting('KAKUNIN_KEY', 'an API key')}`, ...(body && { 'content-type': 'application/json', 'idempotency-key': idempotencyKey }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const { data, error, code } = (await response.json()) as { data?: unknown; error?: string; code?: string };
  if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status} ${code}: ${error}`);
  return data;
}
