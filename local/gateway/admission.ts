/** Who is let in to the functions, so that those who are get their answers in time and the rest are told to come back at once. */
export interface Admission {
  /** Whether nobody is let in at the moment, whatever he asks for: his request need not even be read. */
  isClosed(): boolean;
  /** Lets a request in to a function: what it returns is to be called when it is answered. Undefined where it is not let in. */
  enter(functionName: string): (() => void) | undefined;
}

export interface AdmissionOptions {
  /** How many requests there may be in all functions, as Lambda has it for an account. */
  readonly concurrency: number;
  /** How many of them in those of these functions together, each of which takes longer; as Lambda has it for functions that have theirs reserved. */
  readonly slow: { readonly functionNames: readonly string[]; readonly concurrency: number };
  /** Whether requests wait too long before they are so much as seen; by default they never do. */
  readonly isBehind?: () => boolean;
}

/** Of the concurrency, where requests wait unseen: enough for whoever waits for each answer, and time for refusing the rest. */
const shareWhenBehind = 0.25;

/**
 * Bounds how many requests are worked on. There is one thread for all of it, so a request more does not make anything happen sooner:
 * it makes everything later. https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
 */
export function createAdmission({ concurrency, slow, isBehind = () => false }: AdmissionOptions): Admission {
  const slowFunctions = new Set(slow.functionNames);
  const inside = { all: 0, slow: 0 };
  const isClosed = () => inside.all >= concurrency || (inside.all >= shareWhenBehind * concurrency && isBehind());
  return {
    isClosed,
    enter(functionName) {
      const isSlow = slowFunctions.has(functionName);
      if (isClosed() || (isSlow && inside.slow >= slow.concurrency)) return undefined;
      inside.all += 1;
      if (isSlow) inside.slow += 1;
      return () => {
        inside.all -= 1;
        if (isSlow) inside.slow -= 1;
      };
    },
  };
}
