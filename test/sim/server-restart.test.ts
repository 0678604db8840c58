import { Status } from 'nice-grpc-common';
import { RpcError } from '../../src/rpc/rpc-error.js';
import { TwoEnds } from './harness/two-ends.js';

describe('a server that is killed and started again', () => {
  test('[AMO-3] every call settles, nothing undeclared runs twice, and the client comes back by itself', async () => {
    const ends = new TwoEnds({ delayMs: 10 });
    await ends.settle(ends.client.echo({ payload: Uint8Array.of(1) }));
    // The handlers run, and their answers do not arrive before the end.
    ends.set('down', { lossRate: 1 });
    const calls = Array.from({ length: 20 }, (_, index) =>
      ends.client.add({ key: `key ${index}`, amount: 1n }, { timeoutMs: 60_000 }).then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    const slow = ends.client.echo({ payload: Uint8Array.of(2), delayMs: 5_000 }, { timeoutMs: 60_000 });
    await ends.wait(100);
    ends.crashServer();
    ends.set('down', { lossRate: 0 });
    await ends.wait(500);
    ends.startServer();
    for (const error of await ends.settle(Promise.all(calls))) {
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: true, attempts: 2 });
      // The second attempt met another server, and was not sent: the first is the one that may have run.
      const { history } = error as RpcError;
      expect(history).toMatchObject([
        { peer: '10.0.0.1:5005', maybeExecuted: true },
        { peer: undefined, maybeExecuted: false },
      ]);
      expect(history[1]?.details).toMatch(/^the server was restarted/);
    }
    expect([...ends.adds.values()]).toEqual(new Array(20).fill(1));
    // What may run twice is made again on a new connection.
    expect((await ends.settle(slow)).payload).toEqual(Uint8Array.of(2));
    expect((await ends.settle(ends.client.add({ key: 'after', amount: 1n }))).total).toBe(1n);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });

  test('answers repeated hellos of its old clients, which notice that it is another server', async () => {
    const ends = new TwoEnds({ delayMs: 10, replayRate: 1, replayDelayMs: 5_000 });
    const put = (value: bigint): Promise<{ value: bigint }> =>
      ends.client.put({ key: 'key', value }, { timeoutMs: 120_000 });
    expect((await ends.settle(put(1n))).value).toBe(1n);
    ends.crashServer();
    ends.startServer();
    await ends.wait(10_000);
    expect(ends.clientDrops('notAuthentic')).toBeGreaterThan(0);
    expect((await ends.settle(put(2n))).value).toBe(2n);
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });
});
