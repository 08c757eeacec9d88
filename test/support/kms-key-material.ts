import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * An agent's private key, as PKCS #8 PEM, out of the embedded KMS's own files: what a handshake needs and no operation of
 * KMS gives. For a runtime that was started with this data directory.
 */
export async function privateKeyOf(dataDirectory: string, keyArn: string): Promise<string> {
  const file = join(dataDirectory, 'kms', `${keyArn.split('/').at(-1)}.json`);
  return (JSON.parse(await readFile(file, 'utf8')) as { privateKeyPem: string }).privateKeyPem;
}
