import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import { callingS3 } from './failures.ts';

/** The bucket of exports, for who looks whether they are as they were written. */
export function auditArchiveReader(client: S3Client, bucketName: string) {
  return {
    /** The names of the objects in a folder, in their order. */
    async *list(folder: string): AsyncGenerator<string> {
      let token: string | undefined;
      do {
        const continuation = token;
        const page = await callingS3(() => client.send(new ListObjectsV2Command({ Bucket: bucketName, Prefix: folder, ContinuationToken: continuation })));
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },

    /** An object's content; undefined where there is no such object. */
    read: (path: string): Promise<Uint8Array | undefined> =>
      callingS3(async () => {
        try {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucketName, Key: path }));
          return await Body?.transformToByteArray();
        } catch (error) {
          if (error instanceof NoSuchKey) return undefined;
          throw error;
        }
      }),
  };
}

export type AuditArchiveReader = ReturnType<typeof auditArchiveReader>;
