import { createPrivateKey } from 'node:crypto';
import { KmsError } from './errors.ts';
import { openKeyDirectory, type KeyDirectory } from './key-directory.ts';
import { generateKeyMaterial, isDeleted, kmsArn, signingMaterial, symmetricKeySpec, type EncryptionMaterial, type Key, type KeyMaterialSource, type KeyOwner, type KeySpec, type SigningMaterial } from './key.ts';

const keyIdPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface KeyStoreOptions {
  readonly owner: KeyOwner;
  readonly clock: () => Date;
  /** Of new signing keys' material; by default it is generated. */
  readonly source?: KeyMaterialSource | undefined;
}

/**
 * All keys of one KMS, in memory and, if there is a directory, on disk. What a method has returned survives the process: a change is
 * written first and visible after. Changes of one key happen one after the other, each on the outcome of the one before.
 */
export class KeyStore {
  readonly owner: KeyOwner;
  readonly clock: () => Date;
  readonly #source: KeyMaterialSource | undefined;
  readonly #directory: KeyDirectory | undefined;
  readonly #keys = new Map<string, Key>();
  readonly #turns = new Map<string, Promise<void>>();
  // No deletion is due before this time, so that most requests need not look for one.
  #nextDeletion = Infinity;

  constructor({ owner, clock, source }: KeyStoreOptions, directory?: KeyDirectory) {
    this.owner = owner;
    this.clock = clock;
    this.#source = source;
    this.#directory = directory;
    for (const key of directory?.keys ?? []) this.#remember(key);
  }

  /** Material for a new key. */
  async newMaterial(keySpec: KeySpec): Promise<SigningMaterial | EncryptionMaterial> {
    if (this.#source === undefined || keySpec === symmetricKeySpec) return generateKeyMaterial(keySpec);
    return signingMaterial(createPrivateKey({ key: Buffer.from(await this.#source(keySpec)), format: 'der', type: 'pkcs8' }), keySpec);
  }

  /** Stores a new key. */
  async add(key: Key): Promise<void> {
    await this.#directory?.write(key);
    this.#remember(key);
  }

  /** The key with this id or ARN; NotFoundException if there is none, or none any more. */
  find(reference: string): Key {
    const keyId = keyIdOf(reference, this.owner);
    const key = this.#keys.get(keyId);
    if (key === undefined || isDeleted(key, this.clock())) throw notFound(`Key '${kmsArn(this.owner, `key/${keyId}`)}' does not exist`);
    return key;
  }

  /** All keys, in no particular order. */
  all(): Key[] {
    const now = this.clock();
    return [...this.#keys.values()].filter((key) => !isDeleted(key, now));
  }

  /** Replaces a key by what `change` makes of it, unless `change` throws, and returns the new one. */
  async change(reference: string, change: (key: Key) => Key): Promise<Key> {
    return this.#inTurn(this.find(reference).keyId, async () => {
      const changed = change(this.find(reference));
      await this.#directory?.write(changed);
      this.#remember(changed);
      return changed;
    });
  }

  /** Destroys the material of all keys whose deletion is due. */
  async destroyDeleted(): Promise<void> {
    const now = this.clock();
    if (now.getTime() < this.#nextDeletion) return;
    this.#nextDeletion = Infinity;
    const destroyed = [...this.#keys.values()].map(async (key) => {
      if (!isDeleted(key, now)) return this.#awaitDeletion(key);
      await this.#inTurn(key.keyId, async () => {
        const current = this.#keys.get(key.keyId);
        if (current === undefined || !isDeleted(current, now)) return;
        await this.#directory?.remove(key.keyId);
        this.#keys.delete(key.keyId);
      });
    });
    await Promise.all(destroyed);
  }

  #remember(key: Key): void {
    this.#keys.set(key.keyId, key);
    this.#awaitDeletion(key);
  }

  #awaitDeletion({ state }: Key): void {
    if (state.name === 'PendingDeletion') this.#nextDeletion = Math.min(this.#nextDeletion, state.deletionDate.getTime());
  }

  #inTurn<T>(keyId: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#turns.get(keyId) ?? Promise.resolve()).then(task);
    // The next in turn waits for the end of this task, not for its success.
    const turn = result.then(() => undefined, () => undefined).then(() => {
      if (this.#turns.get(keyId) === turn) this.#turns.delete(keyId);
    });
    this.#turns.set(keyId, turn);
    return result;
  }
}

/** The keys in `directory`, or a store in memory without one; an Error naming the file if one of them cannot be trusted. */
export async function openKeyStore(options: KeyStoreOptions, directory?: string): Promise<KeyStore> {
  const store = new KeyStore(options, directory === undefined ? undefined : await openKeyDirectory(directory, options.owner));
  await store.destroyDeleted();
  return store;
}

// KMS API Reference, DescribeKey, KeyId: a key is named by its id, its ARN or an alias. There are no aliases here, so each is one not found.
function keyIdOf(reference: string, owner: KeyOwner): string {
  if (reference.startsWith('alias/')) throw notFound(`Alias ${kmsArn(owner, reference as `alias/${string}`)} is not found.`);
  const keyId = reference.startsWith('arn:') ? keyIdOfArn(reference, owner) : reference;
  if (!keyIdPattern.test(keyId)) throw notFound(`Invalid keyId '${keyId}'`);
  return keyId;
}

function keyIdOfArn(arn: string, owner: KeyOwner): string {
  const [, partition, service, region, accountId, resource = ''] = arn.split(':');
  if (partition !== 'aws' || service !== 'kms') throw notFound(`Invalid arn ${arn}`);
  if (region !== owner.region) throw notFound(`Invalid arn ${region}`);
  if (resource.startsWith('alias/')) throw notFound(`Alias ${arn} is not found.`);
  if (!resource.startsWith('key/')) throw notFound(`Invalid arn ${arn}`);
  if (accountId !== owner.accountId) throw notFound(`Key '${arn}' does not exist`);
  return resource.slice('key/'.length);
}

function notFound(message: string): KmsError {
  return new KmsError('NotFoundException', message);
}
