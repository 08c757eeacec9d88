import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { startSqs, type EmbeddedSqs } from '../../local/sqs.ts';
import { queueClient, sqsClient, type QueueClient } from './queue-client.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './temporary-directory.ts';

afterAll(removeTemporaryDirectories);

const maxReceiveCount = 2;
const queues = [{ name: 'work', visibilityTimeoutSeconds: 30, redrive: { deadLetterQueue: 'dead', maxReceiveCount } }, { name: 'dead' }];

type Step =
  | { do: 'send'; delay: number }
  | { do: 'receive'; most: number; visibility: number | undefined }
  | { do: 'delete' | 'hide'; receipt: number; seconds: number }
  | { do: 'advance'; seconds: number }
  | { do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), delay: fc.constantFrom(0, 0, 5, 40) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('receive' as const), most: fc.integer({ min: 1, max: 10 }), visibility: fc.constantFrom(undefined, 0, 10) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'hide' as const), receipt: fc.nat(), seconds: fc.constantFrom(0, 5, 50) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.constantFrom(1, 5, 10, 30) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
);

/** What a queue is supposed to be, without any cleverness: sorted anew for each receive. */
class Model {
  now = 0;
  readonly work = new Map<string, { visibleAt: number; order: number; receives: number }>();
  readonly dead = new Set<string>();
  #order = 0;

  send(body: string, delay: number): void {
    this.work.set(body, { visibleAt: this.now + delay, order: this.#order++, receives: 0 });
  }

  receive(most: number, visibility = 30): string[] {
    const visible = [...this.work].filter(([, { visibleAt }]) => visibleAt <= this.now).sort(([, a], [, b]) => a.visibleAt - b.visibleAt || a.order - b.order);
    const received: string[] = [];
    for (const [body, message] of visible) {
      if (received.length === most) break;
      if (message.receives >= maxReceiveCount) {
        this.work.delete(body);
        this.dead.add(body);
        continue;
      }
      received.push(body);
      this.work.set(body, { visibleAt: this.now + visibility, order: this.#order++, receives: message.receives + 1 });
    }
    return received;
  }

  hide(body: string, seconds: number): void {
    const message = this.work.get(body);
    if (message !== undefined) this.work.set(body, { ...message, visibleAt: this.now + seconds, order: this.#order++ });
  }

  counts(): number[] {
    const hidden = [...this.work.values()].filter(({ visibleAt }) => visibleAt > this.now);
    return [this.work.size - hidden.length, hidden.filter(({ receives }) => receives > 0).length, hidden.filter(({ receives }) => receives === 0).length];
  }
}

/** The service under test, by the model's clock. */
class Subject {
  readonly #clock: () => Date;
  readonly #dataDirectory: string | undefined;
  #sqs: EmbeddedSqs | undefined;
  #client: SQSClient | undefined;

  constructor(clock: () => Date, dataDirectory: string | undefined) {
    this.#clock = clock;
    this.#dataDirectory = dataDirectory;
  }

  async start(): Promise<void> {
    this.#sqs = await startSqs({ queues, clock: this.#clock, ...(this.#dataDirectory !== undefined && { dataDirectory: this.#dataDirectory }) });
    this.#client = sqsClient(this.#sqs.endpoint);
  }

  async stop(): Promise<void> {
    this.#client?.destroy();
    await this.#sqs?.close();
  }

  queue(name: 'work' | 'dead'): QueueClient {
    if (this.#client === undefined || this.#sqs === undefined) throw new Error('It is to be started first.');
    return queueClient(this.#client, this.#sqs.queueUrl(name));
  }
}

async function compare(subject: Subject, model: Model, steps: readonly Step[]): Promise<void> {
  const receipts: { body: string; receives: number; handle: string }[] = [];
  let sent = 0;
  for (const one of steps) {
    const queue = subject.queue('work');
    if (one.do === 'send') {
      await queue.send(`${sent}`, { DelaySeconds: one.delay });
      model.send(`${sent++}`, one.delay);
    } else if (one.do === 'receive') {
      const received = await queue.receive({ MaxNumberOfMessages: one.most, VisibilityTimeout: one.visibility });
      expect(received.map(({ Body }) => Body)).toEqual(model.receive(one.most, one.visibility));
      receipts.push(...received.map(({ Body = '', ReceiptHandle = '' }) => ({ body: Body, receives: model.work.get(Body)?.receives ?? 0, handle: ReceiptHandle })));
    } else if (one.do === 'advance') {
      model.now += one.seconds;
    } else if (one.do === 'restart') {
      await subject.stop();
      await subject.start();
    } else if (receipts.length > 0) {
      const { body, receives, handle } = receipts[one.receipt % receipts.length] as (typeof receipts)[number];
      const isLatest = model.work.get(body)?.receives === receives;
      if (one.do === 'delete') {
        await queue.remove(handle);
        if (isLatest) model.work.delete(body);
      } else if (isLatest) {
        await queue.hide(handle, one.seconds);
        model.hide(body, one.seconds);
      } else {
        await expect(queue.hide(handle, one.seconds)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
      }
    }
    expect(await subject.queue('work').counts()).toEqual(model.counts());
  }
  expect((await subject.queue('dead').drain()).sort()).toEqual([...model.dead].sort());
}

test.each([['in memory', false], ['in a data directory, restarted in between', true]])('any requests, %s, are answered as those of a queue', async (_, isKept) => {
  const steps = fc.array(step.filter((one) => isKept || one.do !== 'restart'), { minLength: 10, maxLength: 40 });
  await fc.assert(fc.asyncProperty(steps, async (chosen) => {
    const model = new Model();
    const subject = new Subject(() => new Date(1_800_000_000_000 + model.now * 1000), isKept ? join(await temporaryDirectory(), 'sqs') : undefined);
    await subject.start();
    try {
      await compare(subject, model, chosen);
    } finally {
      await subject.stop();
    }
    // A shorter counterexample would take longer than the test may.
  }), { numRuns: 30, endOnFailure: true });
});
