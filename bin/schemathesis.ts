// npm run schemathesis: a second opinion on the API's description, from a fuzzer that others wrote (https://schemathesis.readthedocs.io).
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatApiKey } from '../lambdas/authority/api-key.ts';
import { startRuntime } from '../local/runtime.ts';
import { installPythonProgram } from './python-program.ts';

/*
 * What it is asked for: no 5xx, and no status, media type, header or body but those of the description. Whether the service takes what the
 * description allows is not asked: JSON Schema has no words for much of what a field must be besides, a public URL for one.
 */
const checks = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance', 'response_schema_conformance', 'ignored_auth', 'unsupported_method'];

const installation = await installPythonProgram({ name: 'schemathesis', version: '4.32.5' });
if ('missing' in installation) {
  process.stdout.write(`SKIPPED, nothing was tested: ${installation.missing}.\n`);
  process.exit();
}

const key = formatApiKey('test', randomBytes(32));
// In memory, on a free port of this machine alone; nothing it makes outlives it.
const runtime = await startRuntime({ tenants: [{ name: 'schemathesis', key }], rateLimits: 'off' });
try {
  const run = spawn(installation.program, [
    'run', join(import.meta.dirname, '../docs/openapi.json'), '--url', runtime.url, '--header', `Authorization: Bearer ${key}`, '--checks', checks.join(','),
    // Webhooks lead out of this machine, and this never does.
    '--exclude-operation-id', 'create-webhook', '--exclude-operation-id', 'update-webhook',
    // Whose bodies it cannot write: test/pki/fuzz.test.ts and test/api/fuzz.test.ts send OCSP requests that are nearly right.
    '--exclude-operation-id', 'post-ocsp',
    '--generation-database', 'none', '--continue-on-failure',
    ...process.argv.slice(2),
  ], { stdio: 'inherit', cwd: tmpdir() });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => run.kill(signal));
  const [code] = (await once(run, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
} finally {
  await runtime.stop();
}
process.exit();
