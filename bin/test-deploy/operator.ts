import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestFailure } from './failure.ts';
import { exported, fillIn, shown } from './guide.ts';
import type { Internet } from './internet.ts';
import { run } from './run.ts';

export const root = join(import.meta.dirname, '../..');

/** What the stack says of itself: the outputs of `cdk deploy`. */
export type Outputs = Readonly<Record<string, string>>;

/** Somebody who has a checkout and a shell, and types what the documentation says. */
export interface Operator {
  /** Runs a command in the checkout; `<…>` in it is what was printed before. @returns all it printed */
  type(command: string, more?: Readonly<Record<string, string>>): Promise<string>;
  /** Goes on in another checkout. */
  goTo(checkout: string): void;
  /** Of the last deployment. */
  outputs(): Promise<Outputs>;
  /** What stands for `<name>`, as far as something was printed about it. */
  known(name: string): string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The environment of the operator's shell: this one's, without its AWS and its proxies, with those of the test. */
export function operatorEnvironment(emulatorUrl: string, { proxy }: Pick<Internet, 'proxy'>, certificateFile: string): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:AWS_|CDK_|KAKUNIN_|STACK_OUTPUTS$|DEPLOYMENT$|QUEUE_PREFIX$|.*_(?:TABLE|BUCKET)$|(?:https?|all|no)_proxy$)/i.test(name));
  return {
    ...Object.fromEntries(own),
    AWS_ENDPOINT_URL: emulatorUrl,
    AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test',
    AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true',
    http_proxy: proxy, https_proxy: proxy, no_proxy: '127.0.0.1',
    CURL_CA_BUNDLE: certificateFile,
    // The app less what the emulator lacks; and nobody is here to say yes, or to be told of news.
    CDK_APP: `node --import tsx ${join(import.meta.dirname, 'app.ts')}`,
    CDK_REQUIRE_APPROVAL: 'never', CDK_NOTICES: 'false', CDK_DISABLE_CLI_TELEMETRY: 'true', NO_COLOR: '1',
  };
}

export function operator(environment: Readonly<Record<string, string | undefined>>, checkout: string, signal: AbortSignal): Operator {
  let cwd = checkout;
  const shell: Record<string, string | undefined> = { ...environment };
  const printed = new Map<string, string>();
  const outputs = async () => Object.values(JSON.parse(await readFile(join(cwd, 'outputs.json'), 'utf8')) as Record<string, Outputs>)[0] ?? {};
  return {
    environment: shell,
    outputs,
    known: (name) => printed.get(name),
    goTo: (other) => void (cwd = other),
    async type(command, more = {}) {
      const variables = exported(fillIn(command, printed));
      if (variables !== undefined) {
        Object.assign(shell, variables);
        return '';
      }
      const output = await run(fillIn(command, printed), { cwd, environment: { ...shell, ...more }, signal });
      if (command.includes('cdk deploy')) {
        for (const [name, value] of Object.entries(await outputs())) printed.set(name, value);
        printed.set('region', printed.get('RootKeyArn')?.split(':')[3] ?? '');
      }
      const value = shown(output);
      if (value !== undefined && command.includes('tenant create')) printed.set('tenant id', value);
      if (value !== undefined && command.includes('key create')) printed.set('key', value);
      return output;
    },
  };
}

/** This working tree in a directory of its own, where what is deployed leaves its files: everything that git knows, by links, and what is installed. */
export async function checkoutOfNow(directory: string): Promise<string> {
  const checkout = join(directory, 'now');
  await mkdir(checkout);
  for (const name of await readdir(root)) {
    if (!['.git', 'cdk.out', 'outputs.json'].includes(name)) await symlink(join(root, name), join(checkout, name));
  }
  return checkout;
}

export interface Earlier {
  readonly checkout: string;
  /** Its commit and subject, for people. */
  readonly name: string;
}

/**
 * The source of an earlier commit, with the packages that are installed here.
 * @param wanted a commit; without one the last release's, or else the one before the last
 * @returns or, where the repository has none before this, why not
 * @throws TestFailure where it has not the one that is wanted
 */
export async function checkoutOfEarlier(directory: string, wanted: string | undefined): Promise<Earlier | string> {
  const git = async (...args: string[]) => (await promisify(execFile)('git', args, { cwd: root })).stdout.trim();
  try {
    const before = wanted ?? (await git('describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD^').catch(() => 'HEAD^'));
    const name = await git('log', '-1', '--format=%h "%s"', before);
    const checkout = join(directory, 'earlier');
    await mkdir(checkout);
    await run(`git archive ${await git('rev-parse', before)} | tar -x -C ${checkout}`, { cwd: root, environment: process.env, signal: AbortSignal.timeout(60_000) });
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
    return { checkout, name };
  } catch (error) {
    const why = (error as { stderr?: string }).stderr?.trim().split('\n')[0] ?? String(error);
    if (wanted !== undefined) throw new TestFailure(`There is no commit ${wanted} to upgrade from (${why}).`);
    return why;
  }
}

/** Writes the certificate where curl finds it. */
export async function certificateFile(directory: string, certificate: string): Promise<string> {
  const file = join(directory, 'aws.pem');
  await writeFile(file, certificate);
  return file;
}
