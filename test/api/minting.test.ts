import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { DeleteObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { mintAuthority } from '../../lambdas/authority/mint-authority.ts';
import { mintingServices } from '../../lambdas/handlers/signing-services.ts';
import { localCredentials, region } from '../../local/account.ts';
import { invoke, type LambdaHandler } from '../../local/invocation.ts';
import { awsError, rewritten, s3Error } from '../support/faults.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { keyPool } from '../support/key-pool.ts';
import { crlShardCount } from '../support/published-crl.ts';

// The function that CloudFormation calls at deployment and the clock every day.

let runtime: FaultyRuntime;
let s3: S3Client;
let objects: readonly string[];

beforeAll(async () => {
  runtime = await startFaultyRuntime(undefined, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  s3 = new S3Client({ endpoint: runtime.s3Endpoint, region, credentials: localCredentials, forcePathStyle: true });
  objects = await published();
});
afterEach(() => runtime.calm());
afterAll(async () => {
  s3.destroy();
  await runtime.stop();
});

const Bucket = () => runtime.bucketNames.distribution;
const published = async () => ((await s3.send(new ListObjectsV2Command({ Bucket: Bucket() }))).Contents ?? []).map(({ Key = '' }) => Key).sort();
const emptyBucket = async () => void (await Promise.all((await published()).map((Key) => s3.send(new DeleteObjectCommand({ Bucket: Bucket(), Key })))));

async function deploy(RequestType: 'Create' | 'Update' | 'Delete') {
  const { handler } = (await import('../../lambdas/handlers/mint-authority.ts')) as { handler: LambdaHandler };
  return (await invoke(handler, { RequestType, ResourceProperties: {} }, { functionName: 'mint-authority', timeoutSeconds: 60 })) as { PhysicalResourceId: string; Data?: Record<string, string> };
}

test('a deployment puts something at every URL that certificates name', () => {
  const shards = Array.from({ length: crlShardCount }, (_, crlShard) => `crl/shard-${crlShard}.crl`);
  expect(objects).toEqual(['ca/attestation.cer', 'ca/issuing.cer', 'ca/root.cer', 'crl/complete.crl', 'crl/complete.pem', 'crl/root.crl', ...shards].sort());
});

test('called again, by CloudFormation or by the clock, it makes nothing anew', async () => {
  const first = await deploy('Create');
  const again = await deploy('Update');
  expect(again).toEqual(first);
  expect(again.Data).toEqual({ IssuingFingerprintSha256: expect.stringMatching(/^[0-9a-f]{64}$/), RootFingerprintSha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  runtime.calm();
  await runtime.runSchedule('mint-authority');
  expect(runtime.kms.calls).toEqual([]);
  expect(runtime.s3.calls.filter(({ operation }) => operation === 'PutObject')).toEqual([]);
});

test('a deletion touches nothing', async () => {
  runtime.calm();
  expect(await deploy('Delete')).toEqual({ PhysicalResourceId: 'kakunin-certificate-authority' });
  expect([...runtime.dynamodb.calls, ...runtime.kms.calls, ...runtime.s3.calls]).toEqual([]);
});

describe('where S3 fails', () => {
  test.each([['is gone', s3Error('InternalError', 500)], ['lets nobody in', s3Error('AccessDenied', 403)]])('and %s, so does the deployment; it then succeeds with nothing in S3 yet', async (_, fault) => {
    await emptyBucket();
    const injection = runtime.s3.inject({ operation: 'PutObject' }, fault);
    await expect(deploy('Create')).rejects.toThrow('The place where CRLs and CA certificates are published is not available at the moment.');
    await expect(runtime.runSchedule('mint-authority')).rejects.toThrow('is not available');
    injection.remove();
    expect(await published()).toEqual([]);
    await deploy('Create');
    expect(await published()).toEqual(objects);
  });
});

describe('where KMS fails', () => {
  const faults = {
    'by refusing to sign': [awsError('KMSInternalException'), 'The key store is not available'],
    'by a wrong signature': [rewritten((answer) => ({ ...answer, Signature: Buffer.alloc(384, 7).toString('base64') })), 'does not verify'],
  } as const;
  test.each(Object.entries(faults))('%s, no CRL is published, and everything else is', async (_, [fault, message]) => {
    await emptyBucket();
    const injection = runtime.kms.inject({ operation: 'Sign' }, fault);
    await expect(deploy('Update')).rejects.toThrow(message);
    injection.remove();
    expect(await published()).toEqual(['ca/attestation.cer', 'ca/issuing.cer', 'ca/root.cer']);
    await deploy('Update');
    expect(await published()).toEqual(objects);
  });
});

describe('what is minted stays, and is refused to a deployment with', () => {
  const keys = () => ({ organization: 'Kakunin', rootKeyArn: process.env['ROOT_KEY_ID'] ?? '', issuingKeys: [{ generation: 1, keyArn: process.env['ISSUING_KEY_IDS'] ?? '' }] });

  test('another URL, or none', async () => {
    const { settings, ...services } = mintingServices();
    const { distributionUrl: _, ...withoutUrl } = settings;
    for (const other of [{ ...settings, distributionUrl: 'http://pki.example.com' }, withoutUrl]) {
      await expect(mintAuthority({ ...services, settings: other }, keys())).rejects.toThrow(/^The issuing certificate says that its CRL is at http:\/\/127\.0\.0\.1:\d+\/crl\/root\.crl, and this deployment would have it at (http:\/\/pki\.example\.com\/crl\/root\.crl|no URL): keep the URL/);
    }
    expect((await mintAuthority({ ...services, settings }, keys())).minted).toBe(false);
  });

  test('other keys', async () => {
    const { rootKeyArn, issuingKeys: [{ keyArn } = { keyArn: '' }] } = keys();
    await expect(mintAuthority(mintingServices(), { ...keys(), rootKeyArn: keyArn })).rejects.toThrow('The root certificate was minted for the key');
    await expect(mintAuthority(mintingServices(), { ...keys(), issuingKeys: [{ generation: 1, keyArn: rootKeyArn }] })).rejects.toThrow('The issuing certificate was minted for the key');
  });
});
