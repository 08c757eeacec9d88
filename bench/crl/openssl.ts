import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { opensslTime, type CrlParameters } from './files.ts';

const run = promisify(execFile);

/** openssl in a directory that writeCrlFiles has filled, or undefined where the program is not installed. */
export async function opensslIn(directory: string, signal: AbortSignal): Promise<OpensslCrl | undefined> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory, signal });
  try {
    await openssl('version');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { thisUpdate, nextUpdate, crlNumber } = JSON.parse(await readFile(join(directory, 'parameters.json'), 'utf8')) as CrlParameters;
  const window = ['-crl_lastupdate', opensslTime(new Date(thisUpdate)), '-crl_nextupdate', opensslTime(new Date(nextUpdate))];

  /** Wall time in milliseconds. */
  async function generate(section: 'everything' | 'nothing'): Promise<number> {
    await writeFile(join(directory, 'crlnumber'), `${crlNumber.toString(16)}\n`); // It counts on.
    const startedAt = performance.now();
    await openssl('ca', '-config', 'openssl.cnf', '-name', section, '-gencrl', ...window, '-out', 'theirs.pem');
    return performance.now() - startedAt;
  }

  return {
    async generate() {
      const start = await generate('nothing');
      const milliseconds = (await generate('everything')) - start;
      await openssl('crl', '-in', 'theirs.pem', '-outform', 'DER', '-out', 'theirs.crl');
      return { milliseconds, crl: await readFile(join(directory, 'theirs.crl')) };
    },
    async readBack(file) {
      const { stderr } = await openssl('crl', '-inform', 'DER', '-in', file, '-noout', '-verify', '-CAfile', 'ca.pem');
      if (!stderr.includes('verify OK')) throw new Error(`openssl does not verify the CRL: ${stderr.trim()}`);
      const { stdout } = await run('sh', ['-c', `openssl crl -inform DER -in ${file} -noout -text | grep -c 'Serial Number:'`], { cwd: directory, signal });
      return Number(stdout);
    },
  };
}

export interface OpensslCrl {
  /** `openssl ca -gencrl`: the CRL, and the wall time beyond what it takes for a CRL of nothing. */
  generate(): Promise<{ readonly milliseconds: number; readonly crl: Uint8Array }>;
  /** Verifies the signature of the DER in `file` and counts its entries. */
  readBack(file: string): Promise<number>;
}
