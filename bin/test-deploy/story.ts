import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { authorityOf, insistOnAuthority, insistOnSilence, insistOnWhatIsRetained, takeTheJourney } from './checks.ts';
import { TestFailure } from './failure.ts';
import { commandsUnder } from './guide.ts';
import type { Internet } from './internet.ts';
import { checkoutOfEarlier, checkoutOfNow, operator, root, type Operator } from './operator.ts';
import type { Steps } from './steps.ts';

export interface Deployment {
  readonly steps: Steps;
  readonly internet: Internet;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For checkouts. */
  readonly directory: string;
  /** The commit to upgrade from, where one is asked for. */
  readonly from: string | undefined;
  readonly deployedAt: (apiUrl: string) => void;
}

// What would change the packages or the commit of whoever runs this.
const notTyped = /^(?:npm ci|git )/;

/** `cdk destroy` asks whether one is sure. */
const sure = { CDK_FORCE: 'true' };

/**
 * A deployment's life: the guide of README.md in an empty account, an agent's journey, the same version again, destruction;
 * an earlier version where that was, upgraded and rolled back, and destroyed.
 * @throws TestFailure, or DemoFailure, at the first thing that is not as it must be
 */
export async function tellDeployment({ steps: { step, skip }, internet, environment, directory, from, deployedAt }: Deployment, signal: AbortSignal): Promise<void> {
  const [readme, guide] = await Promise.all(['README.md', 'docs/deployment.md'].map((file) => readFile(join(root, file), 'utf8')));
  const first = commandsUnder('## Deploy', readme ?? '');
  const upgrade = commandsUnder('## Upgrade', guide ?? '');
  const destroy = commandsUnder('## Teardown', guide ?? '');
  const now = await checkoutOfNow(directory);
  const admin = operator(environment, now, signal);

  await typeAll(first, admin);
  const { ApiUrl: firstUrl = '' } = await admin.outputs();
  await step('An agent’s life: certified, verified, 409, good by OCSP, risk 0.85, revoked by itself, by OCSP and CRL, without its key', () => takeTheJourney(firstUrl, admin.known('key') ?? '', internet, signal));
  const authority = await authorityOf(firstUrl, internet);
  await step('Deploy again: nothing changes, and the CA is the same', async () => {
    const output = await admin.type('npx cdk deploy --outputs-file outputs.json');
    if (!output.includes('(no changes)')) throw new TestFailure(`The second deployment of the same version must change nothing:\n${output}`);
    await insistOnAuthority(authority, firstUrl, internet);
  });
  await destroyAll();

  const earlier = await checkoutOfEarlier(directory, from);
  if (typeof earlier === 'string') {
    skip('An upgrade from an earlier version', `the repository has none (${earlier})`);
    return;
  }
  admin.goTo(earlier.checkout);
  // One that knows nothing of STACK_OUTPUTS is told where it is as before.
  await typeAll(first.map((command) => (command.startsWith('export ') ? 'export AWS_REGION=<region> REGISTRY_TABLE=<RegistryTableName>' : command)), admin, ` (${earlier.name})`);
  const { ApiUrl: url = '' } = await admin.outputs();
  const before = await authorityOf(url, internet);
  admin.goTo(now);
  await typeAll(upgrade, admin);
  await step('The upgraded deployment has the CA it had', () => insistOnAuthority(before, url, internet));
  await step('An agent’s life, with an API key from before', () => takeTheJourney(url, admin.known('key') ?? '', internet, signal));
  admin.goTo(earlier.checkout);
  await step(`Roll back to ${earlier.name}`, async () => {
    await admin.type('npx cdk deploy --outputs-file outputs.json');
    await insistOnAuthority(before, url, internet);
  });
  await step('An agent’s life after that', () => takeTheJourney(url, admin.known('key') ?? '', internet, signal));
  await destroyAll();

  async function typeAll(commands: readonly string[], who: Operator, where = ''): Promise<void> {
    for (const command of commands.filter((line) => !notTyped.test(line))) {
      await step(`$ ${command}${command.startsWith('npx') ? where : ''}`, async () => void (await who.type(command)));
      if (command.includes('cdk deploy')) deployedAt((await who.outputs())['ApiUrl'] ?? '');
    }
  }

  async function destroyAll(): Promise<void> {
    const outputs = await admin.outputs();
    for (const command of destroy) await step(`$ ${command}`, async () => void (await admin.type(command, sure)));
    await step('What outlives it is there, and nothing answers', async () => {
      await insistOnSilence(outputs['ApiUrl'] ?? '', internet);
      return insistOnWhatIsRetained(outputs);
    });
    // Of the last tenant: MiniStack 1.5.33 goes on to call functions of the same name, in the next stack, with the stream of a table that was left by the one before.
    await step('The audit trail of what is no more is whole', async () => void (await admin.type('npm run admin -- audit verify --tenant <tenant id>')));
  }
}
