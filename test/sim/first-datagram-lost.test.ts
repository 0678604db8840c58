import { TwoEnds } from './harness/two-ends.js';

const ROUND_TRIP_MS = 20;
/** RFC 9002 §6.2: without a sample three times the initial RTT of 100 ms. */
const FIRST_PTO_MS = 300;

describe('the first datagram of a connection', () => {
  test('carries a call that may run twice: one round trip to its answer', async () => {
    const ends = new TwoEnds({ delayMs: ROUND_TRIP_MS / 2 });
    const { ms } = await ends.settle(ends.timed(ends.client.echo({ payload: Uint8Array.of(1) })));
    expect(ms).toBe(ROUND_TRIP_MS);
  });

  test('lost, it costs one PTO', async () => {
    const ends = new TwoEnds({ delayMs: ROUND_TRIP_MS / 2 });
    ends.set('up', { lossRate: 1 });
    const call = ends.timed(ends.client.echo({ payload: Uint8Array.of(1) }));
    await ends.wait(1);
    expect(ends.sent).toHaveLength(1);
    ends.set('up', { lossRate: 0 });
    const { ms } = await ends.settle(call);
    expect(ms).toBeGreaterThanOrEqual(FIRST_PTO_MS);
    expect(ms).toBeLessThanOrEqual(FIRST_PTO_MS + ROUND_TRIP_MS + 5);
  });
});
