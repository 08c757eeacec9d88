import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certifiedAgent, fullAgent, revoke } from '../support/agents.ts';
import { chromium, chromiumSwitches, openPage } from '../support/chromium.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

interface Rendering {
  /** As the browser understood the page. */
  readonly dom: string;
  /** What it had to say about it. */
  readonly console: readonly string[];
  /** The colour of the corner, `#rrggbb`. */
  readonly ground: string;
}

async function render(url: string, scheme: 'light' | 'dark', width: number): Promise<Rendering> {
  const directory = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
  try {
    const screenshot = join(directory, 'page.png');
    const own = [`--user-data-dir=${join(directory, 'profile')}`, `--blink-settings=preferredColorScheme=${scheme === 'dark' ? 0 : 1}`, `--window-size=${width},1600`, `--screenshot=${screenshot}`];
    const { stdout, stderr } = await promisify(execFile)(chromium ?? '', [...chromiumSwitches, '--enable-logging=stderr', '--dump-dom', ...own, url], { timeout: 90_000, maxBuffer: 1 << 24 });
    return { dom: stdout, console: stderr.split('\n').filter((line) => line.includes('CONSOLE')), ground: cornerOf(await readFile(screenshot)) };
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** The first pixel of a PNG, which no filter changes (https://www.w3.org/TR/png-3/#9Filters). */
function cornerOf(png: Buffer): string {
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  return `#${inflateSync(Buffer.concat(data)).subarray(1, 4).toString('hex')}`;
}

(chromium === undefined ? describe.skip : describe)(`in a browser${chromium === undefined ? ' (skipped: there is no chromium here)' : ''}`, () => {
  const hostile = '"><img src=x onerror=document.title=1><script>document.title=1</script></title></bdi><h1>Valid</h1>';
  let runtime: TestRuntime;
  let valid: string;
  let revoked: string;

  beforeAll(async () => {
    runtime = await startTestRuntime();
    const issued = await Promise.all([fullAgent, { ...fullAgent, name: hostile, operator_org: hostile.slice(0, 64), permitted_actions: [hostile], model_hash: 'f'.repeat(512) }].map((fields) => certifiedAgent(runtime.call, fields)));
    [valid, revoked] = issued.map(({ certificate }) => `${runtime.url}/verify/${certificate.serial_number}`) as [string, string];
    await revoke(runtime.call, issued[1]?.certificate.id, { body: { reason: hostile } });
  });
  afterAll(() => runtime.stop());

  test('a valid one, in light', async () => {
    const { dom, console, ground } = await render(valid, 'light', 1000);
    expect(console).toEqual([]);
    expect(ground).toBe('#f6f5f1');
    expect(dom).toMatch(/<body class="active">.*<h1>.*Valid<\/h1>/s);
    expect(dom).toContain('<title>Valid: \u2068Settlement bot\u2069 · Kakunin</title>');
  }, 120_000);

  test('a revoked one whose agent has a hostile name, in dark and narrow', async () => {
    const { dom, console, ground } = await render(revoked, 'dark', 360);
    expect(console).toEqual([]);
    expect(ground).toBe('#131416');
    expect(dom).toMatch(/<body class="revoked">.*<h1>.*Revoked<\/h1>/s);
    expect(dom).not.toMatch(/<(?:script|img)\b/);
    expect(dom.match(/<h1/g)).toHaveLength(1);
    // The browser read what was sent, and repaired nothing.
    const sent = await (await fetch(revoked, { headers: { accept: 'text/html' } })).text();
    const elements = (page: string) => page.replace(/<style>.*<\/style>/s, '').match(/<[a-z][a-z0-9]*/g)?.filter((tag) => tag !== '<tbody');
    expect(elements(dom)).toEqual(elements(sent));
  }, 120_000);

  test('used by keyboard: the focus is seen, the certificate is saved, the commands are copied each in a line', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kakunin-test-'));
    const page = await openPage(valid, directory);
    try {
      await page.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent + getComputedStyle(document.activeElement).outline')).toBe('Download the certificatergb(14, 106, 69) solid 3px');
      const file = await page.evaluate('document.activeElement.download') as string;
      await page.press('Enter');
      const pem = decodeURIComponent(await page.evaluate('document.activeElement.href.split(",")[1]') as string);
      while ((await readFile(join(directory, file), 'utf8').catch(() => '')) !== pem) await sleep(50);

      await page.press('Tab');
      await page.press('Enter');
      expect(await page.evaluate('document.activeElement.parentElement.open')).toBe(true);
      const copied = await page.evaluate('getSelection().selectAllChildren(document.querySelectorAll("ol pre")[1]), getSelection().toString()') as string;
      expect(copied.split('\n').map((line) => line.split(' ')[0])).toEqual(['curl', 'curl', 'curl', 'openssl']);
      // A page in two directions cannot be read on a telephone.
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    } finally {
      await page.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  }, 120_000);

  test('a script that got into the page all the same is not run, and is reported', async () => {
    const answer = await fetch(valid, { headers: { accept: 'text/html' } });
    const page = (await answer.text()).replace('</main>', '<script>document.title = "run"</script><p style="color:red">x</p></main>');
    const server: Server = createServer((_, response) => response.writeHead(200, Object.fromEntries([...answer.headers].filter(([name]) => /^content-(?:type|security)/.test(name)))).end(page));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { dom, console } = await render(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, 'light', 1000);
      expect(dom).not.toContain('<title>run');
      expect(console).toEqual([expect.stringContaining('Executing inline script violates'), expect.stringContaining('Applying inline style violates')]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }, 120_000);
});
