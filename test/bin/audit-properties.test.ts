import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { auditItem } from '../../lambdas/aws/items.ts';
import { chainedTenant, type ChainedTenant } from '../support/chained-tenant.ts';
import { openRegistry, type RegistryView } from '../support/registry.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { admin } from './admin-program.ts';

// Whatever single thing is altered in the table, of all that makes up a trail: it is found, and nothing is once it is put back.

let runtime: TestRuntime;
let registry: RegistryView;
let tenant: ChainedTenant;
let items: Item[];

type Item = Record<string, unknown>;

beforeAll(async () => {
  runtime = await startTestRuntime();
  registry = openRegistry(runtime);
  tenant = await chainedTenant(runtime, 5);
  await runtime.runSchedule('export-audit-trail');
  items = [
    ...(await registry.partition(`CHAIN#${tenant.id}`)),
    ...(await registry.partition(`EXPORT#${tenant.id}`)).filter(({ sk }) => sk !== 'PROGRESS'),
    ...(await Promise.all(tenant.entries.map(({ id }) => registry.get(`CHAINED#${id}`, 'CHAINED')))),
    ...tenant.entries.map(auditItem),
  ] as Item[];
});
afterAll(async () => {
  registry.close();
  await runtime.stop();
});

const verify = async () => (await admin('audit', 'verify', '--tenant', tenant.id)).status;

/** Every place of an item's content, keys of the table aside, as a path. */
function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [path];
  return Object.entries(value).flatMap(([name, part]) => (path.length === 0 && (name === 'pk' || name === 'sk') ? [] : placesOf(part, [...path, name])));
}

function changed(value: unknown, [name, ...rest]: string[], change: (value: unknown) => unknown): unknown {
  if (name === undefined) return change(value);
  const object = { ...(value as Item) };
  const part = changed(object[name], rest, change);
  if (part === undefined) Reflect.deleteProperty(object, name);
  else object[name] = part;
  return object;
}

/** Another value than the one there: of the same type or another, a bit of it, or none. */
const changes = fc.oneof(
  fc.constant(() => undefined),
  fc.string({ unit: 'binary', minLength: 1 }).map((text) => (value: unknown) => (value === text ? `${text}x` : text)),
  fc.nat(1000).map((seed) => (value: unknown) => {
    if (typeof value === 'string') return value.slice(0, seed % value.length) + (value[seed % value.length] === '0' ? '1' : '0') + value.slice((seed % value.length) + 1);
    if (typeof value === 'number') return value + 1 + seed;
    const bytes = new Uint8Array(value as Uint8Array);
    bytes[seed % bytes.length] = (bytes[seed % bytes.length] ?? 0) ^ 1;
    return bytes;
  }),
);

test('every alteration of any attribute, every attribute that is added, and every item that is removed is found', async () => {
  expect(await verify()).toBe(0);
  const alteration = fc.record({ item: fc.nat(), place: fc.nat(), change: changes, kind: fc.constantFrom('alter', 'alter', 'alter', 'add', 'remove') });
  await fc.assert(fc.asyncProperty(alteration, async ({ item: at, place, change, kind }) => {
    const item = items[at % items.length] as Item;
    const places = placesOf(item);
    const key = [item['pk'] as string, item['sk'] as string] as const;
    if (kind === 'remove') await registry.remove(...key);
    else await registry.put(kind === 'add' ? { ...item, added: 'x' } : changed(item, places[place % places.length] ?? [], change) as Item);
    try {
      expect([kind, key, await verify()]).toEqual([kind, key, 1]);
    } finally {
      await registry.put(item);
      // An entry that is put back is a new one to the stream's consumer, which has to find its mark.
      await runtime.idle();
    }
  }), { numRuns: 120 });
  expect(await verify()).toBe(0);
}, 180_000);
