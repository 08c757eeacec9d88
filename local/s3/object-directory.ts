import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../durable-file.ts';
import { syncDirectory } from '../sync-directory.ts';
import { etagOf } from './checksums.ts';
import type { StoredObject } from './object.ts';

/** A directory with one file per object: a line of JSON that says what it is, and then its body. */
export interface ObjectDirectory {
  /** The objects found when the directory was opened. */
  readonly objects: readonly StoredObject[];
  /** Writes an object, so that after any crash its file is either the old or the new one, and the new one once this has returned. */
  write(object: StoredObject): Promise<void>;
  /** Removes an object for good. */
  remove(bucket: string, key: string): Promise<void>;
}

const pair = z.tuple([z.string(), z.string()]);
const description = z.strictObject({
  format: z.literal(1),
  bucket: z.string(),
  key: z.string(),
  etag: z.string(),
  lastModified: z.iso.datetime().transform((iso) => new Date(iso)),
  headers: z.array(pair),
  checksum: pair.optional(),
});

const suffix = '.object';
const unfinishedSuffix = '.object.unfinished';

/** Opens the directory, making it if need be, and reads its objects. Throws an Error that says what to do if a file is damaged. */
export async function openObjectDirectory(path: string): Promise<ObjectDirectory> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const objects: StoredObject[] = [];
  for (const name of await readdir(path)) {
    // What a crash left half written was never acknowledged.
    if (name.endsWith(unfinishedSuffix)) await rm(join(path, name));
    else if (name.endsWith(suffix)) objects.push(await readObject(join(path, name)));
  }
  return {
    objects,
    write({ body, ...described }) {
      return writeDurably(join(path, fileName(described.bucket, described.key)), [`${JSON.stringify({ format: 1, ...described })}
`, body]);
    },
    async remove(bucket, key) {
      await rm(join(path, fileName(bucket, key)), { force: true });
      await syncDirectory(path);
    },
  };
}

// A hash, because a key is any text: with `../`, NUL, names that differ in case only, and longer than a file's name may be.
function fileName(bucket: string, key: string): string {
  return createHash('sha256').update(`${bucket}/${key}`).digest('hex') + suffix;
}

async function readObject(file: string): Promise<StoredObject> {
  const content = await readFile(file);
  try {
    const lineEnd = content.indexOf('\n');
    const { format: _, ...described } = description.parse(JSON.parse(content.toString('utf8', 0, Math.max(lineEnd, 0))));
    const body = content.subarray(lineEnd + 1);
    if (etagOf(body) !== described.etag) throw new Error('its body is not the one that was written');
    if (basename(file) !== fileName(described.bucket, described.key)) throw new Error('its name is not that of its object');
    return { ...described, body };
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll(/\s+/g, ' ') : (error as Error).message;
    throw new Error(`The object file ${file} is damaged: restore it from a backup, or move it away to go on without that object (${reason}).`, { cause: error });
  }
}
