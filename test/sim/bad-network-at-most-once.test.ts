import { TwoEnds } from './harness/two-ends.js';

const BAD = {
  delayMs: 10,
  lossRate: 0.1,
  duplicationRate: 0.05,
  reorderRate: 0.05,
  reorderBy: 3,
  corruptionRate: 0.01,
};

describe('10 % loss, 5 % duplication, 5 % reordering, 1 % silent corruption, each way', () => {
  test('undeclared calls all succeed and start their handler exactly once', async () => {
    const ends = new TwoEnds(BAD);
    // A few at a time: all at once they would share so few datagrams that little could befall them.
    for (let round = 0; round < 100; round++) {
      const calls = [1, 2, 3].map((index) => ends.client.add({ key: `key ${round} ${index}`, amount: 7n }));
      for (const { total } of await ends.settle(Promise.all(calls))) expect(total).toBe(7n);
    }
    expect(ends.adds.size).toBe(300);
    expect([...ends.adds.values()].every((count) => count === 1)).toBe(true);
    expect(ends.drops('notAuthentic')).toBeGreaterThan(0);
    expect(ends.drops('duplicate')).toBeGreaterThan(0);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('a megabyte arrives identical, there and back', async () => {
    const ends = new TwoEnds(BAD);
    const payload = Uint8Array.from({ length: 1 << 20 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
    const echoed = await ends.settle(ends.client.echo({ payload }));
    expect(Buffer.compare(echoed.payload, payload)).toBe(0);
    expect(ends.drops('notAuthentic')).toBeGreaterThan(0);
    await ends.close();
  });
});
