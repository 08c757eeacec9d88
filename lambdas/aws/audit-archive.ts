import { GetObjectCommand, PutObjectCommand, S3ServiceException, type S3Client } from '@aws-sdk/client-s3';
import type { AuditArchive } from '../authority/audit-ports.ts';

/**
 * The bucket of exports, which has an object lock in the stack: nothing in it can be removed before its time, but without the
 * condition a second version could be put before the first. The SDK sends a checksum with each write, which S3 insists on
 * where objects are locked.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
 */
export function auditArchive(client: S3Client, bucketName: string): AuditArchive {
  return {
    async put(path, body, contentType) {
      const object = { Bucket: bucketName, Key: path };
      try {
        await client.send(new PutObjectCommand({ ...object, Body: body, ContentType: contentType, IfNoneMatch: '*' }), withinLimit());
      } catch (error) {
        // There is one from an earlier attempt, or an attempt of the SDK's whose answer was lost.
        if (!(error instanceof S3ServiceException) || error.name !== 'PreconditionFailed') throw error;
        const { Body } = await client.send(new GetObjectCommand(object), withinLimit());
        const found = await Body?.transformToByteArray();
        if (found === undefined || !Buffer.from(found).equals(body)) {
          throw new Error(`the bucket ${bucketName} has another object ${path} already, and keeps it. Look with "audit verify --export".`, { cause: error });
        }
      }
    },
  };
}

/** The longest that a call may take, its repetitions and the download of its answer included. */
const withinLimit = () => ({ abortSignal: AbortSignal.timeout(30_000) });
