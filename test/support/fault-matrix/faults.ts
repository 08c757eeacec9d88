import { answerLost, awsError, hung, notPerformed, performedLate, s3Error, type Fault } from '../faults.ts';
import type { Invocation } from '../invocations.ts';

/** How a call can fail, and whether it does so once or as often as it is tried. */
export interface FaultKind {
  readonly title: string;
  readonly lasts: boolean;
  /** What is done on the wire, to the call of an invocation of that name. */
  readonly on: (invocation: Invocation, callName: string) => Fault;
}

const kind = (title: string, lasts: boolean, on: FaultKind['on']): FaultKind => ({ title, lasts, on });

const throttled = (callName: string): Fault => (callName.startsWith('S3') ? s3Error('SlowDown', 503) : awsError('ThrottlingException'));

export const faultKinds: readonly FaultKind[] = [
  kind('not performed, once', false, () => notPerformed),
  kind('answer lost, once', false, () => answerLost),
  kind('throttled, once', false, (_, name) => throttled(name)),
  kind('timed out, once', false, () => hung),
  kind('timed out, once, performed later', false, ({ ended }) => performedLate(() => ended)),
  kind('not performed, lasting', true, () => notPerformed),
  kind('answer lost, lasting', true, () => answerLost),
  kind('throttled, lasting', true, (_, name) => throttled(name)),
  kind('timed out, lasting, performed later', true, ({ ended }) => performedLate(() => ended)),
  kind('killed before it', false, (invocation) => ({ ...notPerformed, onStruck: invocation.kill })),
  kind('killed after it', false, (invocation) => ({ ...answerLost, onStruck: invocation.kill })),
];

export const kindNamed = (title: string): FaultKind => {
  const found = faultKinds.find((one) => one.title === title);
  if (found === undefined) throw new Error(`There is no fault ${title}.`);
  return found;
};
