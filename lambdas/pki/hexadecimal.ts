const DIGITS = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** Octets as lower-case hexadecimal digits, two each. */
export function hexOf(octets: Uint8Array): string {
  let hex = '';
  for (const octet of octets) hex += DIGITS[octet];
  return hex;
}

/** The octets that `hex` (an even number of hexadecimal digits, either case) stands for. */
export function octetsOf(hex: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(hex.length / 2);
  for (let i = 0; i < octets.length; i++) octets[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return octets;
}
