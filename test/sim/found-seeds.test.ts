/** Seeds that found something, kept: each new dimension draws from a source of its own and leaves them as they were. */
import { Coverage } from './harness/coverage.js';
import { runSeed } from './harness/run-seed.js';

describe('a seed that once failed holds', () => {
  test.each([
    [149, 'nothing due for longer than a PTO'],
    [394, 'nothing due for longer than a PTO'],
    [443, 'a path on which something passed that cannot be read from outside'],
    [516, 'in use, and no handshake'],
    [526, 'more packets read than arrived'],
    [817, 'a path on which something passed that cannot be read from outside'],
    [1534, 'a client asked while it was down, at the moment of healing: streams'],
    [1649, 'a client asked while it was down, at the moment of healing: calls'],
    [3154, 'nothing due for longer than a PTO'],
    [4726, '[REC-7] a loss time of a slow path that hid the PTO of the new one'],
    [11_548, '[REC-7] a window that begins anew once the client is known to be on another host'],
  ])(
    '%i: %s',
    async (seed) => {
      const { failure } = await runSeed(seed, new Coverage());
      expect(failure).toBeUndefined();
    },
    30_000,
  );
});
