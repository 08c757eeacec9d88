import { readFileSync } from 'node:fs';
import { UsageError } from './failures.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a deployment's outputs say of what the commands need to know, beside the Region, which is in every ARN. */
const outputOf = {
  REGISTRY_TABLE: 'RegistryTableName',
  RISK_TABLE: 'RiskTableName',
  DEAD_LETTER_BUCKET: 'DeadLetterBucketName',
  AUDIT_BUCKET: 'AuditBucketName',
} as const;

/**
 * The variables that the file tells of which STACK_OUTPUTS names, as `cdk deploy --outputs-file` has written it; none without one. What the
 * environment says itself counts, but for the Region: the deployment is nowhere else.
 * @throws UsageError where there is no such file, or it is not of one deployment
 */
export function stackOutputs(environment: Environment): Readonly<Record<string, string>> {
  const file = environment['STACK_OUTPUTS'] ?? '';
  if (file === '') return {};
  const [deployment, outputs] = deploymentIn(file);
  const told = [...Object.entries(outputOf).map(([variable, output]) => [variable, outputs[output]] as const), ['DEPLOYMENT', deployment], ['QUEUE_PREFIX', deployment]] as const;
  const [, , , region] = outputs['RootKeyArn']?.split(':') ?? [];
  return { ...Object.fromEntries(told.filter(([variable]) => !environment[variable])), ...(region !== undefined && { AWS_REGION: region }) };
}

function deploymentIn(file: string): readonly [string, Readonly<Record<string, string | undefined>>] {
  const wanted = 'STACK_OUTPUTS names the file that "npx cdk deploy --outputs-file <file>" wrote';
  let deployments: [string, Record<string, string>][];
  try {
    deployments = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>).filter(([, outputs]) => outputs['RegistryTableName'] !== undefined);
  } catch (error) {
    throw new UsageError(`${wanted}, and "${file}" cannot be read (${(error as Error).message}).`);
  }
  const [only, ...others] = deployments;
  if (only === undefined || others.length > 0) throw new UsageError(`${wanted}, and "${file}" has the outputs of ${deployments.length} deployments.`);
  return only;
}
