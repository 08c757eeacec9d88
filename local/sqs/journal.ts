import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { syncDirectory } from '../sync-directory.ts';
import { change, type Change } from './change.ts';

/** A file of lines of JSON: its format, and then all changes since the file was last rewritten. */
export interface Journal {
  /**
   * Writes the changes and then applies them, after those of all calls before, so that after any crash they have happened all or not at
   * all, and have happened once this has returned. Rejects where they cannot be written; then they have not happened.
   */
  commit(changes: readonly Change[]): Promise<void>;
  /** Resolves once nothing is being written. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly path: string;
  readonly apply: (change: Change) => void;
  /** Changes that make what there is out of nothing. */
  readonly snapshot: () => Iterable<Change>;
  /** The file is rewritten when it has grown by so much, or has doubled; 16 MiB by default. */
  readonly growthBytes?: number;
}

const format = `${JSON.stringify({ format: 1 })}\n`;

/** Applies what the file says, and opens it for more; makes it if need be. Throws an Error that says what to do if the file is damaged. */
export async function openJournal({ path, apply, snapshot, growthBytes = 16 * 1024 * 1024 }: JournalOptions): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  for (const changes of await readChanges(path)) changes.forEach(apply);
  let { file, bytes } = await rewrite(path, snapshot());
  let rewriteAt = Math.max(bytes + growthBytes, 2 * bytes);

  let waiting: { changes: readonly Change[]; resolve: () => void; reject: (cause: unknown) => void }[] = [];
  let writing: Promise<void> | undefined;

  // One after the other, and all who wait at once with one sync.
  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        bytes += await appendAt(file, bytes, batch.map(({ changes }) => `${JSON.stringify(changes)}\n`).join(''));
      } catch (cause) {
        for (const { reject } of batch) reject(cause);
        continue;
      }
      for (const { changes, resolve } of batch) {
        changes.forEach(apply);
        resolve();
      }
      if (bytes >= rewriteAt) await shrink();
    }
    // Here and not once this promise is seen to be resolved: who commits in between would wait for ever.
    writing = undefined;
  }

  // What cannot be rewritten now can still be added to.
  async function shrink(): Promise<void> {
    const rewritten = await rewrite(path, snapshot()).catch(() => undefined);
    if (rewritten !== undefined) {
      await file.close();
      ({ file, bytes } = rewritten);
    }
    rewriteAt = Math.max(bytes + growthBytes, 2 * bytes);
  }

  return {
    commit(changes) {
      return new Promise((resolve, reject) => {
        waiting.push({ changes, resolve, reject });
        writing ??= write();
      });
    },
    async close() {
      await writing;
      await file.close();
    },
  };
}

/** At the end that counts, whatever a failed attempt has left behind it. */
async function appendAt(file: FileHandle, position: number, text: string): Promise<number> {
  await file.truncate(position);
  const buffer = Buffer.from(text);
  for (let written = 0; written < buffer.length; ) {
    written += (await file.write(buffer, written, buffer.length - written, position + written)).bytesWritten;
  }
  await file.datasync();
  return buffer.length;
}

async function rewrite(path: string, changes: Iterable<Change>): Promise<{ file: FileHandle; bytes: number }> {
  const unfinished = `${path}.unfinished`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.writeFile(lines(changes));
    await file.sync();
    const { size } = await file.stat();
    await rename(unfinished, path);
    await syncDirectory(dirname(path));
    return { file, bytes: size };
  } catch (error) {
    await file.close();
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** In pieces of some size, each of which is one write. */
function* lines(changes: Iterable<Change>): Generator<string> {
  let piece = format;
  for (const one of changes) {
    piece += `${JSON.stringify([one])}\n`;
    if (piece.length < 64 * 1024) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

/** Without the last line if a crash has cut it off: it was never answered for. */
async function readChanges(path: string): Promise<Change[][]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return [];
  const [first, ...rest] = text.split('\n').slice(0, -1);
  if (`${first}\n` !== format) throw damaged(path, 1);
  return rest.map((line, index) => {
    try {
      return z.array(change).parse(JSON.parse(line));
    } catch (cause) {
      throw damaged(path, index + 2, cause);
    }
  });
}

function damaged(path: string, line: number, cause?: unknown): Error {
  return new Error(`The journal ${path} is damaged in line ${line}: restore it from a backup, or move it away to go on without the messages in it.`, { cause });
}
