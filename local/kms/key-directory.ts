import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeDurably } from '../durable-file.ts';
import { syncDirectory } from '../sync-directory.ts';
import { parseKey, serializeKey } from './key-file.ts';
import { kmsArn, type Key, type KeyOwner } from './key.ts';

/** A directory with one file per key, `<keyId>.json`. */
export interface KeyDirectory {
  /** The keys found when the directory was opened. */
  readonly keys: readonly Key[];
  /** Writes a key, so that after any crash its file is either the old or the new one, and the new one once this has returned. */
  write(key: Key): Promise<void>;
  /** Removes a key for good. */
  remove(keyId: string): Promise<void>;
}

const suffix = '.json';
const unfinishedSuffix = '.json.unfinished';

/**
 * Opens the directory, making it if need be, and reads its keys. Throws an Error that says what to do if a file is damaged, belongs to
 * another account or region, or could have been read by other users.
 */
export async function openKeyDirectory(path: string, owner: KeyOwner): Promise<KeyDirectory> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await refuseIfShared(path, 0o700);
  const keys: Key[] = [];
  for (const name of await readdir(path)) {
    // What a crash left half written was never acknowledged.
    if (name.endsWith(unfinishedSuffix)) await rm(join(path, name));
    else if (name.endsWith(suffix)) keys.push(await readKey(join(path, name), owner));
  }
  return {
    keys,
    write: (key) => writeDurably(join(path, key.keyId + suffix), serializeKey(key)),
    async remove(keyId) {
      await rm(join(path, keyId + suffix), { force: true });
      await syncDirectory(path);
    },
  };
}

async function readKey(file: string, owner: KeyOwner): Promise<Key> {
  await refuseIfShared(file, 0o600);
  const key = parseFile(file, await readFile(file, 'utf8'));
  if (key.arn !== kmsArn(owner, `key/${key.keyId}`)) {
    throw new Error(`The key file ${file} belongs to ${key.arn}: start the KMS with that region and account, or with another data directory.`);
  }
  return key;
}

function parseFile(file: string, json: string): Key {
  try {
    const key = parseKey(json);
    if (basename(file) !== key.keyId + suffix) throw new Error('its name is not that of its key');
    return key;
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`The key file ${file} is damaged: restore it from a backup, or move it away to go on without that key (${reason}).`, { cause: error });
  }
}

// Refused rather than narrowed, as ssh does: whether a key that others could read was read is for a person to judge.
async function refuseIfShared(path: string, expected: number): Promise<void> {
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & ~expected) === 0) return;
  throw new Error(
    `${path} is open to other users of this machine (mode ${octal(mode)}), so private keys in it may be known to them: ` +
      `run "chmod ${octal(expected)} ${path}" if you are sure they are not, or move it away.`,
  );
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
