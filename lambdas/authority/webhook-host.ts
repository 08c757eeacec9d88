import { isIP } from 'node:net';
import { Refusal } from './errors.ts';
import { isPublicAddress } from './public-address.ts';

/** Top-level names that the public DNS does not have: RFC 6761 §6.3, RFC 6762 §3, and ICANN's resolution 2024.07.29.06. */
const innerDomains: readonly unknown[] = ['localhost', 'local', 'internal'];

/**
 * Checks that a webhook's URL names a host of the public Internet. What a public name leads to is another matter, which is
 * looked at anew for each delivery.
 * @param url as webhookUrlProblem lets it pass
 * @param allowedNetworks see isPublicAddress
 * @throws Refusal WEBHOOK_URL_NOT_ALLOWED
 */
export function checkWebhookHost(url: string, allowedNetworks: readonly string[]): void {
  // The parser has made 127.0.0.1 of all that is read as that, such as 0x7f.1, 2130706433 and %31%32%37.0.0.1.
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
  const labels = host.split('.');
  const isPublic = isIP(host) === 0 ? labels.length > 1 && !innerDomains.includes(labels.at(-1)) : isPublicAddress(host, allowedNetworks);
  if (!isPublic) {
    throw new Refusal('WEBHOOK_URL_NOT_ALLOWED', 'The URL does not lead into the public Internet: its host is an inner name, or an address that is private or reserved. Name a host that anybody could reach.');
  }
}
