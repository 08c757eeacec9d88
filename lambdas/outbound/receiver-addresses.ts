import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { isPublicAddress } from '../authority/public-address.ts';

/** Every address of a host name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** A receiver that is not to be sent anything. The message is a sentence for its owner. */
export class NotPermitted extends Error {
  override readonly name = 'NotPermitted';
}

/**
 * The addresses that a URL's host has at this moment, all of them public. Whoever connects must connect to one of these,
 * and not ask again: the next answer of the same name may be another.
 * @param hostname as a URL has it, so that an IPv4 address, however it was spelt, is in dotted decimal
 * @throws NotPermitted where any of them is not public, and what `resolve` throws.
 */
export async function receiverAddresses(hostname: string, resolve: Resolve, allowedNetworks: readonly string[]): Promise<readonly LookupAddress[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(literal);
  const addresses = family === 0 ? await resolve(hostname) : [{ address: literal, family }];
  if (addresses.length === 0) throw new NotPermitted('The receiver’s name has no address.');
  // Which address it is stays unsaid: names may be known in here that are not known out there.
  if (!addresses.every(({ address }) => isPublicAddress(address, allowedNetworks))) {
    throw new NotPermitted('The URL leads to an address that is not on the public Internet, so nothing was sent.');
  }
  return addresses;
}
