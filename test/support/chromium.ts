import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { isInstalled } from './openssl.ts';

/** The program, undefined where there is none. */
export const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find((program) => isInstalled(program));

/** For a browser without a window that talks to nobody but the service. */
export const chromiumSwitches = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const virtualKeys = { Tab: 9, Enter: 13 } as const;

/** A page in a browser, used by keyboard. */
export interface OpenPage {
  press(key: keyof typeof virtualKeys): Promise<void>;
  /** What an expression comes to, on the page. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens the page in a browser of its own, which keeps its profile in `directory` and saves downloads there. */
export async function openPage(url: string, directory: string): Promise<OpenPage> {
  const browser = spawn(chromium ?? '', [...chromiumSwitches, `--user-data-dir=${directory}/profile`, '--remote-debugging-pipe'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const [, , , input, output] = browser.stdio as unknown as [null, null, null, Writable, Readable];

  // https://chromedevtools.github.io/devtools-protocol: JSON messages, each followed by NUL.
  let text = '';
  let lastId = 0;
  const answers = new Map<number, (answer: Answer) => void>();
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (text + chunk).split('\0');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const { id, ...answer } = JSON.parse(message) as Answer & { id?: number };
      if (id !== undefined) answers.get(id)?.(answer);
    }
  });
  const send = async (method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> => {
    const id = ++lastId;
    const answer = new Promise<Answer>((resolve) => answers.set(id, resolve));
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await answer;
    if (result === undefined) throw new Error(`${method}: ${error?.message ?? 'no answer'}`);
    return result;
  };

  await send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: directory });
  const { targetId } = await send('Target.createTarget', { url });
  const sessionId = (await send('Target.attachToTarget', { targetId, flatten: true }))['sessionId'] as string;
  const evaluate = async (expression: string) => ((await send('Runtime.evaluate', { expression, returnByValue: true }, sessionId))['result'] as { value?: unknown }).value;
  while ((await evaluate('document.readyState + location.protocol')) !== 'completehttp:');
  return {
    evaluate,
    async press(key) {
      const event = { key, code: key, windowsVirtualKeyCode: virtualKeys[key] };
      await send('Input.dispatchKeyEvent', { type: 'keyDown', ...event, ...(key === 'Enter' && { text: '\r' }) }, sessionId);
      await send('Input.dispatchKeyEvent', { type: 'keyUp', ...event }, sessionId);
    },
    async close() {
      const closed = once(browser, 'close');
      browser.kill();
      await closed;
    },
  };
}

interface Answer {
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}
