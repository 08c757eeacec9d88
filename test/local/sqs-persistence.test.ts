import { appendFile, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Change } from '../../local/sqs/change.ts';
import { openJournal, type Journal } from '../../local/sqs/journal.ts';
import type { QueueDefinition } from '../../local/sqs/queue-settings.ts';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';
import { launch, type Launched } from './processes.ts';
import { queueClient, sqsClient } from './queue-client.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

let dataDirectory: string;
let running: EmbeddedSqs[];
let now: number;

beforeEach(async () => {
  dataDirectory = join(await temporaryDirectory(), 'sqs');
  running = [];
  now = Date.now();
});

afterEach(async () => {
  await Promise.all(running.map(async (sqs) => sqs.close()));
  await removeTemporaryDirectories();
});

const queues: readonly QueueDefinition[] = [{ name: 'work', redrive: { deadLetterQueue: 'dead', maxReceiveCount: 2 } }, { name: 'dead' }];

async function start(definitions = queues) {
  const sqs = await startSqs({ dataDirectory, queues: definitions, clock: () => new Date(now) });
  running.push(sqs);
  return { sqs, ...clientOf(sqs.endpoint) };
}

/** Requests to the queue `work`, and to the dead letters. */
function clientOf(endpoint: string) {
  const client = sqsClient(endpoint);
  return { client, ...queueClient(client, `${endpoint}/000000000000/work`), dead: queueClient(client, `${endpoint}/000000000000/dead`) };
}

describe('a restart', () => {
  test('keeps messages, what is invisible, how often they were received, and handles', async () => {
    const before = await start();
    await before.sendAll(['deleted', 'hidden', 'shown', 'held', 'visible é\n"\\']);
    const [deleted, hidden, shown, held] = await before.receive({ MessageSystemAttributeNames: ['All'] });
    await before.remove(deleted?.ReceiptHandle);
    await before.hide(hidden?.ReceiptHandle, 3600);
    await before.hide(shown?.ReceiptHandle, 0);
    now += 20_000;
    await before.sqs.close();

    const after = await start();
    expect(await after.counts()).toEqual([1, 3, 0]);
    const [again] = await after.receive({ MessageSystemAttributeNames: ['All'] });
    expect(again).toMatchObject({ Body: 'shown', Attributes: { ...shown?.Attributes, ApproximateReceiveCount: '2' } });
    await after.remove(held?.ReceiptHandle);
    now += 10_000;
    expect(await after.receiveBodies()).toEqual(['visible é\n"\\']);
    now += 3600_000;
    expect(await after.receiveBodies()).toContain('hidden');
  });

  test('between receives does not make a message last longer than it may', async () => {
    for (let time = 0; time < 2; time++) {
      const { sqs, send, receiveBodies } = await start();
      if (time === 0) await send('poison');
      expect(await receiveBodies()).toEqual(['poison']);
      await sqs.close();
      now += 30_000;
    }
    const { sqs, receive } = await start();
    expect(await receive()).toEqual([]);
    await sqs.close();
    const { counts, dead } = await start();
    expect(await counts()).toEqual([0, 0, 0]);
    expect(await dead.counts()).toEqual([1, 0, 0]);
  });

  test('keeps a queue purged', async () => {
    const before = await start();
    await before.sendAll(['a', 'b']);
    await before.receive();
    await before.purge();
    await before.send('later');
    await before.sqs.close();
    expect(await (await start()).receiveBodies()).toEqual(['later']);
  });

  test('with other queues leaves the messages of the rest where they are', async () => {
    const before = await start();
    await before.dead.send('m');
    await before.sqs.close();
    const other = await start([{ name: 'other' }]);
    await expect(other.dead.receive()).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
    await other.sqs.close();
    expect(await (await start()).dead.receiveBodies()).toEqual(['m']);
  });
});

test('nothing that was answered before kill -9 is lost, and nothing deleted comes back', async () => {
  const script = `import { startSqs } from ${JSON.stringify(new URL('../../local/sqs.ts', import.meta.url).href)};
    console.log((await startSqs({ dataDirectory: ${JSON.stringify(dataDirectory)}, queues: ${JSON.stringify(queues)} })).endpoint);
    console.log('ready');`;
  const program = launch(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script]);
  await program.ready;
  const remote = clientOf(program.stdout().split('\n')[0] ?? '');
  const sent = new Set<string>();
  const deleting = new Set<string>();
  const deleted = new Set<string>();
  const senders = Array.from({ length: 6 }, async (_, sender) => {
    for (let index = 0; ; index++) {
      const names = [`${sender}.${index}.a`, `${sender}.${index}.b`];
      await remote.sendAll(names);
      for (const name of names) sent.add(name);
      if (deleted.size > 60) program.child.kill('SIGKILL');
    }
  });
  const receivers = Array.from({ length: 3 }, async () => {
    for (;;) {
      const messages = await remote.receive();
      // Every second one stays in flight.
      const half = messages.filter((_, index) => index % 2 === 0);
      if (half.length === 0) continue;
      for (const { Body = '' } of half) deleting.add(Body);
      await remote.removeAll(half);
      for (const { Body = '' } of half) deleted.add(Body);
    }
  });
  await Promise.allSettled([...senders, ...receivers]);
  await program.exit;
  remote.client.destroy();

  now = Date.now() + 60_000;
  const kept = new Set(await (await start()).drain());
  expect(deleted.size).toBeGreaterThan(60);
  expect([...deleted].filter((body) => kept.has(body))).toEqual([]);
  expect([...sent].filter((body) => !kept.has(body) && !deleting.has(body))).toEqual([]);
});

/** The kernel lets the script write files of 64 KiB and no larger. */
async function launchOnFullDisk(script: string): Promise<Launched> {
  const program = launch('bash', ['-c', 'ulimit -f 64; exec "$0" "$@"', process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script], { TSX_DISABLE_CACHE: '1' });
  await program.ready;
  return program;
}

test('a disk that is full refuses what it cannot keep, and takes what it can', async () => {
  const script = `import { startSqs } from ${JSON.stringify(new URL('../../local/sqs.ts', import.meta.url).href)};
    console.log((await startSqs({ dataDirectory: ${JSON.stringify(dataDirectory)}, queues: ${JSON.stringify(queues)} })).endpoint);
    console.log('ready');`;
  const program = await launchOnFullDisk(script);
  const remote = clientOf(program.stdout().split('\n')[0] ?? '');
  const kept: string[] = [];
  const attempt = async (name: string, length: number) => {
    const outcome = await remote.send(`${name}:${'x'.repeat(length)}`).then(() => 'kept', (error: Error) => error.message);
    if (outcome === 'kept') kept.push(name);
    else expect(outcome).toContain('EFBIG');
  };
  for (let index = 0; index < 8; index++) await attempt(`${index}`, index % 2 === 0 ? 18_000 : 1000);
  // Of the long ones three found room, and none of the short ones had to stand back.
  expect(kept).toEqual(['0', '1', '2', '3', '4', '5', '7']);
  expect(await remote.counts()).toEqual([kept.length, 0, 0]);
  program.child.kill('SIGKILL');
  await program.exit;
  remote.client.destroy();
  now = Date.now();
  expect((await (await start()).drain()).map((body) => body.split(':')[0]).sort()).toEqual([...kept].sort());
});

test('what could not be written whole is written over', async () => {
  const script = `import { openJournal } from ${JSON.stringify(new URL('../../local/sqs/journal.ts', import.meta.url).href)};
    const journal = await openJournal({ path: ${JSON.stringify(join(dataDirectory, 'messages.jsonl'))}, apply: () => undefined, snapshot: () => [] });
    const send = (body) => journal.commit([{ kind: 'send', queue: 'work', message: { messageId: body.slice(0, 1), body, attributes: [], sentAt: ${now}, visibleAt: 0, receiveCount: 0 } }]);
    // The second and the third are written together, after the first.
    const outcomes = await Promise.allSettled([send('a'), send('b'.repeat(500)), send('c'.repeat(100_000))]);
    await send('d');
    console.log(outcomes.map(({ status }) => status).join());
    console.log('ready');`;
  const program = await launchOnFullDisk(script);
  await program.exit;
  expect(program.stdout()).toContain('fulfilled,rejected,rejected');
  expect(await (await start()).receiveBodies()).toEqual(['a', 'd']);
});

describe('the journal', () => {
  const journalFile = () => join(dataDirectory, 'messages.jsonl');

  test('is for its owner only', async () => {
    await (await start()).send('m');
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o700);
    expect((await stat(journalFile())).mode & 0o777).toBe(0o600);
  });

  test.each(['[{"kind":"send","queue":"wo', '[{"kind":"purge","queue":"work","purgedAt":1}]', '\0\0\0'])('goes on before what a crash has cut off: %j', async (torn) => {
    const before = await start();
    await before.send('m');
    await before.sqs.close();
    await appendFile(journalFile(), torn);
    await writeFile(`${journalFile()}.unfinished`, 'half');
    await writeFile(join(dataDirectory, 'README'), 'mine');
    const after = await start();
    await after.send('n');
    await after.sqs.close();
    expect(await (await start()).receiveBodies()).toEqual(['m', 'n']);
    expect((await readdir(dataDirectory)).sort()).toEqual(['README', 'messages.jsonl']);
  });

  test.each<[string, number, (lines: string) => string]>([
    ['of another format', 1, (lines) => lines.replace('"format":1', '"format":2')],
    ['without a format', 1, (lines) => lines.slice(lines.indexOf('\n') + 1)],
    ['emptied', 1, () => ''],
    ['with a broken line', 2, (lines) => lines.replace('[{', '[')],
    ['with a change of another kind', 2, (lines) => lines.replace('"send"', '"sent"')],
    ['with a member of another type', 3, (lines) => lines.replace(/"receivedAt":\d+/, '"receivedAt":"now"')],
  ])('one %s is refused by name and line', async (_, line, damage) => {
    const { sqs, send, receive } = await start();
    await send('secret body');
    await receive();
    await sqs.close();
    await writeFile(journalFile(), damage(await readFile(journalFile(), 'utf8')));
    const error = await start().catch((cause: unknown) => cause as Error);
    expect((error as Error).message).toBe(`The journal ${journalFile()} is damaged in line ${line}: restore it from a backup, or move it away to go on without the messages in it.`);
  });

  const put = (messageId: string, body: string): Change => ({ kind: 'send', queue: 'q', message: { messageId, body, attributes: [], sentAt: 0, visibleAt: 0, receiveCount: 0 } });

  /** Keeps the bodies of messages by their ids. */
  async function openBodies(growthBytes: number): Promise<{ journal: Journal; kept: Map<string, string> }> {
    const kept = new Map<string, string>();
    const journal = await openJournal({
      path: journalFile(),
      growthBytes,
      apply: (change) => (change.kind === 'send' ? kept.set(change.message.messageId, change.message.body) : change.kind === 'delete' && kept.delete(change.messageId)),
      snapshot: () => [...kept].map(([messageId, body]) => put(messageId, body)),
    });
    return { journal, kept };
  }

  test('stays small while what it holds does, whoever writes meanwhile', async () => {
    const { journal, kept } = await openBodies(20_000);
    let largest = 0;
    await Promise.all(Array.from({ length: 8 }, async (_, writer) => {
      for (let index = 0; index < 100; index++) {
        await journal.commit([put(`${writer}`, `${index}`), put(`${writer}.${index}`, 'x')]);
        expect(kept.get(`${writer}`)).toBe(`${index}`);
        await journal.commit([{ kind: 'delete', queue: 'q', messageId: `${writer}.${index}` }]);
        if (index % 10 === 0) largest = Math.max(largest, (await stat(journalFile())).size);
      }
    }));
    await journal.close();
    // All that was written is some 250 kB.
    expect(largest).toBeGreaterThan(10_000);
    expect(largest).toBeLessThan(30_000);
    const reopened = await openBodies(20_000);
    expect([...reopened.kept].sort()).toEqual(Array.from({ length: 8 }, (_, writer) => [`${writer}`, '99']));
    await reopened.journal.close();
  });

  test('is rewritten whole, however much it holds', async () => {
    const { journal } = await openBodies(1_000_000);
    const many = Array.from({ length: 500 }, (_, index): [string, string] => [`${index}`, `${index}:${'é'.repeat(400)}`]);
    await journal.commit(many.map(([messageId, body]) => put(messageId, body)));
    await journal.close();
    for (let time = 0; time < 2; time++) {
      const reopened = await openBodies(1_000_000);
      expect([...reopened.kept]).toEqual(many);
      await reopened.journal.close();
    }
  });

  test('is added to where it cannot be rewritten', async () => {
    const { journal } = await openBodies(100);
    await rename(dataDirectory, `${dataDirectory}-away`);
    for (let index = 0; index < 5; index++) await journal.commit([put(`${index}`, 'x'.repeat(100))]);
    await rename(`${dataDirectory}-away`, dataDirectory);
    await journal.commit([put('5', 'x'.repeat(1000))]);
    await journal.close();
    const reopened = await openBodies(100);
    expect([...reopened.kept.keys()]).toEqual(['0', '1', '2', '3', '4', '5']);
    await reopened.journal.close();
  });
});
