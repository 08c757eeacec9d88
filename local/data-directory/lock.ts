import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';

/**
 * Takes the lock file for this process and returns how to let go of it. A process that is gone holds nothing. Rejects with a sentence that
 * starts with `inUse` while another one has it.
 */
export async function lock(path: string, inUse: string): Promise<() => Promise<void>> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, `${await identify(process.pid)}\n`, { mode: 0o600 });
  try {
    while (!(await tryLink(own, path))) {
      const holder = await readFile(path, 'utf8').catch(() => '');
      const pid = Number(holder.split(' ')[0]);
      if (holder !== '' && (await identify(pid)) === holder.trim()) throw new Error(`${inUse} by process ${pid}: end that one first, or name another.`);
      await removeStale(path, holder);
    }
  } finally {
    await rm(own, { force: true });
  }
  return () => rm(path, { force: true });
}

/** A link either is made whole, its content included, or is not made. */
async function tryLink(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moved aside and looked at once more: another process may have taken the lock since it was read. */
async function removeStale(path: string, holder: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== holder) await tryLink(aside, path);
  await rm(aside, { force: true });
}

/** `<pid> <start time>`, for ids are used again, in a container soon; undefined where there is no such process. */
async function identify(pid: number): Promise<string | undefined> {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  // Field 22, counted behind the program's name, which may hold spaces (proc_pid_stat(5)). Only Linux has it.
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const startTime = status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  return `${pid} ${startTime}`;
}
