// A CRL out of stored entries, in a process of its own: what it uses of memory is then nobody else's. Started by crl.ts.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCrl, verifyCrlSignature } from '../../lambdas/pki/crl.ts';
import { readHeader } from '../../lambdas/pki/der-reader.ts';
import { signedBy, spki } from '../harness/authority.ts';
import type { CrlParameters } from './files.ts';

const directory = process.argv[2] ?? '';
const read = (name: string) => readFile(join(directory, name));

const certificate = new X509Certificate(await read('ca.pem'));
const key = createPrivateKey(await read('ca.key'));
const { thisUpdate, nextUpdate, crlNumber } = JSON.parse((await read('parameters.json')).toString()) as CrlParameters;
const entries = separate(await read('entries.der'));

const startedAt = performance.now();
const unsigned = buildCrl({
  issuerCertificateDer: Uint8Array.from(certificate.raw), thisUpdate: new Date(thisUpdate), nextUpdate: new Date(nextUpdate), crlNumber: BigInt(crlNumber), entries,
});
const crl = unsigned.withSignature(signedBy(key, unsigned));
const milliseconds = performance.now() - startedAt;

if (!verifyCrlSignature(crl, spki(certificate.publicKey))) throw new Error('The signature of the CRL does not verify.');

await writeFile(join(directory, 'ours.crl'), crl);
// Kilobytes, whatever the platform: libuv's uv_getrusage.
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ milliseconds, peakBytes, crlBytes: crl.length }));

/** Each an array of its own, as the items of a DynamoDB query bring them. */
function separate(joined: Uint8Array): Uint8Array[] {
  const separated: Uint8Array[] = [];
  for (let offset = 0; offset < joined.length; ) {
    const { end } = readHeader(joined, offset);
    separated.push(Uint8Array.from(joined.subarray(offset, end)));
    offset = end;
  }
  return separated;
}
