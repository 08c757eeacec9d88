import { afterAll, afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { openAddress, type Address } from '../../local/address.ts';
import { openDataDirectory } from '../../local/data-directory.ts';
import { openGateway } from '../../local/gateway.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

let written: string[];
beforeEach(() => {
  written = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
});
afterEach(() => void jest.restoreAllMocks());
afterAll(removeTemporaryDirectories);

/** Opens an address on the data directory, looks at it, and lets go of both. */
async function open(path: string, port?: number, look: (address: Address) => unknown = () => undefined): Promise<{ origin: string; distributionUrl: string }> {
  const data = await openDataDirectory(path);
  try {
    const address = await openAddress(port, data);
    await look(address);
    await address.gateway.close();
    return { origin: address.gateway.origin, distributionUrl: address.distributionUrl };
  } finally {
    await data.close();
  }
}

const portOf = (url: string) => Number(new URL(url).port);

test('without a data directory certificates name the gateway', async () => {
  const { gateway, distributionUrl } = await openAddress();
  expect(distributionUrl).toBe(gateway.origin);
  await gateway.close();
});

test('a data directory keeps what its certificates name, and a free choice of port falls on that', async () => {
  const path = await temporaryDirectory();
  const first = await open(path);
  expect(first.distributionUrl).toBe(first.origin);
  expect(await open(path)).toEqual(first);
  expect(await open(path, portOf(first.origin))).toEqual(first);
  expect(written).toEqual([]);
});

test('where another port is asked for, certificates name what they did, and a line says what to do', async () => {
  const path = await temporaryDirectory();
  const first = await open(path);
  const other = await openGateway();
  await other.close();
  const second = await open(path, portOf(other.origin));
  expect(second).toEqual({ origin: other.origin, distributionUrl: first.distributionUrl });
  expect(written).toEqual([`Certificates in this data directory name ${first.distributionUrl}, where this service is not: start it with PORT=${portOf(first.origin)} to have their CRLs and OCSP found.\n`]);
});

test('where that port is taken by somebody else, a free choice falls on another, with the same line', async () => {
  const path = await temporaryDirectory();
  const first = await open(path);
  const somebody = await openGateway({ port: portOf(first.origin) });
  const second = await open(path);
  expect(second.origin).not.toBe(first.origin);
  expect(second.distributionUrl).toBe(first.distributionUrl);
  expect(written).toHaveLength(1);
  await expect(open(path, portOf(first.origin))).rejects.toThrow(`Port ${portOf(first.origin)} is already in use`);
  await somebody.close();
});

test('what certificates are to name is noted before the first of them', async () => {
  const path = await temporaryDirectory();
  let noted: string | undefined;
  const { distributionUrl } = await open(path, undefined, async () => {
    const { readFile } = await import('node:fs/promises');
    noted = JSON.parse(await readFile(`${path}/kakunin.json`, 'utf8')).distributionUrl;
  });
  expect(noted).toBe(distributionUrl);
});
