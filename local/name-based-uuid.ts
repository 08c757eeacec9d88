import { createHash } from 'node:crypto';

const namespace = Buffer.from('2f0b7d0c6a5e4b0f9d0e8f6c1d3a5b79', 'hex');

/** A version 5 UUID (RFC 9562, 5.5) in a namespace of our own: the same name has the same id on every machine and after every restart. */
export function nameBasedUuid(name: string): string {
  const octets = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16);
  octets.writeUInt8((octets.readUInt8(6) & 0x0f) | 0x50, 6);
  octets.writeUInt8((octets.readUInt8(8) & 0x3f) | 0x80, 8);
  return octets.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
