import { describe, expect, test } from '@jest/globals';
import { lines, synthesize } from './synthesized.ts';

const { bucket, bucketPolicy, render } = synthesize();

describe('the bucket of the exported audit trail', () => {
  const { Properties, DeletionPolicy, UpdateReplacePolicy } = bucket['audit archive'];
  const lockOf = (settings: object) => synthesize(settings).bucket['audit archive'].Properties['ObjectLockConfiguration'];

  test('locks what is put there, for seven years unless told otherwise', () => {
    expect(Properties).toMatchObject({ ObjectLockEnabled: true, VersioningConfiguration: { Status: 'Enabled' } });
    expect(Properties['ObjectLockConfiguration']).toEqual({ ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Days: 2557, Mode: 'GOVERNANCE' } } });
    expect(lockOf({ auditRetentionDays: 30, auditRetentionMode: 'COMPLIANCE' })).toEqual({ ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Days: 30, Mode: 'COMPLIANCE' } } });
  });

  test('forgets nothing by itself', () => {
    const [rule, ...others] = Properties['LifecycleConfiguration'].Rules as Record<string, unknown>[];
    expect(others).toEqual([]);
    expect(rule).toEqual({ Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } });
  });

  test('is private, encrypted, reached by TLS only, and outlives its stack', () => {
    expect(Properties).toMatchObject({
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
    });
    expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
    expect(lines(bucketPolicy('audit archive'), render)).toEqual([
      'DENY s3:* on <audit archive>, aws:SecureTransport Bool false',
      'DENY s3:* on <audit archive>/*, aws:SecureTransport Bool false',
    ]);
  });
});
