/**
 * What stands for an address where requests are counted: an IPv4 address itself, also where IPv6 writes it (`::ffff:192.0.2.1`, RFC 4291,
 * 2.5.5.2), and the /64 of any other IPv6 address, `2001:db8:1:2::`, since whoever has one address of a network has all 2⁶⁴ of it. CloudFront's
 * function says the same (lib/edge-mark.ts).
 * @param address as `net.Socket` has it
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const hexadecimal = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => `${pair(octets[0], octets[1])}:${pair(octets[2], octets[3])}`);
  const [head = [], tail = []] = hexadecimal.split('::').map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))));
  const groups = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 6).join() === '0,0,0,0,0,65535') return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(':')}::`;
}

const pair = (high: string | undefined, low: string | undefined) => (Number(high) * 256 + Number(low)).toString(16);
