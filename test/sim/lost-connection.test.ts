import { TwoEnds } from './harness/two-ends.js';

test('[AMO-3] [AMO-5] calls whose answers are lost with their connection get them on the next, and run once', async () => {
  const ends = new TwoEnds({ delayMs: 10 });
  await ends.settle(ends.client.add({ key: 'before', amount: 1n }));
  ends.set('down', { lossRate: 1 });
  const calls = Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      ends.client.add({ key: `key ${index}`, amount: 1n }, { timeoutMs: 120_000 }),
    ),
  );
  // The client takes the connection for lost after 30 s without a word.
  await ends.wait(35_000);
  ends.set('down', { lossRate: 0 });
  const totals = (await ends.settle(calls)).map(({ total }) => total);
  expect(totals).toEqual(new Array(20).fill(1n));
  expect([...ends.adds.values()]).toEqual(new Array(21).fill(1));
  expect(ends.channel.counters).toMatchObject({ calls: 21, attempts: 41, retries: 20 });
  await ends.close();
  expect(ends.clock.pendingTimers).toBe(0);
});
