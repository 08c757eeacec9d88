import type { Ramp } from './ramp.ts';
import type { Step } from './step.ts';

/* Latency by offered rate, a panel for each route, as an SVG that is read on light and on dark ground. */

const panel = { width: 340, height: 210, left: 52, right: 16, top: 34, bottom: 44 };
const columns = 2;
const head = 30;

const curves = [
  { name: 'p50', of: (step: Step) => step.p50Milliseconds },
  { name: 'p99', of: (step: Step) => step.p99Milliseconds },
  { name: 'p999', of: (step: Step) => step.p999Milliseconds },
] as const;

const style = `
  text { font: 11px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 12px } .tick { fill: #57606a; font-size: 10px }
  .ground { fill: #ffffff } .grid { stroke: #d0d7de; stroke-width: .6 } .axis { stroke: #57606a; stroke-width: 1 } .knee { stroke: #57606a; stroke-width: 1.2; stroke-dasharray: 4 3 }
  .curve { fill: none; stroke-width: 1.8 } .p50 { stroke: #1a7f37 } .p99 { stroke: #0969da } .p999 { stroke: #bc4c00 }
  circle.p50 { fill: #1a7f37 } circle.p99 { fill: #0969da } circle.p999 { fill: #bc4c00 } circle.over { fill: var(--hollow) }
  svg { --hollow: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .tick { fill: #9198a1 } .ground { fill: #0d1117 } .grid { stroke: #30363d } .axis, .knee { stroke: #9198a1 } svg { --hollow: #0d1117 }
    .p50 { stroke: #3fb950 } .p99 { stroke: #58a6ff } .p999 { stroke: #f0883e } circle.p50 { fill: #3fb950 } circle.p99 { fill: #58a6ff } circle.p999 { fill: #f0883e } circle.over { fill: var(--hollow) }
  }`;

/** The picture, in SVG. */
export function plot(ramps: readonly Ramp[]): string {
  const [width, height] = [columns * panel.width, head + Math.ceil(ramps.length / columns) * panel.height];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Latency by offered rate">`,
    `<style>${style}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...curves.map(({ name }, index) => legend(name, panel.left + index * 70)),
    `<line class="knee" x1="${panel.left + 222}" x2="${panel.left + 244}" y1="15" y2="15"/><text x="${panel.left + 250}" y="19">knee</text>`,
    `<circle class="curve p99 over" cx="${panel.left + 306}" cy="15" r="3"/><text x="${panel.left + 316}" y="19">more than is borne (of what is let in)</text>`,
    ...ramps.map((ramp, index) => `<g transform="translate(${(index % columns) * panel.width} ${head + Math.floor(index / columns) * panel.height})">\n${panelOf(ramp)}\n</g>`),
    '</svg>\n',
  ].join('\n');
}

function legend(name: string, x: number): string {
  return `<line class="curve ${name}" x1="${x}" x2="${x + 22}" y1="15" y2="15"/><text x="${x + 27}" y="19">${name === 'p999' ? 'p99.9' : name}</text>`;
}

function panelOf({ target, steps, knee }: Ramp): string {
  const latencies = steps.flatMap((step) => curves.map(({ of }) => of(step))).filter(Number.isFinite);
  const [least, most] = [decade(Math.min(...latencies), Math.floor), decade(Math.max(...latencies), Math.ceil)];
  const mostPerSecond = Math.max(...steps.map(({ offeredPerSecond }) => offeredPerSecond)) * 1.04;
  const [right, bottom] = [panel.width - panel.right, panel.height - panel.bottom];
  const x = (perSecond: number) => rounded(panel.left + (perSecond / mostPerSecond) * (right - panel.left));
  const y = (milliseconds: number) => rounded(bottom - ((Math.log10(milliseconds) - Math.log10(least)) / (Math.log10(most) - Math.log10(least))) * (bottom - panel.top));

  const parts = [`<text class="title" x="${panel.left}" y="${panel.top - 12}">${target.request.replaceAll('&', '&amp;')}</text>`];
  for (let tick = least; tick <= most; tick *= 10) {
    parts.push(`<line class="grid" x1="${panel.left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${panel.left - 6}" y="${y(tick) + 3.5}" text-anchor="end">${tick}</text>`);
  }
  for (const tick of ticks(mostPerSecond)) parts.push(`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${panel.top}" y2="${bottom}"/><text class="tick" x="${x(tick)}" y="${bottom + 14}" text-anchor="middle">${tick}</text>`);
  parts.push(
    `<path class="axis" fill="none" d="M${panel.left} ${panel.top}V${bottom}H${right}"/>`,
    `<text x="${(panel.left + right) / 2}" y="${bottom + 32}" text-anchor="middle">offered, requests a second</text>`,
    `<text transform="translate(14 ${(panel.top + bottom) / 2}) rotate(-90)" text-anchor="middle">latency, ms</text>`,
  );
  if (knee !== undefined) {
    const at = x(knee.offeredPerSecond);
    parts.push(`<line class="knee" x1="${at}" x2="${at}" y1="${panel.top}" y2="${bottom}"/><text class="tick" x="${at - 4}" y="${panel.top + 10}" text-anchor="end">${knee.offeredPerSecond}/s</text>`);
  }
  for (const { name, of } of curves) {
    const points = steps.filter((step) => Number.isFinite(of(step)));
    parts.push(`<polyline class="curve ${name}" points="${points.map((step) => `${x(step.offeredPerSecond)},${y(of(step))}`).join(' ')}"/>`);
    for (const step of points) parts.push(`<circle class="${name}${step.isBorne ? '' : ' curve over'}" cx="${x(step.offeredPerSecond)}" cy="${y(of(step))}" r="2.4"/>`);
  }
  return parts.join('\n');
}

/** The power of ten at or beyond a value. */
function decade(value: number, round: (exponent: number) => number): number {
  return 10 ** round(Math.log10(value));
}

/** Some four to six round numbers up to `most`. */
function ticks(most: number): number[] {
  const unit = 10 ** Math.floor(Math.log10(most));
  const distance = [0.2, 0.5, 1, 2].map((factor) => factor * unit).find((candidate) => most / candidate <= 6) ?? unit;
  return Array.from({ length: Math.floor(most / distance) + 1 }, (_, index) => rounded(index * distance));
}

const rounded = (value: number) => Math.round(value * 10) / 10;
