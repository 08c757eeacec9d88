/** What the call throws, which must be an error of that kind; anything else is thrown on. */
export function thrownBy<Kind extends Error>(kind: abstract new (...parameters: never[]) => Kind, run: () => unknown): Kind {
  try {
    run();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`No ${kind.name} was thrown.`);
}
