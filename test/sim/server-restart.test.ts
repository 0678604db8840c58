import { RpcError } from '../../src/rpc/rpc-error.js';
import { TwoEnds } from './harness/two-ends.js';

describe('a server that is killed and started again', () => {
  test('every call settles, nothing undeclared runs twice, and the client comes back by itself', async () => {
    const ends = new TwoEnds({ delayMs: 10 });
    await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
    const calls = Array.from({ length: 20 }, (_, index) =>
      ends.client.add({ key: `key ${index}`, amount: 1n }, { timeoutMs: 60_000 }).then(
        () => 'OK',
        (error: unknown) => {
          expect(error).toBeInstanceOf(RpcError);
          return 'failed';
        },
      ),
    );
    const slow = ends.client.echo({ payload: Uint8Array.of(2), delayMs: 5_000 }, { timeoutMs: 60_000 });
    await ends.wait(12);
    ends.crashServer();
    await ends.wait(500);
    ends.startServer();
    await ends.settle(Promise.all(calls));
    expect([...ends.adds.values()].every((count) => count === 1)).toBe(true);
    // What may run twice is made again on a new connection.
    expect((await ends.settle(slow)).payload).toEqual(Uint8Array.of(2));
    expect((await ends.settle(ends.client.add({ key: 'after', amount: 1n }))).total).toBe(1n);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('its packets from before the crash, replayed, do not reach the client’s new connection', async () => {
    const ends = new TwoEnds({ delayMs: 10, replayRate: 1, replayDelayMs: 20_000 });
    for (let round = 0; round < 6; round++) {
      const calls = Array.from({ length: 10 }, (_, index) =>
        ends.client.put({ key: 'key', value: BigInt(round * 10 + index) }, { timeoutMs: 120_000 }),
      );
      const values = (await ends.settle(Promise.all(calls))).map(({ value }) => value);
      expect(values).toEqual(Array.from({ length: 10 }, (_, index) => BigInt(round * 10 + index)));
      ends.crashServer();
      ends.startServer();
    }
    await ends.close();
  });
});
