// npm start: the whole service on this machine, until SIGINT or SIGTERM.

// Listened to before anything else is loaded, so that a start under way is ended as well.
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

try {
  const { readSettings } = await import('../local/settings.ts');
  const { startRuntime } = await import('../local/runtime.ts');
  const runtime = await startRuntime({ ...readSettings(process.env), signal: stopping.signal });
  const lines = [
    `api ${runtime.url}`,
    `dynamodb ${runtime.dynamodbEndpoint}`,
    `kms ${runtime.kmsEndpoint}`,
    `s3 ${runtime.s3Endpoint}`,
    `sqs ${runtime.sqsEndpoint}`,
    `distribution ${runtime.distributionUrl}`,
    ...runtime.tenants.map(({ name, key }) => `key ${name} ${key}`),
    'ready',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);

  const asked = new Promise<undefined>((resolve) => {
    if (stopping.signal.aborted) resolve(undefined);
    stopping.signal.addEventListener('abort', () => resolve(undefined));
  });
  const failure = await Promise.race([asked, runtime.failed]);
  await runtime.stop();
  if (failure !== undefined) throw failure;
} catch (error) {
  // Having been asked to end is no failure, even in the middle of starting.
  if (error !== stopping.signal.reason) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
}
process.exit(0);

/** One sentence. What the adapters hide from the API's clients, who could do nothing about it, is told here. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name !== 'Refusal' || !(error.cause instanceof Error)) return error.message;
  const directory = process.env['KAKUNIN_DATA_DIR'];
  return directory === undefined
    ? `The service cannot start: ${error.cause.message}.`
    : `What is in the data directory ${directory} cannot be used (${error.cause.message}): restore it from a copy, or name another one.`;
}

export {};
