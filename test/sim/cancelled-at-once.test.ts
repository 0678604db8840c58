import { TwoEnds } from './harness/two-ends.js';

describe('20,000 calls a second that are cancelled at once', () => {
  test('[RPC-9] never have more than 100 handlers running, and the next call is answered', async () => {
    const ends = new TwoEnds({ delayMs: 1 });
    await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
    for (let ms = 0; ms < 250; ms++) {
      const controller = new AbortController();
      for (let index = 0; index < 20; index++) {
        const options = { signal: controller.signal };
        ends.client.echo({ payload: Uint8Array.of(1), delayMs: 2_000 }, options).catch(() => undefined);
      }
      await ends.wait(1);
      controller.abort();
    }
    expect(ends.mostWaitingEchoes).toBe(100);
    // Handlers that do not look at their signal hold their streams until they settle.
    const { ms } = await ends.settle(ends.timed(ends.client.echo({ payload: Uint8Array.of(2) })));
    expect(ms).toBeLessThan(2_100);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });
});
