/*
 * The page's only style. Every colour is a variable of one of the two palettes; test/http/verification-page.test.ts holds
 * each pair that meets on the page to WCAG AA.
 */

const css = `
:root {
  color-scheme: light dark;
  --ground: #f6f5f1; --sheet: #ffffff; --ink: #1c1d1f; --soft: #5b5e65; --line: #d9d7d0;
  --accent: #3f4b5b; --tint: #edeff2; --edge: #c9ced6;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  --serif: ui-serif, "Iowan Old Style", Charter, Georgia, Cambria, "Liberation Serif", serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
.active { --accent: #0e6a45; --tint: #e9f4ee; --edge: #b7d8c6; }
.revoked, .never-issued { --accent: #a61f1a; --tint: #fcedeb; --edge: #ecc1bd; }
.expired { --accent: #7f4d00; --tint: #fbf2e1; --edge: #e3cb9d; }
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131416; --sheet: #1b1d20; --ink: #ecebe7; --soft: #a5a9b0; --line: #35383d;
    --accent: #b5c0d0; --tint: #20242a; --edge: #3d4550;
  }
  .active { --accent: #72d6a6; --tint: #14261d; --edge: #28533e; }
  .revoked, .never-issued { --accent: #ff9c93; --tint: #2f1a19; --edge: #6b3330; }
  .expired { --accent: #f0bf70; --tint: #2b2214; --edge: #5f4b26; }
}
* { box-sizing: border-box; }
body {
  max-width: 47rem; margin: 0 auto; padding: 0 1.25rem 3rem;
  background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.6 var(--sans); overflow-wrap: anywhere; text-size-adjust: 100%; -webkit-text-size-adjust: 100%;
}
h1, h2, p, dl, dd, ol, ul, pre { margin: 0; }
.top { display: flex; flex-wrap: wrap; justify-content: space-between; column-gap: 2rem; padding: 1.75rem 0 1.25rem; color: var(--soft); font-size: .9375rem; }
.top b { color: var(--ink); font-weight: 650; letter-spacing: .01em; }
.state { padding: 2.25rem 2.25rem 1.75rem; background: var(--tint); border: 1px solid var(--edge); border-radius: 1rem; }
h1 { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; color: var(--accent); font-size: 2.5rem; line-height: 1.1; font-weight: 650; letter-spacing: -.02em; }
.sign { flex: none; width: 1em; height: 1em; fill: var(--accent); }
.sign path:not(.shape) { fill: none; stroke: var(--tint); stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
.lead { margin-top: .875rem; font-size: 1.1875rem; line-height: 1.5; text-wrap: pretty; }
.label, dt, th { color: var(--soft); font-size: .9375rem; font-weight: 400; }
.who { margin-top: 1.75rem; }
.name { font: 1.875rem/1.25 var(--serif); letter-spacing: -.005em; }
.name.long { font-size: 1.25rem; line-height: 1.4; }
.name, .why, dd, td { overflow: hidden; }
.why { margin-top: 1.25rem; padding: .75rem 1.125rem; border: 1px solid var(--edge); border-radius: .5rem; }
.why blockquote { margin: 0; white-space: pre-line; }
.validity { margin-top: 2rem; }
.bar { display: block; width: 100%; height: calc(20px + 1.25rem); overflow: visible; }
.bar.tall { height: calc(20px + 2.75rem); }
.track { fill: var(--sheet); stroke: var(--accent); stroke-width: 1; }
.held { fill: var(--accent); }
.past { stroke: var(--soft); stroke-width: 2; stroke-dasharray: 2 5; }
line.now { stroke: var(--ink); stroke-width: 3; stroke-linecap: round; }
line.end { stroke: var(--accent); stroke-width: 3; stroke-linecap: round; }
text { font: 650 .8125rem var(--sans); fill: var(--ink); }
text.end { fill: var(--accent); }
.ends { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1.5rem; color: var(--soft); font-size: .9375rem; }
.ends b { color: var(--ink); font-weight: 500; white-space: nowrap; }
.over .ends { padding-inline-end: 18%; }
.checked { margin-top: 1.25rem; padding-top: 1.125rem; border-top: 1px solid var(--edge); color: var(--soft); font-size: .9375rem; }
section { margin-top: 3rem; }
h2 { font-size: 1.25rem; line-height: 1.3; font-weight: 650; letter-spacing: -.01em; }
h2 + p { margin-top: .25rem; color: var(--soft); font-size: .9375rem; }
.facts, table { width: 100%; margin-top: 1rem; border-collapse: collapse; table-layout: fixed; }
.facts > div { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 0 1.5rem; }
.facts > div, tr { border-top: 1px solid var(--line); }
.facts > div { padding: .625rem 0; }
th, td { padding: .625rem 0; text-align: start; vertical-align: top; line-height: 1.6; }
th { width: 12.5rem; padding-inline-end: 1.5rem; overflow-wrap: break-word; }
dt { line-height: 1.7; }
.none { color: var(--soft); }
.list { display: flex; flex-wrap: wrap; gap: .375rem .5rem; padding: 0; list-style: none; }
.list li { max-width: 100%; padding: 0 .5rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .375rem; font: .875rem/1.7 var(--mono); overflow: hidden; }
.exact { font: .9375rem/1.6 var(--mono); }
.exact i { font-style: normal; margin-inline-end: .4em; }
pre { margin-top: .625rem; padding: .875rem 1rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .5rem; font: .875rem/1.6 var(--mono); white-space: pre-wrap; }
code { font-family: var(--mono); font-size: .9em; }
pre code { font-size: inherit; display: block; }
pre .line { display: block; padding-inline-start: 1.5em; text-indent: -1.5em; }
.line span { display: inline-block; max-width: 100%; text-indent: 0; }
pre, .exact { user-select: all; -webkit-user-select: all; }
.pem { font-size: .75rem; }
.get { display: flex; flex-wrap: wrap; align-items: baseline; gap: .75rem 1.5rem; margin-top: 1.25rem; }
.button { display: inline-block; padding: .5625rem 1.125rem; border-radius: .5rem; background: var(--ink); color: var(--ground); font-weight: 550; text-decoration: none; }
.button:hover { text-decoration: underline; text-underline-offset: .2em; }
details { flex: 1 1 100%; }
summary { width: fit-content; color: var(--soft); cursor: pointer; }
summary:hover { color: var(--ink); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: .25rem; }
.steps { padding: 0; list-style: none; counter-reset: step; }
.steps > li { position: relative; margin-top: 1.5rem; padding-inline-start: 2.25rem; counter-increment: step; }
.steps > li::before { content: counter(step); position: absolute; inset-inline-start: 0; color: var(--soft); font-variant-numeric: tabular-nums; }
.steps p + pre { margin-top: .5rem; }
.note { margin-top: .5rem; color: var(--soft); font-size: .9375rem; }
footer { margin-top: 3.5rem; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .9375rem; text-wrap: pretty; }
a { color: inherit; text-underline-offset: .2em; }
@media (prefers-reduced-motion: no-preference) { a, summary { transition: color .15s; } }
@media (max-width: 36rem) {
  .state { margin-inline: -.5rem; padding: 1.5rem 1.25rem 1.25rem; }
  h1 { font-size: min(2rem, 12vw); column-gap: .75rem; }
  .name { font-size: 1.5rem; }
  .lead { font-size: 1.0625rem; }
  .facts > div { display: block; }
  .ends b { display: block; } .ends span + span { margin-inline-start: auto; text-align: end; }
  th { width: 40%; padding-inline-end: 1rem; }
  .steps > li { padding-inline-start: 1.5rem; }
}
@media (forced-colors: active) {
  .sign, .held { fill: CanvasText; } .sign path:not(.shape) { stroke: Canvas; }
  .track { fill: Canvas; stroke: CanvasText; } line.now, line.end, .past { stroke: CanvasText; } text, text.end { fill: CanvasText; }
  .button { border: 1px solid LinkText; }
}
@media print {
  :root { --ground: #ffffff; --sheet: #ffffff; --ink: #000000; --soft: #444444; --line: #bbbbbb; --accent: #000000; --tint: #ffffff; --edge: #000000; }
  body.active, body.revoked, body.never-issued, body.expired, body.unclear { --accent: #000000; --tint: #ffffff; --edge: #000000; }
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; font-size: 1rem; print-color-adjust: exact; }
  section { margin-top: 1.5rem; }
  h2, .steps p { break-after: avoid; } .state, .facts > div, tr, pre { break-inside: avoid; }
  .get, .checked span { display: none; }
}
`;

/** As it is sent: the hash in the Content-Security-Policy is over exactly these characters. */
export const stylesheet = css.replace(/\n\s*/g, '');
