import { ensureAuthorityKeys } from '../../local/authority-keys.ts';
import { invoke, type LambdaHandler } from '../../local/invocation.ts';
import type { TestRuntime } from './runtime.ts';

/* What a deployment does that changes `issuingGenerations`: keys first, then the custom resource, then the functions know. */

type Runtime = Pick<TestRuntime, 'kmsEndpoint'>;

/**
 * Deploys with these generations, the one that issues first. Rejects, and leaves the functions as they were, where the deployment is refused.
 * @param times how many deployments ask mint-authority at once
 */
export async function deployWith({ kmsEndpoint }: Runtime, generations: readonly number[], times = 1): Promise<void> {
  const before = generationsNow();
  const { issuingKeyArns } = await ensureAuthorityKeys(kmsEndpoint, generations);
  const undo = setVariables({ ISSUING_GENERATIONS: generations.join(','), ISSUING_KEY_IDS: issuingKeyArns.join(',') });
  try {
    await Promise.all(Array.from({ length: times }, () => mint({ RequestType: 'Update', OldResourceProperties: { IssuingGenerations: before } })));
  } catch (error) {
    undo();
    throw error;
  }
}

/** Has mint-authority run, as for an event of CloudFormation's or the clock's. */
export async function mint(event: object): Promise<void> {
  const { handler } = (await import('../../lambdas/handlers/mint-authority.ts')) as { handler: LambdaHandler };
  await invoke(handler, event, { functionName: 'mint-authority', timeoutSeconds: 60 });
}

const generationsNow = () => process.env['ISSUING_GENERATIONS'] ?? '1';

function setVariables(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
}
