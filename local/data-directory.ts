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
  readonly objects: string;
  readonly messages: string;
  checkpointFile(functionName: string): string;
  /** What its certificates name, which they will go on naming; undefined until `markBegun`. */
  readonly distributionUrl: string | undefined;
  /** Notes, before the first certificate is signed, what certificates are to name. */
  markBegun(distributionUrl: string): Promise<void>;
  /** Notes that keys, tables and CA exist now: from here on, one that is missing means damage. */
  markComplete(): Promise<void>;
  /** Lets go of it. */
  close(): Promise<void>;
}

// Format 1 had a CA that named no CRL, and what is signed stays as it is.
const manifestFormat = z.strictObject({ format: z.literal(2), complete: z.boolean(), distributionUrl: z.url().optional() });

type Manifest = Omit<z.infer<typeof manifestFormat>, 'format'>;

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
  const objects = inDirectory('s3');
  const messages = inDirectory('sqs');
  const checkpoints = inDirectory('checkpoints');

  const release = await lock(inDirectory('lock'), `The data directory ${path} is in use`);
  let manifest: Manifest = { complete: false };
  const note = async (changes: Partial<Manifest>) => {
    manifest = { ...manifest, ...changes };
    await writeDurably(manifestFile, `${JSON.stringify({ format: 2, ...manifest })}\n`);
  };
  try {
    if (await exists(manifestFile)) manifest = await readManifest(manifestFile);
    else await note({});
    if (manifest.complete) await Promise.all([databaseFile, keys, objects].map(refuseIfMissing));
    await mkdir(checkpoints, { recursive: true, mode: 0o700 });
  } catch (error) {
    await release();
    throw error;
  }
  return {
    databaseFile,
    enginePidFile: inDirectory('engine.pid'),
    keys,
    objects,
    messages,
    checkpointFile: (functionName) => join(checkpoints, `${functionName}.json`),
    get distributionUrl() {
      return manifest.distributionUrl;
    },
    markBegun: (distributionUrl) => note({ distributionUrl }),
    markComplete: () => note({ complete: true }),
    close: release,
  };
}

/** Nobody's home directory is to be filled with databases because of a slip in a variable. */
async function refuseForeign(path: string, manifestFile: string): Promise<void> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('lock') && !name.endsWith('.unfinished'));
  if (names.length === 0 || (await exists(manifestFile))) return;
  throw new Error(`${path} is not empty and has no kakunin.json, so it is no data directory of Kakunin: name another one.`);
}

async function readManifest(file: string): Promise<Manifest> {
  try {
    const { format: _, ...manifest } = manifestFormat.parse(JSON.parse(await readFile(file, 'utf8')));
    return manifest;
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
