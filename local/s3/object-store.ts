import { openObjectDirectory, type ObjectDirectory } from './object-directory.ts';
import type { StoredObject } from './object.ts';

/**
 * All objects of one S3, in memory and, if there is a directory, on disk. What a method has returned survives the process: a change is
 * written first and visible after. Changes of one object happen one after the other, each on the outcome of the one before.
 */
export class ObjectStore {
  readonly buckets: ReadonlySet<string>;
  readonly #directory: ObjectDirectory | undefined;
  readonly #objects = new Map<string, StoredObject>();
  readonly #turns = new Map<string, Promise<void>>();

  constructor(buckets: ReadonlySet<string>, directory?: ObjectDirectory) {
    this.buckets = buckets;
    this.#directory = directory;
    for (const object of directory?.objects ?? []) this.#objects.set(nameOf(object.bucket, object.key), object);
  }

  find(bucket: string, key: string): StoredObject | undefined {
    return this.#objects.get(nameOf(bucket, key));
  }

  /** All objects of a bucket, in no particular order. */
  all(bucket: string): StoredObject[] {
    return [...this.#objects.values()].filter((object) => object.bucket === bucket);
  }

  /** Stores the object as modified now, unless `check` throws at what is there at that moment. */
  async put(object: Omit<StoredObject, 'lastModified'>, check: (current: StoredObject | undefined) => void): Promise<void> {
    const name = nameOf(object.bucket, object.key);
    await this.#inTurn(name, async () => {
      check(this.#objects.get(name));
      const stored = { ...object, lastModified: thisSecond() };
      await this.#directory?.write(stored);
      this.#objects.set(name, stored);
    });
  }

  /** Removes the object if it is there. */
  async remove(bucket: string, key: string): Promise<void> {
    const name = nameOf(bucket, key);
    await this.#inTurn(name, async () => {
      if (!this.#objects.has(name)) return;
      await this.#directory?.remove(bucket, key);
      this.#objects.delete(name);
    });
  }

  #inTurn(name: string, task: () => Promise<void>): Promise<void> {
    const result = (this.#turns.get(name) ?? Promise.resolve()).then(task);
    // The next in turn waits for the end of this task, not for its success.
    const turn = result.catch(() => undefined).then(() => {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    });
    this.#turns.set(name, turn);
    return result;
  }
}

/** The objects in `directory`, or a store in memory without one; an Error naming the file if one of them is damaged. */
export async function openObjectStore(buckets: readonly string[], directory?: string): Promise<ObjectStore> {
  for (const bucket of buckets) {
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    if (!/^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
      throw new Error(`"${bucket}" is no name for a bucket: it takes 3 to 63 lower-case letters, digits, hyphens and single dots, a letter or digit first and last.`);
    }
  }
  return new ObjectStore(new Set(buckets), directory === undefined ? undefined : await openObjectDirectory(directory));
}

// A bucket's name has no slash, so no two objects share this one.
const nameOf = (bucket: string, key: string) => `${bucket}/${key}`;

// Last-Modified has no fractions, and an object is to say the same of itself wherever it is asked.
const thisSecond = () => new Date(Math.floor(Date.now() / 1000) * 1000);
