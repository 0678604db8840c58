import { Coverage } from './harness/coverage.js';
import { runSeed } from './harness/run-seed.js';

describe('seeds', () => {
  test('the same seed gives the same trace, byte for byte, and other seeds others', async () => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= 12; seed++) {
      const first = await runSeed(seed, new Coverage(), { keptTraceLines: 1e6 });
      const second = await runSeed(seed, new Coverage(), { keptTraceLines: 1e6 });
      expect(first.traceLines.length).toBeGreaterThan(10);
      expect(second.traceLines).toEqual(first.traceLines);
      expect(second.traceHash).toBe(first.traceHash);
      hashes.add(first.traceHash);
    }
    expect(hashes.size).toBe(12);
    // A second of work, on a machine that has it all; the limit is for one that has not.
  }, 60_000);
});
