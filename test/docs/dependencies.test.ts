import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

/* What docs/security-model.md says of dependencies. */

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: true;
  readonly optional?: true;
  readonly devOptional?: true;
  readonly hasInstallScript?: true;
}

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const { dependencies, devDependencies, optionalDependencies } = read('package.json') as Record<string, Record<string, string>>;
const locked = Object.entries((read('package-lock.json') as { packages: Record<string, Locked> }).packages).filter(([path]) => path !== '');

test('every version is exact, and the one that is locked', () => {
  const named = { ...dependencies, ...devDependencies, ...optionalDependencies };
  for (const [name, version] of Object.entries(named)) {
    expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
    expect([name, locked.find(([path]) => path === `node_modules/${name}`)?.[1].version]).toEqual([name, version]);
  }
});

test('what runs in production is locked by its hash, and runs nothing when it is installed', () => {
  const inProduction = locked.filter(([, { dev, optional, devOptional }]) => !dev && !optional && !devOptional);
  expect(inProduction.length).toBeGreaterThan(5);
  expect(inProduction.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? '')).map(([path]) => path)).toEqual([]);
  expect(inProduction.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)).toEqual([]);
});

test('the lock file says nothing of where packages were got from', () => {
  expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});
