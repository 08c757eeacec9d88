import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { webhookReceivers, type ReceiverOptions } from '../../lambdas/outbound/post-webhook.ts';
import type { Resolve } from '../../lambdas/outbound/receiver-addresses.ts';
import { noContent, receiverAuthority, startReceiver, type Receiver, type ReceiverAuthority } from '../support/receiver.ts';

let authority: ReceiverAuthority;
let receiver: Receiver;
let plain: Server[];

beforeAll(async () => {
  authority = receiverAuthority();
  receiver = await startReceiver(authority.issue('DNS:hooks.test,IP:127.0.0.1'));
});
beforeEach(() => {
  plain = [];
  receiver.answering = noContent;
  receiver.received.length = 0;
});
afterEach(async () => {
  for (const server of plain) server.close();
  delete process.env['HTTPS_PROXY'];
});
afterAll(() => receiver.close());

const here: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];
const post = (url: string, options: Partial<ReceiverOptions> = {}) =>
  webhookReceivers({ allowedNetworks: ['127.0.0.1/32'], trustAnchors: [authority.certificate], resolve: here, timeoutMilliseconds: 2_000, ...options }).post(url, { 'X-Kakunin-Event': 'agent.created' }, '{"é":1}');
const url = (host = 'hooks.test', port = receiver.port) => `https://${host}:${port}/in?tenant=a%20b#part`;

async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  plain.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('the body arrives as it is, at the path of the URL, under its name', async () => {
  expect(await post(url())).toEqual({ statusCode: 204 });
  expect(receiver.received).toMatchObject([{
    method: 'POST', path: '/in?tenant=a%20b', body: '{"é":1}',
    headers: { host: `hooks.test:${receiver.port}`, 'content-length': '8', 'x-kakunin-event': 'agent.created', connection: 'close' },
  }]);
});

test('an address in the place of a name is connected to, if its certificate is for it', async () => {
  expect(await post(url('127.0.0.1'))).toEqual({ statusCode: 204 });
});

test('each delivery has a connection and a handshake of its own', async () => {
  const before = receiver.connections;
  const receivers = webhookReceivers({ allowedNetworks: ['127.0.0.1/32'], trustAnchors: [authority.certificate], resolve: here });
  for (let round = 0; round < 3; round++) expect(await receivers.post(url(), {}, '{}')).toEqual({ statusCode: 204 });
  expect(receiver.connections - before).toBe(3);
});

test('no proxy of the environment comes in between', async () => {
  let asked = 0;
  process.env['HTTPS_PROXY'] = `http://127.0.0.1:${await serve((socket) => { asked++; socket.destroy(); })}`;
  expect(await post(url())).toEqual({ statusCode: 204 });
  expect(asked).toBe(0);
});

describe('the status alone says how it went', () => {
  test.each([200, 201, 202, 204, 299])('%i is received', async (statusCode) => {
    receiver.answering = (response) => response.writeHead(statusCode).end();
    expect(await post(url())).toEqual({ statusCode });
  });

  test.each([400, 401, 404, 410, 429, 500, 503])('%i is not', async (statusCode) => {
    receiver.answering = (response) => response.writeHead(statusCode).end('secret words');
    expect(await post(url())).toEqual({ statusCode, error: `The receiver answered ${statusCode}.` });
  });

  test.each([301, 302, 303, 307, 308, 304])('%i is not, and nobody goes where it points', async (statusCode) => {
    const elsewhere = await startReceiver(authority.issue('DNS:hooks.test'));
    receiver.answering = (response) => response.writeHead(statusCode, { location: url('hooks.test', elsewhere.port) }).end();
    expect(await post(url())).toEqual({ statusCode, error: `The receiver answered ${statusCode}, and redirects are not followed: register the URL that it leads to.` });
    expect(elsewhere.connections).toBe(0);
    await elsewhere.close();
  });

  test('what is announced before it does not count', async () => {
    receiver.answering = (response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeContinue();
      response.writeHead(500).end();
    };
    expect(await post(url())).toMatchObject({ statusCode: 500 });
  });
});

describe('only addresses of the public Internet', () => {
  const refused = { error: 'The URL leads to an address that is not on the public Internet, so nothing was sent.' };

  test.each([
    ['loopback', '127.0.0.1'], ['private', '10.0.0.5'], ['private', '172.16.0.1'], ['private', '192.168.1.1'], ['metadata', '169.254.169.254'], ['the container credentials’', '169.254.170.2'],
    ['shared', '100.64.0.1'], ['this host', '0.0.0.0'], ['broadcast', '255.255.255.255'], ['multicast', '224.0.0.1'], ['documentation', '192.0.2.1'], ['reserved', '240.0.0.1'],
    ['loopback', '::1'], ['unspecified', '::'], ['v4-mapped', '::ffff:127.0.0.1'], ['v4-mapped', '::ffff:8.8.8.8'], ['v4-compatible', '::127.0.0.1'], ['NAT64', '64:ff9b::7f00:1'], ['6to4', '2002:7f00:1::'],
    ['unique local', 'fd00::1'], ['metadata', 'fd00:ec2::254'], ['link-local', 'fe80::1'], ['link-local with a zone', 'fe80::1%lo'], ['multicast', 'ff02::1'], ['Teredo', '2001:0:1::1'],
  ])('a name whose address is %s: %s', async (_, address) => {
    const before = receiver.connections;
    const family = address.includes(':') ? 6 : 4;
    expect(await post(url(), { allowedNetworks: [], resolve: async () => [{ address, family }] })).toEqual(refused);
    // Nor beside one that is public, in whatever order.
    expect(await post(url(), { allowedNetworks: [], resolve: async () => [{ address: '8.8.8.8', family: 4 }, { address, family }] })).toEqual(refused);
    expect(receiver.connections).toBe(before);
  });

  test.each([
    '127.0.0.1', '2130706433', '0x7f.1', '0x7f000001', '017700000001', '127.1', '0177.0.0.1', '0', '127.0.0.1.', '①②⑦.0.0.1', '%31%32%37.0.0.1', '169.254.169.254', '0xA9FEA9FE', '100.64.0.1',
    '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:a9fe:a9fe]', '[64:ff9b::127.0.0.1]', '[fd00:ec2::254]', '[fe80::1]',
  ])('an address for a name, however it is spelt: %s', async (host) => {
    const before = receiver.connections;
    let lookups = 0;
    expect(await post(url(host), { allowedNetworks: [], resolve: async () => { lookups++; return []; } })).toEqual(refused);
    expect([lookups, receiver.connections]).toEqual([0, before]);
  });

  test.each(['localhost', 'localhost.', 'LOCALHOST', 'ip6-localhost'])('a name that this machine knows: %s', async (host) => {
    const before = receiver.connections;
    const { error } = await webhookReceivers({ trustAnchors: [authority.certificate] }).post(url(host), {}, '{}');
    expect([refused.error, 'The receiver’s name has no address.']).toContain(error);
    expect(receiver.connections).toBe(before);
  });

  test('what was checked is what is connected to: an answer that changes after it has no effect', async () => {
    const inside = await startReceiver(authority.issue('DNS:hooks.test'), { host: '127.0.0.2', port: receiver.port });
    const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.2'];
    let lookups = 0;
    const changing: Resolve = async () => [{ address: answers[lookups++] ?? '', family: 4 }];
    expect(await post(url(), { resolve: changing })).toEqual({ statusCode: 204 });
    expect([lookups, inside.connections]).toEqual([1, 0]);
    expect(await post(url(), { resolve: changing })).toEqual(refused);
    expect([lookups, inside.connections]).toEqual([2, 0]);
    await inside.close();
  });

  test('a name with several addresses is reached at the one that answers', async () => {
    const resolve: Resolve = async () => [{ address: '127.0.0.3', family: 4 }, { address: '127.0.0.1', family: 4 }];
    expect(await post(url(), { resolve, allowedNetworks: ['127.0.0.0/8'] })).toEqual({ statusCode: 204 });
  });

  test('a network that is allowed is one network, and not all of them', async () => {
    expect(await post(url(), { resolve: async () => [{ address: '127.0.0.2', family: 4 }] })).toEqual(refused);
  });

  test.each([
    ['http://hooks.test/', 'The URL is not an https one, so nothing was sent.'],
    ['ftp://hooks.test/', 'The URL is not an https one, so nothing was sent.'],
    ['https://hooks.test:0/', 'The URL names port 0, at which nobody can be reached.'],
    ['hooks.test', 'The delivery failed before the receiver had answered (ERR_INVALID_URL).'],
  ])('nothing is sent to %s', async (target, error) => {
    expect(await post(target)).toEqual({ error });
  });
});

describe('only receivers that prove their name', () => {
  const otherwise = async (identity: { certificate: string; key: string }, options: Partial<ReceiverOptions> = {}) => {
    const other = await startReceiver(identity);
    const outcome = await post(url('hooks.test', other.port), options);
    expect(other.received).toEqual([]);
    await other.close();
    return outcome;
  };

  test('a certificate for another name', async () => {
    expect(await otherwise(authority.issue('DNS:other.test'))).toEqual({ error: 'The receiver’s TLS certificate is for another name than the URL’s.' });
  });

  test('a certificate that has expired', async () => {
    expect(await otherwise(authority.issue('DNS:hooks.test', -1))).toEqual({ error: 'The receiver’s TLS certificate has expired.' });
  });

  test('a certificate of an authority that nobody knows, whatever the environment says', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const unknown = { error: expect.stringMatching(/^The receiver’s TLS certificate is not trusted \([A-Z_]+\)\.$/) };
      expect(await otherwise(receiverAuthority().issue('DNS:hooks.test'))).toEqual(unknown);
      expect(await otherwise(authority.issue('DNS:hooks.test'), { trustAnchors: [] })).toEqual(unknown);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  test('one that speaks no TLS', async () => {
    const port = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    expect(await post(url('hooks.test', port))).toEqual({ error: 'The receiver does not speak TLS as it should.' });
  });
});

describe('a receiver that takes its time, or takes too much', () => {
  const timeoutMilliseconds = 400;
  const late = { error: 'The receiver did not answer within 0.4 s.' };

  async function timed<Value>(work: Promise<Value>): Promise<[Value, number]> {
    const startedAt = performance.now();
    return [await work, performance.now() - startedAt];
  }

  test.each<[string, () => Promise<Awaited<ReturnType<typeof post>>>]>([
    ['has a name that nobody answers for', () => post(url(), { timeoutMilliseconds, resolve: () => new Promise(() => undefined) })],
    ['accepts the connection and says nothing', async () => post(url('hooks.test', await serve(() => undefined)), { timeoutMilliseconds })],
    ['takes the request and says nothing', () => {
      receiver.answering = () => undefined;
      return post(url(), { timeoutMilliseconds });
    }],
    ['never comes to its status', () => {
      receiver.answering = (response) => {
        const interval = setInterval(() => response.writeContinue(), 50);
        response.once('close', () => clearInterval(interval));
      };
      return post(url(), { timeoutMilliseconds });
    }],
  ])('%s', async (_, work) => {
    const [outcome, milliseconds] = await timed(work());
    expect(outcome).toEqual(late);
    expect(milliseconds).toBeLessThan(1_500);
  });

  test('an answer without an end is read to 16 KiB and no further; its status holds', async () => {
    let written = 0;
    let closed: Promise<unknown> | undefined;
    receiver.answering = (response) => {
      closed = once(response, 'close');
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16 * 1024))) written += 16 * 1024;
      };
      response.on('drain', more);
      more();
    };
    const [outcome, milliseconds] = await timed(post(url()));
    await closed;
    expect(outcome).toEqual({ statusCode: 200 });
    expect(milliseconds).toBeLessThan(1_500);
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  test('an answer that hangs after its status keeps nobody longer than the time for all of it; its status holds', async () => {
    receiver.answering = (response) => response.writeHead(503).write('…');
    const [outcome, milliseconds] = await timed(post(url(), { timeoutMilliseconds }));
    expect(outcome).toEqual({ statusCode: 503, error: 'The receiver answered 503.' });
    expect(milliseconds).toBeLessThan(1_500);
  });

  test('an answer that breaks off after its status: its status holds', async () => {
    receiver.answering = (response) => {
      response.writeHead(200, { 'content-length': 100 }).write('…', () => setTimeout(() => response.destroy(), 20));
    };
    expect(await post(url())).toEqual({ statusCode: 200 });
  });
});

describe('a receiver that is not there, or not what it should be', () => {
  const away = 'The receiver ended the connection before it had answered.';

  test('hangs up on whoever connects', async () => {
    expect(await post(url('hooks.test', await serve((socket) => socket.resetAndDestroy())))).toEqual({ error: away });
  });

  test('hangs up on the request', async () => {
    receiver.answering = (response) => response.destroy();
    expect(await post(url())).toEqual({ error: away });
  });

  test('changes to another protocol', async () => {
    receiver.answering = (response) => response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
    expect(await post(url())).toEqual({ error: away });
  });

  test.each([['no HTTP', 'hello\r\n\r\n'], ['more headers than anybody needs', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}\r\n`]])('answers with %s', async (_, text) => {
    receiver.answering = (response) => response.socket?.end(text);
    expect(await post(url())).toEqual({ error: 'The receiver’s answer is not HTTP.' });
  });

  test('refuses connections', async () => {
    const port = await serve(() => undefined);
    plain.pop()?.close();
    expect(await post(url('hooks.test', port))).toEqual({ error: 'The receiver refused the connection.' });
  });

  test('has a name without an address', async () => {
    const missing = Object.assign(new Error('getaddrinfo ENOTFOUND hooks.test'), { code: 'ENOTFOUND' });
    expect(await post(url(), { resolve: () => Promise.reject(missing) })).toEqual({ error: 'The receiver’s name has no address.' });
    expect(await post(url(), { resolve: async () => [] })).toEqual({ error: 'The receiver’s name has no address.' });
  });
});
