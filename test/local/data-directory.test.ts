import { afterAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataDirectory } from '../../local/data-directory.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

afterAll(removeTemporaryDirectories);

test('a new one is made, for its owner only, and found again', async () => {
  const path = join(await temporaryDirectory(), 'deep', 'data');
  const first = await openDataDirectory(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(JSON.parse(await readFile(join(path, 'kakunin.json'), 'utf8'))).toEqual({ format: 2, complete: false });
  await first.close();
  expect((await readdir(path)).sort()).toEqual(['checkpoints', 'kakunin.json']);
  await (await openDataDirectory(path)).close();
});

test('two runtimes do not share one', async () => {
  const path = await temporaryDirectory();
  const first = await openDataDirectory(path);
  await expect(openDataDirectory(path)).rejects.toThrow(`The data directory ${path} is in use by process ${process.pid}: end that one first, or name another.`);
  await first.close();
  await (await openDataDirectory(path)).close();
});

test('of many that want it at once, one gets it', async () => {
  const path = await temporaryDirectory();
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => openDataDirectory(path)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('the lock of a process that is gone does not count, not even when its id is used again', async () => {
  const path = await temporaryDirectory();
  const gone = spawn('true');
  await once(gone, 'exit');
  for (const holder of [`${gone.pid} 1\n`, `${process.pid} 1\n`, 'nonsense', '']) {
    await writeFile(join(path, 'lock'), holder);
    await (await openDataDirectory(path)).close();
  }
});

test('one that others may read is refused', async () => {
  const path = await temporaryDirectory();
  await chmod(path, 0o750);
  await expect(openDataDirectory(path)).rejects.toThrow(`The data directory ${path} is open to other users: take it over, and run chmod 700 on it.`);
});

test('a directory of something else is left alone', async () => {
  const path = await temporaryDirectory();
  await writeFile(join(path, 'thesis.txt'), 'precious');
  await expect(openDataDirectory(path)).rejects.toThrow(`${path} is not empty and has no kakunin.json, so it is no data directory of Kakunin: name another one.`);
  expect(await readdir(path)).toEqual(['thesis.txt']);
});

test.each(['', '{"format":2', '{"format":1,"complete":true}', 'null'])('a manifest that reads %j is refused, and the directory is not left locked', async (text) => {
  const path = await temporaryDirectory();
  await writeFile(join(path, 'kakunin.json'), text);
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(openDataDirectory(path)).rejects.toThrow(`${join(path, 'kakunin.json')} is damaged or of another version of Kakunin: restore it from a copy, or start with an empty data directory.`);
  }
});

test('what a complete one must have is missed', async () => {
  const path = await temporaryDirectory();
  const data = await openDataDirectory(path);
  await mkdir(data.keys);
  await mkdir(data.objects);
  await data.markComplete();
  await data.close();
  await expect(openDataDirectory(path)).rejects.toThrow(`${data.databaseFile} is missing: restore it from a copy, or start with an empty data directory.`);
  await writeFile(data.databaseFile, '');
  await (await openDataDirectory(path)).close();
});

test('a file is no directory', async () => {
  const path = join(await temporaryDirectory(), 'file');
  await writeFile(path, '');
  await expect(openDataDirectory(path)).rejects.toThrow(`The data directory ${path} cannot be made (EEXIST): name another one.`);
});
