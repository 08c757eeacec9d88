import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stackOutputs } from '../../bin/admin/stack-outputs.ts';
import { runProgram } from './program.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const outputs = {
  ApiUrl: 'https://0abc1234.execute-api.eu-central-1.amazonaws.com/v1',
  RegistryTableName: 'registry-1', RiskTableName: 'risk-1', DeadLetterBucketName: 'dead-letters-1', AuditBucketName: 'audit-1',
  RootKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/9c2f',
};

async function fileOf(content: unknown): Promise<string> {
  const file = join(directory, 'outputs.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test('A deployment’s outputs say where everything is; what the environment says counts before, but for the Region', async () => {
  const STACK_OUTPUTS = await fileOf({ 'kakunin-prod': outputs });
  const told = {
    REGISTRY_TABLE: 'registry-1', RISK_TABLE: 'risk-1', DEAD_LETTER_BUCKET: 'dead-letters-1', AUDIT_BUCKET: 'audit-1',
    DEPLOYMENT: 'kakunin-prod', QUEUE_PREFIX: 'kakunin-prod', AWS_REGION: 'eu-central-1',
  };
  expect(stackOutputs({ STACK_OUTPUTS })).toEqual(told);
  const { RISK_TABLE: _, ...others } = told;
  expect(stackOutputs({ STACK_OUTPUTS, RISK_TABLE: 'mine', AUDIT_BUCKET: '', AWS_REGION: 'us-east-1' })).toEqual(others);
  expect(stackOutputs({ REGISTRY_TABLE: 'mine' })).toEqual({});
});

test.each([
  ['no file', undefined, /and ".*nowhere\.json" cannot be read \(ENOENT/],
  ['no JSON', 'yes', /cannot be read \(/],
  ['null', 'null', /cannot be read \(/],
  ['another stack’s outputs', { CDKToolkit: { BucketName: 'b' } }, /has the outputs of 0 deployments\.$/],
  ['two deployments', { one: outputs, two: outputs }, /has the outputs of 2 deployments\.$/],
])('Where STACK_OUTPUTS names a file with %s, that is said', async (_, content, message) => {
  const STACK_OUTPUTS = content === undefined ? join(directory, 'nowhere.json') : await fileOf(content);
  expect(() => stackOutputs({ STACK_OUTPUTS })).toThrow(message);
});

test('The admin program reads it, and tells what is wrong with it', async () => {
  const { status, stdout, stderr } = await runProgram('bin/admin.ts', ['tenant', 'list'], { environment: { STACK_OUTPUTS: join(directory, 'nowhere.json') } });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^STACK_OUTPUTS names the file that "npx cdk deploy --outputs-file <file>" wrote, and ".*" cannot be read .*\n$/);
});
