import { TwoEnds } from './harness/two-ends.js';

describe('damaged datagrams', () => {
  test.each(['corruptionRate', 'truncationRate', 'extensionRate', 'splicingRate'] as const)(
    'with a %s of 30 % bytes arrive identical and what was damaged is dropped and counted',
    async (rate) => {
      const ends = new TwoEnds({ delayMs: 5, [rate]: 0.3 });
      for (let round = 0; round < 20; round++) {
        const payload = new Uint8Array(10_000).fill(round);
        const { payload: echoed } = await ends.settle(ends.client.echo({ payload }, { timeoutMs: 60_000 }));
        expect(Buffer.compare(echoed, payload)).toBe(0);
      }
      expect(ends.drops('notAuthentic') + ends.drops('malformedHeader')).toBeGreaterThan(20);
      await ends.close();
      expect(ends.clock.pendingTimers).toBe(0);
    },
  );
});
