/** Something is not as it must be. The message is a sentence for whoever runs the demo. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

/** Throws a DemoFailure with the sentence unless the condition holds. */
export function insist(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new DemoFailure(otherwise);
}
