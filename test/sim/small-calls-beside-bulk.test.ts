import { type LinkConditions } from '../../src/sim/link.js';
import { TwoEnds } from './harness/two-ends.js';

async function latencies(conditions: Partial<LinkConditions>, bulkCount: number): Promise<number[]> {
  const ends = new TwoEnds({
    delayMs: 10,
    bytesPerMs: 1_250,
    queueBytes: 25_000,
    headerBytes: 28,
    ...conditions,
  });
  await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
  let isDone = false;
  const bulk = Array.from({ length: bulkCount }, async () => {
    while (!isDone) await ends.client.echo({ payload: new Uint8Array(1 << 20) });
  });
  await ends.wait(2_000);
  const ms: number[] = [];
  for (let i = 0; i < 60; i++) {
    ms.push((await ends.settle(ends.timed(ends.client.echo({ payload: new Uint8Array(100) })))).ms);
    await ends.wait(37);
    ends.sent.length = 0;
  }
  isDone = true;
  await ends.settle(Promise.allSettled(bulk));
  await ends.close();
  return ms.sort((a, b) => a - b);
}

/** There and back, and a datagram. */
const UNLOADED_MS = 2 * 10 + 1;
/** What waits before each link when its queue is full. */
const QUEUE_MS = 25_000 / 1_250;

describe('small calls beside ten bulk calls in one connection', () => {
  test('take no longer than a datagram takes through the queues that bulk fills', async () => {
    const alone = await latencies({}, 0);
    expect(alone.at(-1)).toBeLessThan(UNLOADED_MS);
    const loaded = await latencies({}, 10);
    // Both directions carry bulk; one datagram of it may be under way before, in each.
    expect(loaded.at(-1)).toBeLessThan(UNLOADED_MS + 2 * QUEUE_MS + 2);
    expect(loaded[loaded.length / 2]).toBeLessThan(UNLOADED_MS + QUEUE_MS + 2);
  }, 60_000);

  test('do not wait for the repair of bulk that was lost', async () => {
    const lossy = await latencies({ lossRate: 0.01 }, 10);
    expect(lossy[Math.floor(lossy.length * 0.9)]).toBeLessThan(UNLOADED_MS + 2 * QUEUE_MS + 2);
    // One of them was lost itself: its own repair takes another round trip or two.
    expect(lossy.at(-1)).toBeLessThan(3 * (UNLOADED_MS + 2 * QUEUE_MS));
  }, 60_000);
});

test('256 calls at once take as many round trips as the server may run hundreds', async () => {
  const ends = new TwoEnds({ delayMs: 10 });
  await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
  const calls = Array.from({ length: 256 }, () => ends.client.echo({ payload: new Uint8Array(100) }));
  const { ms } = await ends.settle(ends.timed(Promise.all(calls)));
  // [STR-7] 100, 100 and 56: the credit for the next hundred comes back with the answers.
  expect(ms).toBeLessThan(3 * 20 + 10);
  await ends.close();
});
