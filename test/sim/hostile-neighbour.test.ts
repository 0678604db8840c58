/** A peer that shakes hands and then attacks, beside honest clients: they are served, and it is put out. */
import { Coverage } from './harness/coverage.js';
import { runScenario } from './harness/run-seed.js';
import { drawScenario, type Scenario } from './harness/scenario.js';

describe('beside a hostile peer', () => {
  test.each(['calls', 'streams'] as const)(
    'honest clients are served: %s',
    async (floor) => {
      for (const serverBufferBytes of [256 << 20, 128 << 10]) {
        const scenario: Scenario = {
          ...drawScenario(1),
          floor,
          serverBufferBytes,
          hostilePeer: { datagrams: 40, pauseMs: 5 },
        };
        const coverage = new Coverage();
        const { failure } = await runScenario(scenario, coverage);
        expect(failure).toBeUndefined();
        const total = (name: string): number => coverage.toJSON()[name]?.[1] ?? 0;
        // It comes again after each violation, and is told of each.
        expect(total('hostile/connection')).toBeGreaterThan(2);
        expect(total('hostile/told')).toBeGreaterThanOrEqual(total('hostile/connection') - 1);
      }
    },
    60_000,
  );
});
