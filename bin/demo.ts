// npm run demo: one agent's life from registration to automatic revocation and what follows from it, against a service started for it alone.

// Listened to before anything else is loaded, so that a start under way is ended as well.
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
const { signal } = stopping;

try {
  const startedAt = performance.now();
  const { randomBytes } = await import('node:crypto');
  const { formatApiKey } = await import('../lambdas/authority/api-key.ts');
  const { kms } = await import('../lambdas/aws/kms-client.ts');
  const { startRuntime } = await import('../local/runtime.ts');
  const { createClient } = await import('./demo/client.ts');
  const { openOpenssl } = await import('./demo/openssl.ts');
  const { createScreen } = await import('./demo/screen.ts');
  const { tellStory } = await import('./demo/story.ts');
  signal.throwIfAborted();

  const screen = createScreen(process.stdout, process.env);
  screen.step('Start the service in memory: DynamoDB engine, KMS, S3, certificate authority, API');
  const key = formatApiKey('test', randomBytes(32));
  const openssl = await openOpenssl(signal);
  try {
    const runtime = await startRuntime({ tenants: [{ name: 'demo', key }], signal });
    try {
      screen.lines(`${runtime.url}, ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
      await tellStory({ client: createClient(runtime.url, key, signal), kms: kms(), openssl }, screen, signal);
    } finally {
      await runtime.stop();
    }
  } finally {
    await openssl.close();
  }
} catch (error) {
  process.stderr.write(`\n${signal.aborted ? 'Stopped.' : error instanceof Error ? error.message : String(error)}\n`);
  process.exit(signal.aborted ? 130 : 1);
}
process.exit(0);

export {};
