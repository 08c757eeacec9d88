import { expect, test } from '@jest/globals';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { signatureHeaders } from '../../lambdas/authority/webhook-signature.ts';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const previous = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const delivery = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampSeconds: 1_614_265_330, body: '{"test": 2432232314}' };

// https://github.com/standard-webhooks/standard-webhooks, the test vector of its reference libraries.
test('Standard Webhooks: the signature of its reference libraries', () => {
  expect(signatureHeaders([secret], delivery)).toMatchObject({
    'webhook-id': delivery.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('ours is an HMAC of the time and the body, under the secret as it is shown', () => {
  const { 'X-Kakunin-Signature': signature } = signatureHeaders([secret], delivery);
  expect(signature).toBe(`t=1614265330,v1=${createHmac('sha256', secret).update('1614265330.{"test": 2432232314}').digest('hex')}`);
});

test('while a secret is being rotated, whoever holds either of the two can verify', () => {
  const headers = signatureHeaders([secret, previous], delivery);
  const [one, other] = [signatureHeaders([secret], delivery), signatureHeaders([previous], delivery)];
  expect(headers['X-Kakunin-Signature']).toBe(`${one['X-Kakunin-Signature']},${other['X-Kakunin-Signature']?.replace('t=1614265330,', '')}`);
  expect(headers['webhook-signature']).toBe(`${one['webhook-signature']} ${other['webhook-signature']}`);
});

test.each(['é', '\u{1F511}', '"\\u2028"'])('the body counts as UTF-8: %s', (body) => {
  const { 'X-Kakunin-Signature': signature = '' } = signatureHeaders([secret], { ...delivery, body });
  const [, given = ''] = signature.split('v1=');
  const expected = createHmac('sha256', secret).update(Buffer.concat([Buffer.from('1614265330.'), Buffer.from(body, 'utf8')])).digest();
  expect(timingSafeEqual(expected, Buffer.from(given, 'hex'))).toBe(true);
});
