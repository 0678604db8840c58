import { TwoEnds } from './harness/two-ends.js';

describe('packets replayed long after', () => {
  test('are not read as newer ones, whose numbers theirs are completed to', async () => {
    const ends = new TwoEnds({ delayMs: 5, replayRate: 0.5, replayDelayMs: 5_000, lossRate: 0.05 });
    // Several times the 256 numbers that one byte tells apart.
    for (let round = 0; round < 30; round++) {
      const payload = new Uint8Array(60_000).fill(round);
      const { payload: echoed } = await ends.settle(ends.client.echo({ payload }));
      expect(Buffer.compare(echoed, payload)).toBe(0);
    }
    expect(ends.drops('notAuthentic')).toBeGreaterThan(0);
    expect(ends.channel.state).toBe('ready');
    await ends.close();
  });
});
