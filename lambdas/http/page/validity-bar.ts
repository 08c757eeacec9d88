import type { verificationResource } from '../resources.ts';
import { html, type Html } from './html.ts';
import { day, shortDay, timeBetween } from './words.ts';

export type Verification = ReturnType<typeof verificationResource>;

// Once it is over, its time takes this much of the bar; now is at the far end, however far away that is.
const widthOfPast = 82;

/** Whether the certificate's time is over, revoked or not. */
export const isOver = ({ expires_at }: Verification, now: string): boolean => Date.parse(now) >= Date.parse(expires_at);

/** The certificate's time as a bar with now on it. */
export function validityBar(verification: Verification, now: string): Html {
  const { issued_at: issuedAt, expires_at: expiresAt, revoked_at: revokedAt } = verification;
  const over = isOver(verification, now);
  const width = over ? widthOfPast : 100;
  const position = (time: string) => width * share(issuedAt, expiresAt, time);
  return html`<div class="validity${over ? ' over' : ''}">
<svg class="bar${revokedAt === null ? '' : ' tall'}" role="img" aria-label="${inWords(verification, now)}">
<svg y="${revokedAt === null ? '0' : '1.5rem'}" overflow="visible">
<rect class="track" x="0" y="6" width="${width}%" height="8" rx="4"/>
${over ? html`<line class="past" x1="${width}%" x2="100%" y1="10" y2="10"/>` : undefined}
<rect class="held" x="0" y="6" width="${percent(position(revokedAt ?? now))}" height="8" rx="4"/>
${revokedAt === null ? undefined : mark('end', position(revokedAt), html`y="1" dy="-.5em"`, 'Revoked')}
${mark('now', over ? 100 : position(now), html`y="19" dy="1.25em"`, 'Now')}
</svg></svg>
<p class="ends">${end('Issued', issuedAt)} ${end(over ? 'Ended' : 'Ends', expiresAt)}</p>
</div>`;
}

/** The bar for those who do not see it. */
function inWords(verification: Verification, now: string): string {
  const { issued_at: issuedAt, expires_at: expiresAt, revoked_at: revokedAt } = verification;
  const over = isOver(verification, now);
  const elapsed = Math.round(100 * share(issuedAt, expiresAt, now));
  return [
    `Issued ${day(issuedAt)}, ${over ? 'ended' : 'ends'} ${day(expiresAt)}.`,
    revokedAt === null ? '' : ` Revoked ${day(revokedAt)}.`,
    over ? ` Now is ${timeBetween(expiresAt, now)} after its end.` : ` Now is ${elapsed} percent of the way, ${timeBetween(now, expiresAt)} before its end.`,
  ].join('');
}

const end = (word: string, time: string) => html`<span>${word} <b><time datetime="${time}">${shortDay(time)}</time></b></span>`;

/** A mark with its word, above it or below; the word stays inside the bar at either end. */
function mark(name: 'now' | 'end', at: number, height: Html, word: string): Html {
  const anchor = at < 12 ? 'start' : at > 88 ? 'end' : 'middle';
  return html`<line class="${name}" x1="${percent(at)}" x2="${percent(at)}" y1="1" y2="19"/><text class="${name}" x="${percent(at)}" ${height} text-anchor="${anchor}">${word}</text>`;
}

const percent = (value: number) => `${Math.round(value * 100) / 100}%`;

/** How much of the time from `start` to `end` is over at `time`: 0 to 1. */
function share(start: string, end: string, time: string): number {
  const [from, to, at] = [Date.parse(start), Date.parse(end), Date.parse(time)];
  return Math.min(1, Math.max(0, (at - from) / (to - from)));
}
