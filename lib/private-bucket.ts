import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** What one bucket does that another does not. */
export interface BucketLife {
  readonly versioned?: boolean;
  readonly lifecycle?: s3.LifecycleRule;
  /** How long each version of an object cannot be removed or replaced. It makes the bucket versioned, and cannot be taken away again. */
  readonly retention?: s3.ObjectLockRetention;
  /** Encrypts what is in it, in the place of S3's own keys. */
  readonly dataKey?: IKey | undefined;
  /** Where S3 notes who asked for what. */
  readonly accessLogs?: s3.IBucket;
}

/** A bucket that nobody outside the account reads or writes, encrypted at rest and on the way; it outlives its stack. */
export function createPrivateBucket(scope: Construct, id: string, { versioned = false, lifecycle, retention, dataKey, accessLogs }: BucketLife): s3.IBucket {
  const bucket = new s3.Bucket(scope, id, {
    ...(dataKey === undefined
      ? { encryption: s3.BucketEncryption.S3_MANAGED }
      : { encryption: s3.BucketEncryption.KMS, encryptionKey: dataKey, bucketKeyEnabled: true }),
    ...(accessLogs !== undefined && { serverAccessLogsBucket: accessLogs, serverAccessLogsPrefix: `${id}/` }),
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    versioned: versioned || retention !== undefined,
    ...(retention !== undefined && { objectLockEnabled: true, objectLockDefaultRetention: retention }),
    lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1), ...lifecycle }],
    removalPolicy: RemovalPolicy.RETAIN,
  });
  acknowledge(bucket, {
    'NIST.800.53.R5-S3BucketReplicationEnabled': 'The service lives in one Region, as its keys do (docs/security-model.md): what is in its buckets can be made anew, or is exported from the tables.',
    ...(dataKey === undefined && { 'NIST.800.53.R5-S3DefaultEncryptionKMS': 'Encrypted with S3’s own keys, as no key of the customer’s is asked for (setting customerKey), or it could not be: S3 writes logs under its own keys alone, and CRLs are public.' }),
    ...(!versioned && retention === undefined && { 'NIST.800.53.R5-S3BucketVersioningEnabled': 'Objects are written once, under names that no other has, and go by their time.' }),
  });
  // CDK's declarations do not hold under exactOptionalPropertyTypes.
  return bucket as s3.IBucket;
}
