/** The end of all faults is a moment, and a host that is down at that moment is up before anything is asked of it. */
import { runScenario } from './harness/run-seed.js';
import { drawScenario, type Scenario } from './harness/scenario.js';

describe('healing', () => {
  test.each([0, -1])('a host %i that would be down for longer starts again first', async (host) => {
    for (const floor of ['calls', 'streams'] as const) {
      const calm = drawScenario(1);
      const crash = { host, atMs: calm.healAfterMs - 1, downMs: 5_000 };
      // One event in each turn: between any two of the moment's events somebody could look.
      const scenario: Scenario = { ...calm, floor, crashes: [crash], eventsPerTurn: 1 };
      const { failure, traceLines } = await runScenario(scenario, undefined, 1e6);
      expect(failure).toBeUndefined();
      const healed = traceLines.findIndex((line) => line.endsWith(' healed'));
      const restarted = traceLines.findIndex((line) => line.includes(' restart '));
      expect(restarted).toBeGreaterThan(0);
      expect(restarted).toBeLessThan(healed);
    }
  });
});
