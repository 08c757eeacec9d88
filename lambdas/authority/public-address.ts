import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The unicast addresses that IANA gives out; all others have a purpose of their own, or none yet. https://www.iana.org/assignments/ipv6-address-space */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address is one of the public Internet's, so that what answers there is no part of anybody's inner network:
 * neither private, loopback, link-local (where clouds keep their metadata service), shared, multicast nor reserved, and
 * no IPv6 address that a gateway would take for an IPv4 address inside it.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
 * @param address IPv4 or IPv6 as DNS gives it; whatever else it is, is not public
 * @param allowedNetworks in CIDR notation: their addresses count as public, whatever they are
 */
export function isPublicAddress(address: string, allowedNetworks: readonly string[] = []): boolean {
  // The library also reads 0x7f.1, 010.0.0.1 and addresses of one interface.
  if (isIP(address) === 0 || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (allowedNetworks.some((network) => contains(ipaddr.parseCIDR(network), parsed))) return true;
  return parsed.range() === 'unicast' && (parsed.kind() === 'ipv4' || contains(globalUnicast, parsed));
}

type ParsedAddress = ReturnType<typeof ipaddr.parse>;

function contains(network: readonly [ParsedAddress, number], address: ParsedAddress): boolean {
  const [base, prefixLength] = network;
  return base.kind() === address.kind() && address.match(base, prefixLength);
}
