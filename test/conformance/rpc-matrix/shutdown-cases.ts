/** What all kinds of methods share when the server shuts down, or the channel is closed, while a call runs. */
import { Status } from 'nice-grpc-common';
import { begin, type Kind, type RunningCall } from './four-kinds.js';
import { failure, Gate, until } from './waiting.js';
import { type OpenWorld, type RpcCase, type World } from './world.js';

export function shutdownCases(rpcCase: RpcCase, kind: Kind): void {
  rpcCase('shutdown lets a running call end and refuses the next', async (open) => {
    const { harness, channel, server, contexts, call, gate } = await running(open, kind);
    const shutdown = server.shutdown({ graceMs: 60_000 });
    const refused = await failure(harness, begin(channel, kind, ONE, { retry: false }));
    expect(refused).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false });
    gate.open();
    expect(await harness.settle(call.ended)).toBeUndefined();
    expect(call.responses.map((each) => [...each])).toEqual([[1]]);
    await harness.settle(shutdown);
    expect(contexts).toHaveLength(1);
  });

  rpcCase('shutdown settles though a handler does not', async (open) => {
    const { harness, server, contexts, call } = await running(open, kind);
    const shutdown = server.shutdown({ graceMs: 100 });
    expect(await failure(harness, call)).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: true });
    await harness.settle(shutdown);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
  });

  rpcCase('forceShutdown ends calls at once', async (open) => {
    const { harness, server, contexts, call } = await running(open, kind);
    server.forceShutdown();
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(await failure(harness, call)).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: true });
  });

  rpcCase('closing the channel cancels its calls', async (open) => {
    const { harness, channel, contexts, ends, call } = await running(open, kind);
    const closing = channel.close();
    expect((await failure(harness, call)).code).toBe(Status.CANCELLED);
    await harness.settle(closing);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
  });
}

/** A world with a call in it whose handler waits at the gate. */
async function running(open: OpenWorld, kind: Kind): Promise<World & { call: RunningCall; gate: Gate }> {
  const gate = new Gate();
  const world = await open({
    async *conversation(requests, { signal }) {
      await gate.pass(signal);
      yield* requests;
    },
  });
  const call = begin(world.channel, kind, ONE, { retry: false });
  await until(world.harness, 'the handler has started', () => world.contexts.length === 1);
  return { ...world, call, gate };
}

const ONE = [Uint8Array.of(1)];
