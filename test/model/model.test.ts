import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { failureReport, startReport } from './report.ts';
import { openStage, violationsAtTheEnd, type Stage } from './round.ts';
import { soak } from './soak.ts';

/* A few of the programs that `npm run test:soak` runs for as long as one likes. Another seed each time; a failure says which, and how to repeat it. */

const seconds = 40;
const programs = 20;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

test('whatever clients do at once, and whatever goes wrong, they see an agent that does one thing after the other', async () => {
  const report = startReport();
  const seed = Date.now() % 1_000_000_000;
  const failure = await soak(stage, { seed, seconds, programs, repeat: 1, shrinkSeconds: 0 }, report, () => report.programRun());
  if (failure !== undefined) throw new Error(failureReport(failure), { cause: failure.error });
  expect(report.counts.programs).toBeGreaterThan(0);
  expect(report.counts.histories).toBeGreaterThan(report.counts.programs / 2);
  expect(await violationsAtTheEnd(stage)).toEqual([]);
}, (2 * seconds + 180) * 1000);
