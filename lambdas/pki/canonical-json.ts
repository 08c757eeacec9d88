/*! Contains canonicalize by Samuel Erdtman, https://github.com/erdtman/canonicalize, under the Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0 */
import canonicalize from 'canonicalize';

/**
 * The octets that stand for a JSON value whatever the order of its keys, its white space and its escapes: its canonical
 * form (RFC 8785) in UTF-8, which is what agents sign.
 * @param value as parsed from JSON, by parseJsonObject of strict-json.ts where it comes from outside
 * @throws Error for a number that is not finite and for half a surrogate pair; TypeError for what JSON has no form for
 */
export function canonicalJson(value: unknown): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('The value has no form in JSON.');
  return new TextEncoder().encode(text);
}
