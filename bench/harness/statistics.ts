/** The value below or at which the given share (0–1) of the values lies, by nearest rank; NaN of no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export const median = (values: readonly number[]) => percentile(values, 0.5);

/** NaN of no values. */
export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** To as many digits as a measurement of this size deserves: three, and none behind the point from 100 on. */
export function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Something that took from `startedAt` to `endedAt`, on any one clock. */
export interface Span {
  readonly startedAt: number;
  readonly endedAt: number;
}

/**
 * Groups spans into stages: a span that began only when another one of the stage before had ended may have waited for it.
 * So there are as many stages as spans had to follow one another, and what stands in one stage ran side by side.
 */
export function stages<S extends Span>(spans: readonly S[]): S[][] {
  const grouped: S[][] = [];
  let firstEnd = -Infinity;
  for (const span of spans.toSorted((one, other) => one.startedAt - other.startedAt)) {
    const stage = grouped.at(-1);
    if (stage === undefined || span.startedAt >= firstEnd) {
      grouped.push([span]);
      firstEnd = span.endedAt;
    } else {
      stage.push(span);
      firstEnd = Math.min(firstEnd, span.endedAt);
    }
  }
  return grouped;
}
