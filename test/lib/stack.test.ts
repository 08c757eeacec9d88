import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { root, synthesize } from './synthesized.ts';

const { resources, template, render } = synthesize();

test('there is room to grow below the 500 resources that a stack may have', () => {
  expect(resources.length).toBeLessThan(450);
});

test('what a deployment is asked for is in its outputs', () => {
  const outputs = Object.fromEntries(Object.entries(template.Outputs).map(([name, output]) => [name, render((output as { Value: unknown }).Value)]));
  expect(outputs).toMatchObject({
    RegistryTableName: '<registry>', RiskTableName: '<risk>', RootKeyArn: '<root key>', IssuingKeyArn: '<issuing key>', OcspKeyArn: '<OCSP key>', AttestationKeyArn: '<attestation key>',
    DistributionUrl: 'http://<distribution>', DistributionBucketName: '<files>', DeadLetterBucketName: '<dead letters>', AuditBucketName: '<audit archive>',
  });
  expect(outputs['ApiUrl']).toMatch(/^https:\/\/<.*>\.execute-api\.eu-west-1\.<AWS::URLSuffix>\/<.*Stagev1.*>$/);
});

test('two deployments can share an account, in one Region or in two', () => {
  const names = (stack: ReturnType<typeof synthesize>) => new Set(stack.resources.flatMap(([, { Type, Properties = {} }]) =>
    namesIn(Type.startsWith('AWS::CloudFront::') ? Properties : only(Properties, ['FunctionName', 'LogGroupName', 'TableName', 'RoleName', 'QueueName', 'AlarmName', 'BucketName', 'UsagePlanName'])).map((name) => `${Type} ${name}`)));
  const first = names(synthesize());
  expect([...first].filter((name) => name.startsWith('AWS::CloudFront::'))).toHaveLength(8);
  expect([...names(synthesize({ deployment: 'another' }))].filter((name) => first.has(name))).toEqual([]);
  // What CloudFront has is named once an account, whatever the Region.
  expect([...names(synthesize({ region: 'us-east-1' }))].filter((name) => name.startsWith('AWS::CloudFront::') && first.has(name))).toEqual([]);
});

test('what outlives a stack does not keep the next one of its name from being made', () => {
  const named = resources.filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain').flatMap(([, { Type, Properties = {} }]) =>
    Object.entries(Properties).filter(([name, value]) => name.endsWith('Name') && typeof value === 'string').map(([name]) => `${Type} ${name}`));
  expect(named).toEqual([]);
});

/** What a resource is called by its properties, at any depth: `Name`, `FunctionName` and the like. */
function namesIn(properties: object): string[] {
  return Object.entries(properties).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'string' ? (/(?<!Header)Name$/.test(name) ? [value] : []) : typeof value === 'object' && value !== null ? namesIn(value) : []);
}

function only(properties: Record<string, unknown>, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => names.includes(name)));
}

test('cdk synth needs no account, no credentials and no network, and bundles every handler', () => {
  const output = mkdtempSync(path.join(os.tmpdir(), 'kakunin-synth-'));
  try {
    // A proxy that nothing listens at, and a home without credentials.
    const env = { PATH: process.env['PATH'], HOME: output, HTTPS_PROXY: 'http://127.0.0.1:9', AWS_EC2_METADATA_DISABLED: 'true', CI: 'true' };
    const { status, stdout, stderr } = spawnSync(process.execPath, ['node_modules/aws-cdk/bin/cdk', 'synth', '--quiet', '--output', path.join(output, 'cdk.out')], { cwd: fileURLToPath(root), env, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: expect.anything() });
    const assets = readdirSync(path.join(output, 'cdk.out')).filter((name) => name.startsWith('asset.'));
    expect(assets.length).toBeGreaterThanOrEqual(Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function').length);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}, 120_000);
