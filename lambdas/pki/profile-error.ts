/**
 * Thrown where a value cannot be put into a certificate of this profile: outside the alphabet or length of its ASN.1
 * type, or a setting no verifier would accept. The message names the field and the rule, and never repeats the value,
 * so it may be logged; the caller's input is at fault, not the service.
 */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
}
