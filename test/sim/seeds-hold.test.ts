import { Coverage } from './harness/coverage.js';
import { runSeed } from './harness/run-seed.js';

/** A taste of `npm run sim`, so that the test command alone notices what breaks everything. */
describe('seeds', () => {
  test('every invariant holds in 60 of them', async () => {
    const failures: string[] = [];
    for (let seed = 100_000; seed < 100_060; seed++) {
      const { failure } = await runSeed(seed, new Coverage());
      if (failure !== undefined) failures.push(`npm run sim -- --seeds 1 --from ${seed}: ${failure}`);
    }
    expect(failures).toEqual([]);
  }, 60_000);
});
