/**
 * A copy of the bytes in an ArrayBuffer of exactly their length. PKI.js reads `ArrayBuffer`s whole, while the
 * `.buffer` behind a Node Buffer is a pool shared with other Buffers, so it may never be handed over.
 */
export function ownedBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy.buffer;
}
