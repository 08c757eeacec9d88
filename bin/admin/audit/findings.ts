/** Something that does not hold. */
export interface Finding {
  /** Such as `link 7`, `head`, `entry <id>`, or an object's name. */
  readonly where: string;
  /** A sentence without its full stop. */
  readonly problem: string;
}

/** What was found about one tenant's audit trail. */
export interface Findings {
  add(where: string, problem: string): void;
  /** The first of them: a trail that was wiped out would have millions. */
  readonly shown: readonly Finding[];
  readonly count: number;
}

const mostShown = 100;

export function startFindings(): Findings {
  const shown: Finding[] = [];
  let count = 0;
  return {
    add(where, problem) {
      count += 1;
      if (shown.length < mostShown) shown.push({ where, problem });
    },
    shown,
    get count() {
      return count;
    },
  };
}
