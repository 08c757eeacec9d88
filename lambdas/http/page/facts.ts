import { html, type Html, type Part } from './html.ts';

export interface Fact {
  readonly name: string;
  /** Undefined leaves the fact out. */
  readonly value: Part;
  /** Digits to compare or copy. */
  readonly exact?: boolean;
}

/** Names with their values. */
export const facts = (list: readonly Fact[]): Html => html`<dl class="facts">
${list.filter(({ value }) => value !== undefined).map(({ name, value, exact = false }) => html`<div><dt>${name}</dt><dd${exact ? html` class="exact"` : undefined}>${value}</dd></div>
`)}</dl>`;

/** Stands where there is no value. */
export const none = (text: string): Html => html`<span class="none">${text}</span>`;

/** Characters in groups that can be read, and are copied without a gap. */
export const grouped = (text: string, size: number): Html =>
  html`${(text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []).map((group) => html`<i>${group}</i><wbr>`)}`;
