// npm run fuzz: the fuzzing of the test suite, for as long as one likes.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const usage = `Fuzzes the service on this machine and the readers of octets from outside, as the tests do, for longer.

  npm run fuzz [-- api | pki] [--seconds <n>] [--seed <n>] [--path <path>] [--only <name>]

  api              every operation of docs/openapi.json
  pki              DER and PEM: certificates, CRLs, OCSP requests, kakunin/verify
  --seconds <n>    how long each property goes on (60); there are some 15 of pki and one for each operation of api
  --seed, --path   repeat a failure, as its message says
  --only <name>    no test but those whose names this expression matches
`;

const files = { api: 'test/api/fuzz.test.ts', pki: 'test/pki/fuzz.test.ts' } as const;

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, path: { type: 'string' }, only: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
    });
    if (!(Number(values.seconds) > 0)) throw new Error(`--seconds is "${values.seconds}", which is no such number.`);
    const unknown = positionals.find((name) => !Object.hasOwn(files, name));
    if (unknown !== undefined) throw new Error(`There is nothing called "${unknown}" to fuzz: it is one of ${Object.keys(files).join(', ')}.`);
    return { ...values, names: Object.entries(files).filter(([name]) => positionals.length === 0 || positionals.includes(name)).map(([, file]) => file) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

const { help, names, seconds, seed, path, only } = readArguments();
if (help) {
  process.stdout.write(usage);
  process.exit();
}
const jest = spawn(process.execPath, ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...names, ...(only === undefined ? [] : ['-t', only])], {
  cwd: `${import.meta.dirname}/..`,
  stdio: 'inherit',
  env: { ...process.env, FUZZ_SECONDS: seconds, ...(seed !== undefined && { FUZZ_SEED: seed }), ...(path !== undefined && { FUZZ_PATH: path }) },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => jest.kill(signal));
jest.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
