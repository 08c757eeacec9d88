import { html, type Html } from './html.ts';

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** `1 March 2026`; of an ISO 8601 time in UTC. */
export function day(time: string): string {
  const [year = '', month = '', dayOfMonth = ''] = time.slice(0, 10).split('-');
  return `${Number(dayOfMonth)} ${months[Number(month) - 1] ?? ''} ${year}`;
}

/** `1 March 2026, 12:34:56 UTC` */
export const moment = (time: string): string => `${day(time)}, ${time.slice(11, 19)} UTC`;

/** `1 Mar 2026` */
export const shortDay = (time: string): string => day(time).replace(/[A-Z][a-z]+/, (month) => month.slice(0, 3));

export const dayElement = (time: string): Html => html`<time datetime="${time}">${day(time)}</time>`;
export const momentElement = (time: string): Html => html`<time datetime="${time}">${moment(time)}</time>`;

const units = [['day', 86_400], ['hour', 3600], ['minute', 60]] as const;

/** How long it is from one time to a later one, in its largest unit: `245 days`, `1 hour`, `less than a minute`. */
export function timeBetween(earlier: string, later: string): string {
  const seconds = (Date.parse(later) - Date.parse(earlier)) / 1000;
  for (const [unit, length] of units) {
    const count = Math.floor(seconds / length);
    if (count >= 1) return `${count}\u00a0${unit}${count === 1 ? '' : 's'}`;
  }
  return 'less than a minute';
}

/** A number as it is, none of its digits left out: `10,000.5`. */
export const decimal = (value: number, minimumFractionDigits = 0): string => value.toLocaleString('en-US', { minimumFractionDigits, maximumFractionDigits: 20 });

/** `USD 250,000`, `USD 10,000.50` */
export const usd = (value: number): string => `USD\u00a0${decimal(value, Number.isInteger(value) ? 0 : 2)}`;
