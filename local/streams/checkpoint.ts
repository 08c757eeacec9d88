import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeDurably } from '../durable-file.ts';

const storedCheckpoint = z.strictObject({
  format: z.literal(1),
  streamArn: z.string(),
  /** The last sequence number dealt with of each shard, or that the shard is read to its end. */
  shards: z.record(z.string(), z.union([z.strictObject({ after: z.string() }), z.strictObject({ finished: z.literal(true) })])),
});

type Position = z.infer<typeof storedCheckpoint>['shards'][string];

/** How far a stream is read. */
export interface Checkpoint {
  position(shardId: string): Position | undefined;
  /** Resolves once the position is written. */
  advance(shardId: string, position: Position): Promise<void>;
  /** Notes a position that may get lost: it is written within a second, or with the next one that may not. */
  pass(shardId: string, position: Position): void;
  /** Resolves once everything noted is written. */
  close(): Promise<void>;
}

const longestUnwrittenMilliseconds = 1000;

/**
 * Where reading of this stream goes on: after what the file says, or at the start if it speaks of another stream or does not exist. Kept in
 * memory without a file. Throws one sentence where the file is damaged.
 */
export async function openCheckpoint(streamArn: string, file: string | undefined): Promise<Checkpoint> {
  const shards = file === undefined ? {} : await readPositions(file, streamArn);
  // One write at a time, each of what holds by then.
  let written = Promise.resolve();
  let later: NodeJS.Timeout | undefined;

  async function write(): Promise<void> {
    clearTimeout(later);
    later = undefined;
    if (file === undefined) return;
    const writeAll = () => writeDurably(file, `${JSON.stringify({ format: 1, streamArn, shards })}\n`);
    written = written.then(writeAll, writeAll);
    await written;
  }

  return {
    position: (shardId) => shards[shardId],
    async advance(shardId, position) {
      shards[shardId] = position;
      await write();
    },
    pass(shardId, position) {
      shards[shardId] = position;
      // Whoever must be sure writes it himself, and meets the failure there.
      later ??= setTimeout(() => void write().catch(() => undefined), longestUnwrittenMilliseconds).unref();
    },
    close: async () => (later === undefined ? written : write()),
  };
}

async function readPositions(file: string, streamArn: string): Promise<Record<string, Position>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return {};
  try {
    const stored = storedCheckpoint.parse(JSON.parse(text));
    return stored.streamArn === streamArn ? stored.shards : {};
  } catch (cause) {
    throw new Error(`The checkpoint ${file} is damaged: delete it, and the stream is read from its start once more.`, { cause });
  }
}
