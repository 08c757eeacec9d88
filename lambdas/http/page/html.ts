/** Markup that is safe to send: made by {@link html} alone. */
export class Html {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** What may stand in a template: text is escaped, markup is not, a list is one after the other, undefined is nothing. */
export type Part = string | number | Html | undefined | readonly Part[];

/** Markup, with everything that is put into it escaped. Attribute values must stand in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...parts.map(sourceOf)));
}

/**
 * Text that somebody else chose: set apart from what surrounds it, whatever direction its letters run in, and with what
 * it hides made visible.
 */
export const foreign = (text: string): Html => html`<bdi>${visible(text)}</bdi>`;

// Controls, lone surrogates, line separators, marks that reorder what follows and characters that show as nothing. Line breaks
// are shown as the white space they are; joiners and variation selectors belong to the spelling of many scripts and emoji.
const hidden = /(?![\t\n\r\u200c\u200d\p{Variation_Selector}])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]/gu;

/** The text with its invisible characters named, such as ‹U+202E›: nothing in it reads as what it is not. */
export function visible(text: string): string {
  return text.replace(hidden, (character) => `‹U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`);
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

function sourceOf(part: Part): string {
  if (part instanceof Html) return part.source;
  if (part === undefined) return '';
  if (typeof part === 'object') return part.map(sourceOf).join('');
  return String(part).replace(/[&<>"'`]/g, (character) => entities[character] ?? '');
}
