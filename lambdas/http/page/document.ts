import { createHash } from 'node:crypto';
import type { Answer } from '../answer.ts';
import { Html, html } from './html.ts';
import { stylesheet } from './style.ts';

/** What a page is about, in colour and shape; never in these alone. */
export type Tone = 'active' | 'revoked' | 'expired' | 'never-issued' | 'unclear';

export interface Page {
  readonly status: number;
  readonly tone: Tone;
  /** Of the browser's tab; text. */
  readonly title: string;
  readonly main: Html;
  readonly footer: Html;
}

// The style, known by its hash, is all a browser may take from the page; of scripts, images, fonts, forms and frames there are
// none. The download is a link to a data: URI, which is navigation and needs no leave.
const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(stylesheet).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  vary: 'Accept',
};

/** A whole page as an answer. */
export function pageAnswer({ status, tone, title, main, footer }: Page, headers: Readonly<Record<string, string>> = {}): Answer {
  const { source } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(stylesheet)}</style>
</head>
<body class="${tone}">
<header class="top"><p><b>Kakunin</b></p><p>Certificate verification</p></header>
<main>
${main}
</main>
<footer>${footer}</footer>
</body>
</html>
`;
  return { status, headers: { ...pageHeaders, ...headers }, body: source };
}

const shapes: Readonly<Record<Tone, Html>> = {
  active: html`<circle cx="20" cy="20" r="20"/><path d="m11 20.5 6.5 6.5L29.5 14"/>`,
  revoked: html`<path class="shape" d="M11.7 0h16.6L40 11.7v16.6L28.3 40H11.7L0 28.3V11.7z"/><path d="m13 13 14 14m0-14L13 27"/>`,
  expired: html`<circle cx="20" cy="20" r="20"/><path d="M20 9.5V21l7.5 5"/>`,
  'never-issued': html`<path class="shape" d="M11.7 0h16.6L40 11.7v16.6L28.3 40H11.7L0 28.3V11.7z"/><path d="M20 9.5v13m0 6.5v1"/>`,
  unclear: html`<circle cx="20" cy="20" r="20"/><path d="M14.5 16c0-7.5 11-7.5 11 0 0 4.5-5.5 4.5-5.5 8.5m0 5v1"/>`,
};

/** The state: the page's heading, with a shape of its own beside the word. */
export const stateHeading = (tone: Tone, word: string): Html =>
  html`<h1><svg class="sign" viewBox="-1 -1 42 42" aria-hidden="true">${shapes[tone]}</svg>${word}</h1>`;
