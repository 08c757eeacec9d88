import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether a request that came to a webhook was sent by Kakunin within the last five minutes.
 * @param header the request's X-Kakunin-Signature
 * @param body the request's body as it came, before anything has parsed it
 * @param secret as it was shown when the webhook was created
 */
export function isFromKakunin(header: string, body: string, secret: string, now = Date.now()): boolean {
  const fields = header.split(',').map((field) => field.split('='));
  const time = fields.find(([name]) => name === 't')?.[1] ?? '';
  const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest();
  const isSigned = fields.some(([name, value = '']) => {
    const signature = Buffer.from(value, 'hex');
    return name === 'v1' && signature.length === expected.length && timingSafeEqual(signature, expected);
  });
  return isSigned && Math.abs(now / 1000 - Number(time)) <= 300;
}
