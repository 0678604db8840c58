/**
 * What only unary calls have, and what is asked of one kind for all: 64-bit integers, what a handler is told of its
 * call, and that nothing runs twice that must not.
 */
import { ServerError, Status } from 'nice-grpc-common';
import { failure } from './waiting.js';
import { type RpcCase } from './world.js';

export function unaryCases(rpcCase: RpcCase): void {
  rpcCase('the caller may use its array again at once', async (open) => {
    const { harness, client } = await open();
    const sent = new Uint8Array(1_048_576).map((_, index) => index ^ (index >> 8));
    const copy = sent.slice();
    const answer = client.echo({ payload: sent }, { timeoutMs: 120_000 });
    sent.fill(0);
    const { payload } = await harness.settle(answer);
    expect(Buffer.compare(payload, copy)).toBe(0);
  });

  rpcCase('64-bit integers are bigint', async (open) => {
    const { harness, client } = await open();
    const value = 2n ** 62n + 1n;
    expect(await harness.settle(client.put({ key: 'k', value }))).toEqual({ value });
  });

  rpcCase('more calls at once than there are streams, of an idempotent method', async (open) => {
    const { harness, client } = await open();
    const calls = Array.from({ length: 300 }, (_, index) => client.put({ key: 'k', value: index }));
    const values = (await harness.settle(Promise.all(calls))).map(({ value }) => Number(value));
    expect(values).toEqual(Array.from({ length: 300 }, (_, index) => index));
  });

  rpcCase('the handler learns peer, request ID and deadline', async (open) => {
    const { harness, client, contexts } = await open();
    await harness.settle(client.echo({}, { timeoutMs: 5_000 }));
    await harness.settle(client.echo({}));
    const [first, second] = contexts;
    expect(first?.peer).toMatch(/^.+:\d+$/);
    expect(first?.requestId).toMatch(/^[0-9a-f]{32}-\d+$/);
    expect(second?.requestId).not.toBe(first?.requestId);
    const leftMs = (first?.deadline?.getTime() ?? 0) - harness.environment.wallTime();
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(5_001);
  });

  rpcCase('a method of undeclared idempotency runs once for each call', async (open) => {
    const { harness, client, ends } = await open();
    const totals = await harness.settle(
      Promise.all(Array.from({ length: 20 }, () => client.add({ key: 'k', amount: 1n }))),
    );
    expect(totals.map(({ total }) => Number(total)).sort((left, right) => left - right)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    expect(ends.filter(({ wasStarted }) => wasStarted)).toHaveLength(20);
  });

  rpcCase('one that failed after it may have run is not run again', async (open) => {
    const { harness, client, ends } = await open({
      handlers: { add: () => Promise.reject(new ServerError(Status.UNAVAILABLE, 'half done')) },
    });
    const error = await failure(harness, client.add({}));
    expect(error).toMatchObject({ code: Status.UNAVAILABLE, attempts: 1, maybeExecuted: true });
    expect(ends).toHaveLength(1);
  });
}
