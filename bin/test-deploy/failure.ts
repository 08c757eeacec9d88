/** A step did not do what it had to. The message is for whoever runs the test: what happened, and what was printed about it. */
export class TestFailure extends Error {
  override readonly name = 'TestFailure';
}
