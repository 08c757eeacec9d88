// npm run test:deploy: the stack really deployed, on an emulator of AWS, by the commands of the documentation; used, upgraded and destroyed.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readSettings } from '../lib/settings.ts';
import { installPythonProgram } from './python-program.ts';
import { startEmulator } from './test-deploy/emulator.ts';
import { TestFailure } from './test-deploy/failure.ts';
import { openInternet } from './test-deploy/internet.ts';
import { omissions } from './test-deploy/omissions.ts';
import { certificateFile, operatorEnvironment, root } from './test-deploy/operator.ts';
import { whatMatters } from './test-deploy/run.ts';
import { createSteps } from './test-deploy/steps.ts';
import { tellDeployment } from './test-deploy/story.ts';

const usage = `Deploys the stack on MiniStack, an emulator of AWS, on this machine: bootstrap, deploy, the whole life of an agent, the same again,
an upgrade from an earlier commit and back, and destruction.

  npm run test:deploy [-- --from <commit>]

  --from <commit>   what to upgrade from; without it the last release, or else the commit before the last
`;

const write = (line: string) => void process.stdout.write(`${line}\n`);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
const { signal } = stopping;

function readArguments() {
  try {
    return parseArgs({ options: { from: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } } }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

const { from, help } = readArguments();
if (help) {
  process.stdout.write(usage);
  process.exit();
}

const startedAt = performance.now();
// cryptography is what its KMS makes RSA keys with.
const installation = await installPythonProgram({ name: 'ministack', version: '1.5.33', with: ['cryptography==50.0.2'] });
if ('missing' in installation) {
  write(`SKIPPED, nothing was tested: ${installation.missing}.`);
  process.exit();
}
const { region } = readSettings((JSON.parse(await readFile(join(root, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> }).context['kakunin']);
write(`MiniStack 1.5.33 on this machine stands for AWS in ${region}. It does not enforce IAM, and runs functions on Node.js ${process.versions.node}.`);
for (const { what, why } of omissions) write(`Left out: ${what} (${why}).`);
write('Other than on AWS: what the distribution sends on to the API goes there at once (MiniStack’s CloudFront asks no API Gateway).\n');

const steps = createSteps(write);
const directory = await mkdtemp(join(tmpdir(), 'kakunin-test-deploy-'));
let failure: unknown;
try {
  const emulator = await startEmulator(installation.program, region, signal);
  let apiUrl: string | undefined;
  const internet = await openInternet({ emulatorUrl: emulator.url, region, apiUrl: () => apiUrl }, signal);
  try {
    const environment = operatorEnvironment(emulator.url, internet, await certificateFile(directory, internet.certificate));
    // The clients of this process look where the operator does.
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, environment, { AWS_REGION: region, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' });
    await tellDeployment({ steps, internet, environment, directory, from, deployedAt: (url) => void (apiUrl = url) }, signal);
  } catch (error) {
    if (!signal.aborted) write(`\nWhat the emulator and the functions have logged of it:\n${whatMatters(await emulator.log(), 15)}`);
    throw error;
  } finally {
    await internet.close();
    await emulator.stop();
    write(`\nThe emulator and its functions took ${emulator.peakMegabytes()} MB at the most.`);
  }
} catch (error) {
  failure = error;
} finally {
  await rm(directory, { recursive: true, force: true });
}
write(`\n${steps.table().join('\n')}\nWith starting and ending it took ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
if (failure !== undefined) process.stderr.write(`\n${signal.aborted ? 'Stopped.' : failure instanceof TestFailure ? failure.message : ((failure as Error).stack ?? String(failure))}\n`);
process.exit(failure === undefined ? 0 : signal.aborted ? 130 : 1);
