/**
 * Which of the messages a function reports as failed, by their ids. Null or empty answers and lists report none; an identifier that is empty,
 * missing or not of this batch reports all.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#sqs-batchfailurereporting-conditions
 */
export function reportedFailures(messageIds: readonly string[], result: unknown): ReadonlySet<string> {
  const all = new Set(messageIds);
  const failures = (result as { batchItemFailures?: unknown } | null | undefined)?.batchItemFailures ?? [];
  if (!Array.isArray(failures)) return all;
  const reported = failures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier);
  return reported.every((identifier): identifier is string => typeof identifier === 'string' && all.has(identifier)) ? new Set(reported) : all;
}
