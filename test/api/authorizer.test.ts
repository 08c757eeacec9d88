import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { basePath, routes } from '../../lambdas/routes.ts';
import { openGateway, type Gateway } from '../../local/gateway.ts';
import { createApi } from '../../local/gateway/api.ts';
import { loadHandler } from '../../local/handlers.ts';
import { dataOf } from '../support/agents.ts';
import { movedClock, type MovedClock } from '../support/clock.ts';
import { expectProblem } from '../support/problems.ts';
import { caller, startTestRuntime, type Reply, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';

/* Who gets in: keys that are none, keys that are none any more, and for how long a gateway that remembers lets one in all the same. */

let runtime: TestRuntime;
let tables: Tables;
let acme: string;
beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
  acme = runtime.tenants.find(({ name }) => name === 'acme')?.id as string;
});
afterAll(async () => {
  tables.close();
  await runtime.stop();
});

/** Sends the header's value octet by octet, which fetch would not do; the answer held to the form of every refusal. */
async function withAuthorization(...values: string[]): Promise<Reply> {
  const { hostname, port } = new URL(runtime.url);
  const headers = ['Host', 'localhost', ...values.flatMap((value) => ['Authorization', value])];
  const sent = request({ hostname, port, path: `${basePath}/agents`, headers, insecureHTTPParser: true });
  sent.end();
  const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> }];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: new Headers(response.headers), body: JSON.parse(Buffer.concat(chunks).toString()) };
}

describe('what is no key is refused in the same words', () => {
  const key = 'kak_test_acme';
  const refused: Record<string, string> = {
    'nothing': '', 'the scheme alone': 'Bearer', 'the scheme and a space': 'Bearer ', 'the key alone': key, 'another scheme': `Basic ${key}`, 'a scheme that there is not': `Token ${key}`, 'a key without a prefix': 'Bearer acme', 'the scheme in lower case': `bearer ${key}`, 'two spaces': `Bearer  ${key}`, 'a tab': `Bearer\t${key}`,
    'a key cut off': `Bearer ${key.slice(0, -1)}`, 'a key cut off after its prefix': 'Bearer kak_test_', 'a prefix cut off': 'Bearer kak_', 'a key in capitals': `Bearer ${key.toUpperCase()}`, 'one letter more': `Bearer ${key}a`, 'the other mode': `Bearer ${key.replace('test', 'live')}`,
    'a prefix that there is not': `Bearer ${key.replace('test', 'prod')}`, 'quotes': `Bearer "${key}"`, 'something after it': `Bearer ${key} x`, 'a comma after it': `Bearer ${key},Bearer ${key}`, 'a null octet': `Bearer ${key}%00`, 'a wildcard': 'Bearer kak_test_*',
    'Latin-1': 'Bearer kak_test_\u00e4cme', 'UTF-8': `Bearer ${Buffer.from('kak_test_\u0430cme').toString('latin1')}`, 'full-width letters': `Bearer ${Buffer.from('kak_test_\uff41cme').toString('latin1')}`, 'a zero-width space': `Bearer ${Buffer.from(`${key}\u200b`).toString('latin1')}`,
    'the longest that is looked up': `Bearer kak_test_${'a'.repeat(128)}`, 'one more': `Bearer kak_test_${'a'.repeat(129)}`, 'eight thousand': `Bearer kak_test_${'a'.repeat(8000)}`, 'an expression’s nightmare': `Bearer ${'kak_test_'.repeat(800)}!`,
    'its own hash': `Bearer kak_test_${createHash('sha256').update(key).digest('hex')}`, 'a DynamoDB expression': 'Bearer kak_test_x" OR attribute_exists(pk)',
  };

  test.each(Object.entries(refused))('%s', async (_, value) => {
    const reply = await withAuthorization(value);
    expectProblem(reply, 401, 'UNAUTHORIZED');
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    expect(reply.body.error).toBe((await withAuthorization()).body.error);
  });

  test('more than any header may hold, before anybody looks at it', async () => {
    expectProblem(await withAuthorization(`Bearer kak_test_${'a'.repeat(20_000)}`), 431, 'HEADERS_TOO_LARGE');
  });

  test('a good key beside another header of the same name', async () => {
    expect((await withAuthorization(`Bearer ${key}`)).status).toBe(200);
    expect((await withAuthorization('Bearer kak_test_nobody', `Bearer ${key}`)).status).toBe(401);
  });
});

describe('what the look-up gives away', () => {
  test('is the digest’s: keys that share all but the last letter have hashes that share nothing, and the tables hold no key', async () => {
    // The key is hashed before anything is compared, and found by the whole hash: how long that takes depends on octets that nobody can choose.
    const key = await tables.addKey({ tenantId: acme });
    const near = key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A');
    const [one, other] = [key, near].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
    const shared = one.findIndex((octet, index) => octet !== other[index]);
    expect(shared).toBeLessThan(4);
    expectProblem(await runtime.call('GET', '/agents', { key: near }), 401, 'UNAUTHORIZED');
    dataOf(await runtime.call('GET', '/agents', { key }), 200);
    const stored = [...(await tables.contents())].join('\n');
    expect(stored).toContain(one.toString('hex'));
    expect(stored).not.toContain(key);
  });

  test('is not told by the time: a key that is nearly right takes as long as one that is nothing like it', async () => {
    const key = await tables.addKey({ tenantId: acme });
    const tails = ['A', 'B', 'C', 'D'].filter((letter) => !key.endsWith(letter));
    const took: Record<'near' | 'far', number[]> = { near: [], far: [] };
    const sample = async (which: keyof typeof took, round: number) => {
      const asked = which === 'near' ? key.slice(0, -1) + (tails[round % tails.length] as string) : `kak_test_${String(round).padStart(43, 'x')}`;
      const begin = performance.now();
      expect((await runtime.call('GET', '/agents', { key: asked })).status).toBe(401);
      took[which].push(performance.now() - begin);
    };
    for (let round = 0; round < 100; round++) for (const which of round % 2 === 0 ? (['near', 'far'] as const) : (['far', 'near'] as const)) await sample(which, round);
    const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
    const ratio = median(took.near) / median(took.far);
    expect(Math.max(ratio, 1 / ratio)).toBeLessThan(1.6);
  });
});

describe('a key that ends', () => {
  const status = async (key: string, url = runtime.url) => (await caller(url, key)('GET', '/agents')).status;

  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
  let clock: MovedClock;
  beforeEach(() => {
    clock = movedClock();
  });
  afterEach(() => clock.restore());

  test('by its date', async () => {
    const expiresAt = inAnHour();
    const key = await tables.addKey({ tenantId: acme, expiresAt });
    expect(await status(key)).toBe(200);
    clock.moveTo(expiresAt);
    expect(await status(key)).toBe(401);
  });

  test('by rotation: at once without grace, with it at its end', async () => {
    const [old, graced] = [await tables.addKey({ tenantId: acme }), await tables.addKey({ tenantId: acme })];
    const expiresAt = inAnHour();
    const keys = [old, await tables.rotateKey(old, { revokedAt: new Date().toISOString() }), graced, await tables.rotateKey(graced, { expiresAt })];
    const statuses = () => Promise.all(keys.map((key) => status(key)));
    expect(await statuses()).toEqual([401, 200, 200, 200]);
    clock.moveTo(expiresAt);
    expect(await statuses()).toEqual([401, 200, 401, 200]);
  });

  describe('at a gateway that remembers', () => {
    // The deployed one remembers for `authorizerCacheSeconds`, 60 at most.
    const authorizerCacheSeconds = 3;
    let gateway: Gateway;
    let url: string;
    beforeAll(async () => {
      gateway = await openGateway();
      gateway.serve(createApi({ routes, basePath, load: loadHandler, authorizerCacheSeconds }));
      url = gateway.origin + basePath;
    });
    afterAll(() => gateway.close());

    const ended: Record<string, (key: string) => Promise<unknown>> = {
      'was revoked': (key) => tables.revokeKey(key),
      'was rotated': (key) => tables.rotateKey(key, { revokedAt: new Date().toISOString() }),
    };

    test.each(Object.entries(ended))('works as long as that once it %s, and no longer, however often it is used', async (_, end) => {
      const key = await tables.addKey({ tenantId: acme });
      expect(await status(key, url)).toBe(200);
      const remembered = performance.now();
      await end(key);
      // One that asks each time, as a gateway without a cache does, refuses it at once.
      expect(await status(key)).toBe(401);
      expect(await status(key, url)).toBe(200);
      let lastSuccess = remembered;
      let answer: number;
      do {
        const begin = performance.now();
        answer = await status(key, url);
        if (answer === 200) lastSuccess = begin;
        await wait(50);
      } while (answer === 200);
      expect(answer).toBe(401);
      // That it is used does not make it last; a request is let in before it is answered.
      expect((lastSuccess - remembered) / 1000).toBeLessThanOrEqual(authorizerCacheSeconds);
    });

    test('is not remembered where it was refused: one that is made a moment later works', async () => {
      const key = 'kak_test_made_a_moment_later';
      expect(await status(key, url)).toBe(401);
      await tables.addKey({ tenantId: acme, keyHash: createHash('sha256').update(key).digest('hex') });
      expect(await status(key, url)).toBe(200);
    });

    test('has its own place in memory: what another key may do is not its', async () => {
      const [reader, writer] = [await tables.addKey({ tenantId: acme, scopes: ['agents:read'] }), await tables.addKey({ tenantId: acme, scopes: ['agents:write'] })];
      expect([await status(reader, url), await status(writer, url), await status(reader, url)]).toEqual([200, 403, 200]);
    });
  });
});
