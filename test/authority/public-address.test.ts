import { describe, expect, test } from '@jest/globals';
import { isPublicAddress } from '../../lambdas/authority/public-address.ts';

/** First and last address of each network that is not the public Internet's. */
const special: Readonly<Record<string, readonly string[]>> = {
  'this network (RFC 791)': ['0.0.0.0', '0.0.0.1', '0.255.255.255'],
  'private (RFC 1918)': ['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'],
  'carrier-grade NAT (RFC 6598)': ['100.64.0.0', '100.100.100.200', '100.127.255.255'],
  'loopback (RFC 1122)': ['127.0.0.0', '127.0.0.1', '127.255.255.255'],
  'link-local (RFC 3927)': ['169.254.0.0', '169.254.255.255'],
  'metadata of AWS, of its containers, of others': ['169.254.169.254', '169.254.170.2', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'],
  'IETF protocols (RFC 6890)': ['192.0.0.0', '192.0.0.8', '192.0.0.170', '192.0.0.255'],
  'documentation (RFC 5737)': ['192.0.2.0', '192.0.2.255', '198.51.100.0', '198.51.100.255', '203.0.113.0', '203.0.113.255'],
  'AS112 (RFC 7534, 7535)': ['192.31.196.0', '192.31.196.255', '192.175.48.0', '192.175.48.255'],
  'AMT (RFC 7450)': ['192.52.193.0', '192.52.193.255'],
  '6to4 relays (RFC 7526)': ['192.88.99.0', '192.88.99.1', '192.88.99.255'],
  'benchmarking (RFC 2544)': ['198.18.0.0', '198.19.255.255'],
  'multicast (RFC 5771)': ['224.0.0.0', '224.0.0.251', '239.255.255.255'],
  'reserved (RFC 1112)': ['240.0.0.0', '255.255.255.254'],
  'broadcast (RFC 919)': ['255.255.255.255'],
  'IPv6 unspecified and loopback (RFC 4291)': ['::', '::1', '0:0:0:0:0:0:0:1'],
  'IPv4-compatible (RFC 4291)': ['::1.2.3.4', '::127.0.0.1', '::8.8.8.8', '::ffff'],
  'IPv4-mapped (RFC 4291)': ['::ffff:0.0.0.0', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:255.255.255.255'],
  'IPv4-translated (RFC 2765)': ['::ffff:0:0.0.0.0', '::ffff:0:10.0.0.1', '::ffff:0:8.8.8.8'],
  'NAT64 (RFC 6052, 8215)': ['64:ff9b::', '64:ff9b::10.0.0.1', '64:ff9b::169.254.169.254', '64:ff9b::8.8.8.8', '64:ff9b::ffff:ffff', '64:ff9b:1::', '64:ff9b:1::10.0.0.1', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  'discard and dummy (RFC 6666, 9780)': ['100::', '100::ffff:ffff:ffff:ffff', '100:0:0:1::'],
  'not given out': ['1::', '200::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '4000::', '5f00::', '8000::', 'e000::', 'fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe00::', 'fe7f:ffff::1'],
  'IETF protocols (RFC 2928), Teredo (RFC 4380) among them': ['2001::', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:1::1', '2001:2::', '2001:2:0:ffff::', '2001:3::', '2001:4:112::', '2001:10::', '2001:20::', '2001:30::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
  'IPv6 documentation (RFC 3849, 9637)': ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
  '6to4 (RFC 3056)': ['2002::', '2002:7f00:1::', '2002:0a00:0001::', '2002:808:808::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  'IPv6 AS112 (RFC 7534)': ['2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff'],
  'unique local (RFC 4193)': ['fc00::', 'fc00::1', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  'IPv6 link-local (RFC 4291)': ['fe80::', 'fe80::1', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  'site-local (RFC 3879)': ['fec0::', 'fec0::1', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  'IPv6 multicast (RFC 4291)': ['ff00::', 'ff02::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
};

/** The neighbours of those networks, and places that are known. */
const publicAddresses = [
  '1.0.0.0', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0',
  '172.15.255.255', '172.32.0.0', '191.255.255.255', '192.0.1.0', '192.0.3.0', '192.31.195.255', '192.31.197.0', '192.52.192.255', '192.52.194.0', '192.88.98.255', '192.88.100.0',
  '192.167.255.255', '192.169.0.0', '192.175.47.255', '192.175.49.0', '198.17.255.255', '198.20.0.0', '198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0', '223.255.255.255',
  '8.8.8.8', '1.1.1.1', '52.95.110.1',
  '2000::', '2001:200::', '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::', '2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2003::', '2620:4f:7fff:ffff:ffff:ffff:ffff:ffff', '2620:4f:8001::',
  '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:1000::', '3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001:4860:4860::8888', '2606:4700:4700::1111', '2A05:D018::1',
];

const noAddresses = [
  '', ' ', 'localhost', 'example.com', '8.8.8.8 ', ' 8.8.8.8', '8.8.8', '8.8.8.8.8', '8.8.8.256', '2130706433', '0x7f.1', '0x8.0x8.0x8.0x8', '010.8.8.8', '08.8.8.8', '127.1', '8.8.8.8/32', '8.8.8.8:443',
  '[2001:4860:4860::8888]', '2001:4860:4860::8888/128', '2001:4860:4860::8888%eth0', 'fe80::1%1', '2001:4860:::1', '12345::', ':', '%',
];

describe('isPublicAddress', () => {
  test.each(Object.entries(special))('refuses %s', (_name, addresses) => {
    expect(addresses.filter((address) => isPublicAddress(address))).toEqual([]);
  });

  test.each(publicAddresses)('admits %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each(noAddresses)('takes %j for no address, hence not for a public one', (address) => {
    expect(isPublicAddress(address)).toBe(false);
    expect(isPublicAddress(address, ['0.0.0.0/0', '::/0'])).toBe(false);
  });

  test('admits what is in an allowed network, and nothing else for that', () => {
    const allowed = ['127.0.0.0/8', '10.1.2.3/32', 'fd00:1::/32'];
    const admitted = (addresses: readonly string[]) => addresses.filter((address) => isPublicAddress(address, allowed));
    expect(admitted(['127.0.0.0', '127.0.0.1', '127.255.255.255', '10.1.2.3', 'fd00:1::1', '8.8.8.8'])).toHaveLength(6);
    expect(admitted(['126.0.0.1', '128.0.0.1'])).toHaveLength(2);
    expect(admitted(['10.1.2.4', '10.1.2.2', '192.168.0.1', '::1', '::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::127.0.0.1', 'fd00:2::1', '169.254.169.254'])).toEqual([]);
  });
});
