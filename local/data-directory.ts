import { access, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { lock } from './data-directory/lock.ts';
import { writeDurably } from './durable-file.ts';

/** What a restart needs, in a directory that only its owner may read and only one runtime uses at a time. */
export interface DataDirectory {
  readonly databaseFile: string;
  readonly enginePidFile: string;
  readonly keys: string;
  readonly deadLettersFile: string;
  checkpointFile(functionName: string): string;
  /** Notes that keys, tables and CA exist now: from here on, one that is missing means damage. */
  markComplete(): Promise<void>;
  /** Lets go of it. */
  close(): Promise<void>;
}

const manifestFormat = z.strictObject({ format: z.literal(1), complete: z.boolean() });

/** Opens the directory, making it if need be. Rejects with one sentence where it is damaged, not ours, in use, or readable by others. */
export async function openDataDirectory(directory: string): Promise<DataDirectory> {
  const path = resolve(directory);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`The data directory ${path} cannot be made (${cause.code}): name another one.`, { cause });
  });
  // Before any advice on it: what is not ours is to be left alone.
  await refuseForeign(path, join(path, 'kakunin.json'));
  const { mode, uid } = await stat(path);
  if ((mode & 0o077) !== 0 || (process.getuid !== undefined && uid !== process.getuid())) {
    throw new Error(`The data directory ${path} is open to other users: take it over, and run chmod 700 on it.`);
  }
  const inDirectory = (name: string) => join(path, name);
  const manifestFile = inDirectory('kakunin.json');
  const databaseFile = inDirectory('dynamodb.sqlite');
  const keys = inDirectory('kms');
  const checkpoints = inDirectory('checkpoints');

  const release = await lock(inDirectory('lock'), `The data directory ${path} is in use`);
  try {
    const complete = await readManifest(manifestFile);
    if (complete === undefined) await writeDurably(manifestFile, manifest(false));
    if (complete === true) await Promise.all([databaseFile, keys].map(refuseIfMissing));
    await mkdir(checkpoints, { recursive: true, mode: 0o700 });
  } catch (error) {
    await release();
    throw error;
  }
  return {
    databaseFile,
    enginePidFile: inDirectory('engine.pid'),
    keys,
    deadLettersFile: inDirectory('dead-letters.jsonl'),
    checkpointFile: (functionName) => join(checkpoints, `${functionName}.json`),
    markComplete: () => writeDurably(manifestFile, manifest(true)),
    close: release,
  };
}

const manifest = (complete: boolean) => `${JSON.stringify({ format: 1, complete })}\n`;

/** Nobody's home directory is to be filled with databases because of a slip in a variable. */
async function refuseForeign(path: string, manifestFile: string): Promise<void> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('lock') && !name.endsWith('.unfinished'));
  if (names.length === 0 || (await exists(manifestFile))) return;
  throw new Error(`${path} is not empty and has no kakunin.json, so it is no data directory of Kakunin: name another one.`);
}

/** Whether the directory was once completed, undefined where it is new. */
async function readManifest(file: string): Promise<boolean | undefined> {
  if (!(await exists(file))) return undefined;
  try {
    return manifestFormat.parse(JSON.parse(await readFile(file, 'utf8'))).complete;
  } catch (cause) {
    throw new Error(`${file} is damaged or of another version of Kakunin: restore it from a copy, or start with an empty data directory.`, { cause });
  }
}

async function refuseIfMissing(path: string): Promise<void> {
  if (!(await exists(path))) throw new Error(`${path} is missing: restore it from a copy, or start with an empty data directory.`);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
