/** What all kinds of methods share when a call ends before it is answered: cancelled by either side, or out of time. */
import { Status } from 'nice-grpc-common';
import { begin, type Conversation, type Kind } from './four-kinds.js';
import { failure, Gate, until } from './waiting.js';
import { type RpcCase } from './world.js';

export function endingCases(rpcCase: RpcCase, kind: Kind): void {
  rpcCase('cancelled by the client: the handler hears of it and ends', async (open) => {
    const { conversation, finished } = waiting();
    const { harness, channel, contexts, ends } = await open({ conversation });
    const controller = new AbortController();
    const call = begin(channel, kind, ONE, { signal: controller.signal });
    await until(harness, 'the handler has started', () => contexts.length === 1);
    expect(contexts[0]?.signal.aborted).toBe(false);
    controller.abort();
    expect(await failure(harness, call)).toMatchObject({
      code: Status.CANCELLED,
      name: 'AbortError',
      maybeExecuted: true,
    });
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(finished).toEqual(['AbortError']);
    expect(ends).toMatchObject([{ code: Status.CANCELLED, wasStarted: true }]);
  });

  rpcCase('cancelled before it is made: no handler starts, no request is asked for', async (open) => {
    let asked = 0;
    async function* requests(): AsyncGenerator<Uint8Array, void> {
      asked++;
      yield Uint8Array.of(1);
    }
    const { harness, channel, contexts } = await open();
    const options = { signal: AbortSignal.abort() };
    const call = begin(channel, kind, kind.streamsRequest ? requests() : ONE, options);
    expect(await failure(harness, call)).toMatchObject({ code: Status.CANCELLED, maybeExecuted: false });
    // What would come of it would be there before the answer to another call.
    expect(await harness.settle(begin(channel, kind, ONE).ended)).toBeUndefined();
    expect(contexts).toHaveLength(1);
    expect(asked).toBe(0);
  });

  rpcCase('cancelled by the server', async (open) => {
    const { harness, channel, contexts, errors } = await open({
      conversation: () => {
        throw AbortSignal.abort().reason;
      },
    });
    const error = await failure(harness, begin(channel, kind, ONE));
    expect(error).toMatchObject({ code: Status.CANCELLED, details: 'The operation was cancelled' });
    expect(contexts).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  rpcCase('the deadline ends the call at both ends', async (open) => {
    const { conversation, finished } = waiting();
    const { harness, channel, contexts, ends } = await open({ conversation });
    const before = harness.environment.clock.now();
    const call = begin(channel, kind, ONE, { timeoutMs: 300 });
    const error = await failure(harness, call);
    expect(error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, maybeExecuted: true });
    expect(harness.environment.clock.now() - before).toBeGreaterThanOrEqual(300 - ROUNDING_MS);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(finished).toEqual(['AbortError']);
  });

  // Streams may last; only what names its time ends by it.
  if (!kind.streamsRequest && !kind.streamsResponse) {
    rpcCase('the server holds a deadline of its own', async (open) => {
      const { conversation, finished } = waiting();
      const { harness, channel, contexts } = await open({ conversation, server: { maxTimeoutMs: 100 } });
      const error = await failure(harness, begin(channel, kind, ONE));
      expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
      expect(error.details).toBe("the call's time was over before the handler had answered");
      await until(harness, 'the handler has ended', () => finished.length === 1);
      expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
    });
  }

  rpcCase('streams of cancelled calls come back', async (open) => {
    const gate = new Gate();
    const { harness, channel, contexts } = await open({
      async *conversation(requests, context) {
        await gate.pass(context.signal);
        yield* requests;
      },
    });
    for (let round = 0; round < 3; round++) {
      const controller = new AbortController();
      const { signal } = controller;
      const calls = Array.from({ length: 100 }, () => begin(channel, kind, ONE, { signal }));
      const before = contexts.length;
      await until(harness, 'a handler has started', () => contexts.length > before);
      controller.abort();
      for (const call of calls) await failure(harness, call);
    }
    gate.open();
    const call = begin(channel, kind, ONE);
    expect(await harness.settle(call.ended)).toBeUndefined();
    expect(call.responses.map((each) => [...each])).toEqual([[1]]);
  });
}

/** A handler that waits until its call is over, and the names of the errors that made it end. */
function waiting(): { conversation: Conversation; finished: string[] } {
  const finished: string[] = [];
  const gate = new Gate();
  async function* conversation(
    _requests: AsyncIterable<Uint8Array>,
    { signal }: Parameters<Conversation>[1],
  ): AsyncGenerator<Uint8Array, void> {
    try {
      await gate.pass(signal);
      yield Uint8Array.of(1);
    } catch (error) {
      finished.push((error as Error).name);
      throw error;
    }
  }
  return { conversation, finished };
}

const ONE = [Uint8Array.of(1)];

/** Clocks that count in doubles, and timers that may be that much early. */
const ROUNDING_MS = 0.01;
