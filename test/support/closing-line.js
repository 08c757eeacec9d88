import process from 'node:process';

/** A Jest reporter that ends the run with its totals on a line of their own, for whoever reads only that. */
export default class ClosingLine {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites }) {
    // Jest's own summary is still to come.
    process.once('exit', () => {
      process.stdout.write(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed, ${numPendingTests} skipped\n`);
    });
  }
}
