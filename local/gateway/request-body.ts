import type { IncomingMessage } from 'node:http';

/**
 * Reads at most `maximumBytes` of body; undefined where there is more, of which nothing is kept. Rejects where the client goes away.
 * The rest of a body that is too long is left on the connection, which is to be closed.
 */
export function readBody(request: IncomingMessage, maximumBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maximumBytes) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (body: Buffer | undefined) => {
      request.off('data', collect);
      resolve(body);
    };
    const collect = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maximumBytes) finish(undefined);
      else chunks.push(chunk);
    };
    request.on('data', collect);
    request.once('end', () => finish(Buffer.concat(chunks)));
    request.once('error', reject);
  });
}

/** Swallows what a refused client is still sending, so that it gets to read the answer, and hangs up when it does not stop. */
export function discardRest(request: IncomingMessage, patienceMilliseconds = 1000): void {
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), patienceMilliseconds);
  request.socket.once('close', () => clearTimeout(timer));
}
