import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/** What one bucket does that another does not. */
export interface BucketLife {
  readonly versioned?: boolean;
  readonly lifecycle?: s3.LifecycleRule;
  /** How long each version of an object cannot be removed or replaced. It makes the bucket versioned, and cannot be taken away again. */
  readonly retention?: s3.ObjectLockRetention;
}

/** A bucket that nobody outside the account reads or writes, encrypted at rest and on the way; it outlives its stack. */
export function createPrivateBucket(scope: Construct, id: string, { versioned = false, lifecycle, retention }: BucketLife): s3.IBucket {
  const bucket = new s3.Bucket(scope, id, {
    // S3's own keys: no request to KMS for each CRL that is read or written, and no key policy to keep.
    encryption: s3.BucketEncryption.S3_MANAGED,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    versioned: versioned || retention !== undefined,
    ...(retention !== undefined && { objectLockEnabled: true, objectLockDefaultRetention: retention }),
    lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1), ...lifecycle }],
    removalPolicy: RemovalPolicy.RETAIN,
  });
  // CDK's declarations do not hold under exactOptionalPropertyTypes.
  return bucket as s3.IBucket;
}
