import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

// The package as others get it: packed, and unpacked into a project that has nothing else.

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root });
  await mkdir(join(project, 'node_modules/kakunin'), { recursive: true });
  await run('tar', ['-xzf', join(project, stdout.trim().split('\n').at(-1) ?? ''), '-C', join(project, 'node_modules/kakunin'), '--strip-components=1']);
  await writeFile(join(project, 'package.json'), '{"type": "module"}');
}, 180_000);
afterAll(() => rm(project, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

it('needs no Node and no other package, and is below 12 KB', async () => {
  const bundle = await readFile(join(project, 'node_modules/kakunin/dist/client/index.js'), 'utf8');
  expect(bundle).not.toMatch(/\bnode:|\brequire\(|\bBuffer\.|\bprocess\.|\bfrom\s*["']|\bimport\s*[("']/);
  expect(Buffer.byteLength(bundle)).toBeLessThan(12_000);
});

it('runs in plain Node', async () => {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: { path: request.url, key: request.headers.authorization } }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    await writeFile(join(project, 'run.js'), `
      import { KakuninClient } from 'kakunin/client';
      const kakunin = new KakuninClient({ baseUrl: 'http://127.0.0.1:${(server.address() as AddressInfo).port}/v1', apiKey: 'kak_test_a' });
      console.log(JSON.stringify(await kakunin.agents.get('a/b')));
    `);
    const { stdout } = await run(process.execPath, ['run.js'], { cwd: project });
    expect(JSON.parse(stdout)).toEqual({ path: '/v1/agents/a%2Fb', key: 'Bearer kak_test_a' });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

it.each([['nodenext', 'nodenext'], ['esnext', 'bundler']])('has types for a project with module %s and moduleResolution %s', async (module, moduleResolution) => {
  await writeFile(join(project, 'use.ts'), `
    import { KakuninClient, KakuninError, type Agent, type CreateAgentRequest, type Page } from 'kakunin/client';
    const kakunin = new KakuninClient({ baseUrl: 'https://api.example/v1', apiKey: 'kak_live_a', timeoutSeconds: 5 });
    const request: CreateAgentRequest = { name: 'a', model_hash: 'b', description: null, financial_scope: { daily_limit_usd: 1 } };
    const agent: Agent = await kakunin.agents.create(request, { idempotencyKey: 'k' });
    const status: 'pending' | 'active' | 'suspended' | 'retired' = agent.status;
    const page: Page<Agent, { readonly total: number }> = await kakunin.agents.list({ status, limit: 5 });
    page.meta.total.toFixed();
    for await (const { serial_number } of kakunin.certificates.listAll({ agent_id: agent.id })) serial_number.toLowerCase();
    try {
      await kakunin.certificates.revoke('c', { reason: 'r', reason_code: 'keyCompromise' });
    } catch (error) {
      if (error instanceof KakuninError) error.issues.map(({ path }) => path);
    }
    // @ts-expect-error A name is needed.
    await kakunin.agents.create({ model_hash: 'b' });
    // @ts-expect-error There is no such reason.
    await kakunin.certificates.revoke('c', { reason: 'r', reason_code: 'certificateHold' });
    // @ts-expect-error listAll finds its own way.
    kakunin.agents.listAll({ cursor: 'c' });
  `);
  const compilerOptions = { target: 'es2022', lib: ['es2022', 'dom'], types: [], module, moduleResolution, strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  const { stdout } = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
}, 120_000);
