import { access, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../durable-file.ts';
import { emptyDatabase, type SchemaRow } from './empty-database.ts';

/**
 * The engine's own table of stream records, to the letter. The engine takes one that it finds, and makes the rest of its schema itself; so
 * this one is made beforehand, with an index. By itself the engine has none, and reads every record at every write to a table with a
 * stream, for the greatest sequence number, and at every GetRecords. test/local/dynamodb-database.test.ts tells when its schema changes.
 */
const streamRecords: SchemaRow = {
  type: 'table',
  name: '_stream_records',
  tableName: '_stream_records',
  sql: `CREATE TABLE _stream_records (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                table_name TEXT NOT NULL,
                event_name TEXT NOT NULL,
                keys_json TEXT NOT NULL,
                new_image TEXT,
                old_image TEXT,
                sequence_number TEXT NOT NULL,
                shard_id TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                user_identity TEXT
            )`,
};
// What AUTOINCREMENT keeps its numbers in, which SQLite makes with the first such table.
const autoincrement: SchemaRow = { type: 'table', name: 'sqlite_sequence', tableName: 'sqlite_sequence', sql: 'CREATE TABLE sqlite_sequence(name,seq)' };
// The engine has one shard for each table, so an index with the shard before the number would only be written twice.
const bySequenceNumber: SchemaRow = {
  type: 'index',
  name: 'kakunin_stream_records_by_sequence_number',
  tableName: '_stream_records',
  sql: 'CREATE INDEX kakunin_stream_records_by_sequence_number ON _stream_records (table_name, CAST(sequence_number AS INTEGER))',
};

const preparedDatabase = () => emptyDatabase([streamRecords, autoincrement, bySequenceNumber]);

/** Makes the database unless there is one, which is left as it is. */
export async function ensureDatabase(file: string): Promise<void> {
  const exists = await access(file).then(() => true, () => false);
  if (!exists) await writeDurably(file, preparedDatabase());
}

export interface EphemeralDatabase {
  readonly file: string;
  /** Takes the name from the file, which then ends with the process that has it open, whatever ends that. */
  unlink(): Promise<void>;
}

// In memory, as the engine waits for the disk at every commit (shm_overview(7)). A container's is often too small, and not used then.
const sharedMemory = '/dev/shm';
const roomBytes = 2 ** 30;

/** Makes a database for data that is not kept; undefined where there is no directory with room for it, and the engine's own memory has to do. */
export async function createEphemeralDatabase(directory = sharedMemory): Promise<EphemeralDatabase | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < roomBytes) return undefined;
    const own = await mkdtemp(join(directory, `kakunin-${process.pid}-`));
    const file = join(own, 'dynamodb.sqlite');
    await writeFile(file, preparedDatabase(), { mode: 0o600 });
    return { file, unlink: () => rm(own, { recursive: true, force: true }) };
  } catch {
    return undefined;
  }
}
