/** When something is judged, and how far the clocks of those who date things may be ahead of this one. */
export interface Moment {
  /** Since 1970-01-01T00:00:00Z, with fractions. */
  readonly epochSeconds: number;
  readonly toleranceSeconds: number;
}

const MAX_TOLERANCE_SECONDS = 300;

/** @throws TypeError for an invalid date or a tolerance outside 0–300 s */
export function momentOf(at: Date, toleranceSeconds: number): Moment {
  const epochSeconds = at.getTime() / 1000;
  if (Number.isNaN(epochSeconds)) throw new TypeError('`at` is not a valid Date.');
  if (!(toleranceSeconds >= 0 && toleranceSeconds <= MAX_TOLERANCE_SECONDS)) throw new TypeError('`clockToleranceSeconds` must be 0–300.');
  return { epochSeconds, toleranceSeconds };
}

/** Whether `begin` has come, or will within the tolerance. What ends is given none: it would live longer than it was given. */
export function hasBegun({ epochSeconds, toleranceSeconds }: Moment, begin: number): boolean {
  return begin <= epochSeconds + toleranceSeconds;
}

/** Whether the second `lastSecond`, which still belongs to the period (RFC 5280 §4.1.2.5), is over. */
export function isOver({ epochSeconds }: Moment, lastSecond: number): boolean {
  return Math.floor(epochSeconds) > lastSecond;
}

/** RFC 3339. */
export function timeText(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000);
  return Number.isNaN(date.getTime()) ? `${epochSeconds} s after 1970` : date.toISOString().replace(/\.000Z$/, 'Z');
}
