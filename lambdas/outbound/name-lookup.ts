import { promises as dns, type LookupAddress } from 'node:dns';
import type { Resolve } from './receiver-addresses.ts';

/** Of an attempt to reach a name server, before it has answered anything; then the resolver goes by how fast it is, and takes a second. */
const attemptMilliseconds = 2_000;
// A name that nobody has asked for lately takes the name server a while.
const attempts = 4;

/** What a name server says of a name that does not exist, or has no address of a kind; and what is no name at all. */
const withoutAddress: readonly unknown[] = ['ENOTFOUND', 'ENODATA', 'EBADNAME'];

/**
 * Asks DNS for a name's addresses, IPv4 first. Not as `dns.lookup` does, which holds one of Node's four threads for as long as a
 * name server keeps it waiting: four names whose servers are silent would hold up all other tenants' deliveries, and the SDK's
 * own look-ups, until their time was over. It does not read /etc/hosts either, where there are inner names alone.
 * https://nodejs.org/api/dns.html#implementation-considerations
 * @param servers instead of the system's name servers: addresses, with `:port` if need be
 * @throws Error with the code ENOTFOUND where the name has no address, EAI_AGAIN where that could not be found out.
 */
export function nameLookup(servers?: readonly string[]): Resolve {
  const resolver = new dns.Resolver({ timeout: attemptMilliseconds, tries: attempts });
  if (servers !== undefined) resolver.setServers(servers);
  return async (hostname) => {
    const outcomes = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = outcomes.flatMap((outcome, index): LookupAddress[] => (
      outcome.status === 'fulfilled' ? outcome.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : []
    ));
    if (addresses.length > 0) return addresses;
    const isKnown = outcomes.every((outcome) => outcome.status === 'fulfilled' || withoutAddress.includes((outcome.reason as NodeJS.ErrnoException).code));
    throw Object.assign(new Error(`DNS has no answer for ${hostname}.`), { code: isKnown ? 'ENOTFOUND' : 'EAI_AGAIN' });
  };
}
