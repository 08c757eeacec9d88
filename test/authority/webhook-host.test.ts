import { expect, test } from '@jest/globals';
import { checkWebhookHost } from '../../lambdas/authority/webhook-host.ts';
import { webhookUrlProblem } from '../../lambdas/authority/webhook-url.ts';

const refusal = expect.objectContaining({ code: 'WEBHOOK_URL_NOT_ALLOWED', message: expect.stringMatching(/Name a host that anybody could reach\.$/) });
const check = (host: string, allowedNetworks: readonly string[] = []) => {
  const url = `https://${host}/hook`;
  // Else it would never come to this.
  expect(webhookUrlProblem(url)).toBeUndefined();
  checkWebhookHost(url, allowedNetworks);
};

test.each([
  'localhost', 'LOCALHOST', 'localhost.', 'localhost..', 'localhost:8443', 'a.localhost', '%6c%6fcalhost', 'ｌｏｃａｌｈｏｓｔ', 'printer.local', 'printer.local.', 'metadata.google.internal', 'ip-10-0-0-1.eu-west-1.compute.internal', 'INTERNAL.', 'intranet', 'com',
])('%s is an inner name', (host) => {
  expect(() => { check(host); }).toThrow(refusal);
});

test.each([
  '127.0.0.1', '127.0.0.1.', '127.1', '0x7f.1', '0177.0.0.1', '2130706433', '%31%32%37.0.0.1', '１２７.0.0.1', '127。0。0。1', '0', '0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.0.1', '169.254.169.254', '0xa9fea9fe', '100.64.0.1', '192.0.0.192', '198.51.100.7', '224.0.0.1',
  '255.255.255.255', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:8.8.8.8]', '[::127.0.0.1]', '[fd00:ec2::254]', '[fe80::1]', '[fec0::1]', '[64:ff9b::a00:1]', '[64:ff9b:1::1]', '[2002:7f00:1::]', '[2001:db8::1]', '[ff02::1]',
])('%s is an address of nobody in the public Internet', (host) => {
  expect(() => { check(host); }).toThrow(refusal);
});

test.each(['example.com', 'EXAMPLE.com.', 'hooks.eu.example.co.uk:8443', 'local.example.com', 'internal.example', 'localhost.example.com', 'bücher.example', '8.8.8.8', '8.8.8.8:8443', '[2606:4700:4700::1111]', '1.1', '127.0.0.1.example.com'])('%s may be told', (host) => {
  expect(() => { check(host); }).not.toThrow();
});

test('networks that a deployment allows are let pass, names are not', () => {
  expect(() => { check('127.0.0.1:4000', ['127.0.0.0/8']); }).not.toThrow();
  expect(() => { check('[::1]:4000', ['127.0.0.0/8', '::1/128']); }).not.toThrow();
  for (const host of ['localhost:4000', '10.0.0.1', '[::1]']) expect(() => { check(host, ['127.0.0.0/8']); }).toThrow(refusal);
});
