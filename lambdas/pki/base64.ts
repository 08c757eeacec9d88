/**
 * Reads base64 (RFC 4648 §4) strictly: padded, without white space, and with the unused bits of the last character zero,
 * so that no octets have two spellings (§3.5).
 * @returns the octets, none for an empty text; undefined for anything else
 */
export function octetsOfBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || hasUnusedBits(text)) return undefined;
  const characters = atob(text);
  const octets = new Uint8Array(characters.length);
  for (let i = 0; i < octets.length; i++) octets[i] = characters.charCodeAt(i);
  return octets;
}

/**
 * Reads base64url without padding (RFC 4648 §5, RFC 7515 §2), as strictly.
 * @returns the octets; undefined for anything else
 */
export function octetsOfBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  return octetsOfBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='));
}

/** After one octet four bits are left over, after two octets two. */
function hasUnusedBits(text: string): boolean {
  if (text.endsWith('==')) return !/[AQgw]==$/.test(text);
  return text.endsWith('=') && !/[AEIMQUYcgkosw048]=$/.test(text);
}
