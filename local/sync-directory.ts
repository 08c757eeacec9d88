import { open } from 'node:fs/promises';

/** Returns once what was created, renamed and removed in the directory is durable: that is recorded by the directory, and not by its files. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
