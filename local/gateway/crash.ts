/** Told of everything that failed where it should not have: a handler, the authorizer, or the gateway itself. */
export type OnCrash = (functionName: string, requestId: string, cause: unknown) => void;

/** Writes it to stderr, for the operator: the client is told a request id only. */
export const writeCrash: OnCrash = (functionName, requestId, cause) => {
  process.stderr.write(`${functionName} failed (request ${requestId}): ${cause instanceof Error ? cause.stack : String(cause)}\n`);
};
