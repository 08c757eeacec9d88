import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './sync-directory.ts';

/** Writes the file so that after any crash, one of the machine too, it holds either the old content or the new one, and the new one once this has returned. */
export async function writeDurably(path: string, content: string | Uint8Array | readonly (string | Uint8Array)[]): Promise<void> {
  const unfinished = `${path}.unfinished`;
  try {
    const file = await open(unfinished, 'w', 0o600);
    try {
      for (const part of Array.isArray(content) ? content : [content]) await file.writeFile(part);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
