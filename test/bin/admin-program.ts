import { expect } from '@jest/globals';
import { runAdmin } from '../../bin/admin/run.ts';

/** Runs one command of the admin program in this process. */
export async function admin(...args: string[]) {
  let out = '';
  let error = '';
  const status = await runAdmin(args, process.env, { out: (text) => (out += text), error: (text) => (error += text) });
  return { status, out, error };
}

/** Runs a command that must succeed and answers its JSON. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read answers field by field
export async function adminJson(...args: string[]): Promise<any> {
  const { status, out, error } = await admin(...args, '--json');
  expect({ status, error }).toEqual({ status: 0, error: '' });
  return JSON.parse(out);
}
