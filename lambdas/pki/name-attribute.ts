/** X.520 ub-organization-name and ub-common-name (RFC 5280 appendix A.1), counted in characters, not in octets. */
export const NAME_ATTRIBUTE_MAX_CHARACTERS = 64;

// Control characters, lone surrogates, line and paragraph separators, and the marks that reverse the direction of what
// follows: with any of them a name displays as something else than it is.
const UNDISPLAYABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/**
 * Says why `text` cannot be an organization or common name, so that a request can be refused before anything is issued.
 * @returns the rule it breaks, fit to follow "The organization", or undefined where it is acceptable
 */
export function nameAttributeProblem(text: string): string | undefined {
  if (text.trim() === '') return 'is empty or blank';
  if (UNDISPLAYABLE.test(text)) return 'contains a control character, a line separator, a direction mark or half a character';
  if ([...text].length > NAME_ATTRIBUTE_MAX_CHARACTERS) return `is longer than ${NAME_ATTRIBUTE_MAX_CHARACTERS} characters`;
  return undefined;
}
