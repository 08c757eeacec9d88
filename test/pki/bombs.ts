import { derElement } from '../../lambdas/pki/der-writer.ts';
import { hex } from './der-surgery.ts';

const megabyte = 2 ** 20;

/** The largest inputs that anybody may send, and those that promise more than they hold. */
export const bombs: Record<string, () => Uint8Array> = {
  'a length of 4 GiB': () => hex('3084ffffffff'),
  'a length of 2 GiB, nested': () => Buffer.concat(Array.from({ length: 16 }, () => hex('30847fffffff'))),
  'half a million empty elements': () => derElement(0x30, Uint8Array.from({ length: megabyte }, (_, index) => (index % 2 === 0 ? 0x30 : 0))),
  'half a million levels': () => Uint8Array.from({ length: megabyte }, (_, index) => (index % 2 === 0 ? 0x30 : 0x80)),
  'an OBJECT IDENTIFIER of a megabyte': () => derElement(0x30, derElement(0x06, new Uint8Array(megabyte).fill(0x81))),
  'an INTEGER of a megabyte': () => derElement(0x30, derElement(0x02, new Uint8Array(megabyte).fill(0x7f))),
  'a SET of a quarter million': () => derElement(0x31, Uint8Array.from({ length: megabyte }, (_, index) => [0x02, 0x01, 0x01][index % 3] ?? 0).subarray(0, megabyte - (megabyte % 3))),
  'a text of a megabyte': () => derElement(0x30, derElement(0x13, new Uint8Array(megabyte).fill(0x41))),
};

/** Elements that one of them really has side by side, for each of which a reader has an object. */
export const elementsOf: Readonly<Record<string, number>> = { 'half a million empty elements': megabyte / 2, 'a SET of a quarter million': megabyte / 3 };
