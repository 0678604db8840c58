/**
 * What only two streams at once can show: halves that wait for each other, halves that do not, either one ending first,
 * and a call that ends while both go on.
 */
import { ServerError, Status } from 'nice-grpc-common';
import { type ChatRequest, type ChatResponse } from '../../../generated/test/v1/test.js';
import { type DeepPartial } from '../../../src/rpc/service-definition.js';
import { endlessRequests } from './endless-requests.js';
import { failure, Gate, until } from './waiting.js';
import { type RpcCase } from './world.js';

type Requests = AsyncGenerator<DeepPartial<ChatRequest>, void>;

export function bidirectionalCases(rpcCase: RpcCase): void {
  pacingCases(rpcCase);
  halfEndCases(rpcCase);
  cancelCases(rpcCase);
}

function pacingCases(rpcCase: RpcCase): void {
  rpcCase('in lock-step: each side waits for the other', async (open) => {
    const { harness, client, contexts } = await open();
    const order: string[] = [];
    let answered = new Gate();
    async function* requests(): Requests {
      for (let round = 0; round < ROUNDS; round++) {
        order.push(`sent ${round}`);
        yield { payload: Uint8Array.of(round) };
        await answered.pass();
        answered = new Gate();
      }
    }
    const talk = async (): Promise<void> => {
      for await (const { payload } of client.chat(requests())) {
        order.push(`heard ${payload[0] ?? -1}`);
        answered.open();
      }
    };
    await harness.settle(talk());
    expect(order).toEqual(
      Array.from({ length: ROUNDS }, (_, round) => [`sent ${round}`, `heard ${round}`]).flat(),
    );
    expect(contexts).toHaveLength(1);
  });

  rpcCase('the server speaks first', async (open) => {
    const { harness, client } = await open({
      handlers: {
        async *chat(requests) {
          yield { payload: Uint8Array.of(100) };
          for await (const { payload } of requests) yield { payload };
        },
      },
    });
    const greeted = new Gate();
    async function* requests(): Requests {
      await greeted.pass();
      yield { payload: Uint8Array.of(1) };
    }
    const heard: number[] = [];
    const talk = async (): Promise<void> => {
      for await (const { payload } of client.chat(requests())) {
        heard.push(payload[0] ?? -1);
        greeted.open();
      }
    };
    await harness.settle(talk());
    expect(heard).toEqual([100, 1]);
  });

  rpcCase('the halves need not know of each other', async (open) => {
    let received = 0;
    const { harness, client } = await open({
      handlers: {
        async *chat(requests) {
          const receiving = (async () => {
            for await (const { payload } of requests) received += payload.length;
          })();
          for (let index = 0; index < 50; index++) yield { payload: Uint8Array.of(index) };
          await receiving;
        },
      },
    });
    async function* requests(): Requests {
      for (let index = 0; index < 70; index++) yield { payload: new Uint8Array(1_000) };
    }
    const heard = await harness.settle(taken(client.chat(requests())));
    expect(heard).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(received).toBe(70_000);
  });

  rpcCase('10,000 small messages each way, in order', async (open) => {
    const { harness, client } = await open();
    async function* requests(): Requests {
      for (let index = 0; index < 10_000; index++) yield { payload: Uint8Array.of(index) };
    }
    const heard = await harness.settle(taken(client.chat(requests())));
    expect(heard).toEqual(Array.from({ length: 10_000 }, (_, index) => index % 256));
  });
}

function halfEndCases(rpcCase: RpcCase): void {
  rpcCase('the request ends first: answers go on', async (open) => {
    const { harness, client } = await open({
      handlers: {
        async *chat(requests) {
          let count = 0;
          for await (const request of requests) count += request.payload.length;
          for (let index = 0; index < 5; index++) yield { payload: Uint8Array.of(count + index) };
        },
      },
    });
    async function* requests(): Requests {
      yield { payload: new Uint8Array(10) };
    }
    expect(await harness.settle(taken(client.chat(requests())))).toEqual([10, 11, 12, 13, 14]);
  });

  rpcCase('the answer ends first: the request is ended, and all is well', async (open) => {
    const { harness, client, ends } = await open({
      handlers: {
        async *chat(requests) {
          let count = 0;
          for await (const { payload } of requests) {
            yield { payload };
            if (++count === 3) return;
          }
        },
      },
    });
    const { requests, state } = endlessRequests();
    expect(await harness.settle(taken(client.chat(requests)))).toEqual([0, 1, 2]);
    await until(harness, 'the request has ended', () => state.isOver);
    expect(ends).toMatchObject([{ code: Status.OK }]);
  });

  rpcCase('a handler that reads no more may still answer', async (open) => {
    const gate = new Gate();
    const { harness, client } = await open({
      handlers: {
        async *chat(requests, { signal }) {
          for await (const { payload } of requests) {
            yield { payload };
            break;
          }
          await gate.pass(signal);
          yield { payload: Uint8Array.of(99) };
        },
      },
    });
    const { requests, state } = endlessRequests();
    const answers = taken(client.chat(requests));
    await until(harness, 'the request has ended', () => state.isOver);
    gate.open();
    expect(await harness.settle(answers)).toEqual([0, 99]);
  });
}

function cancelCases(rpcCase: RpcCase): void {
  rpcCase('leaving the loop ends both halves', async (open) => {
    let didFinish = false;
    const { harness, client, contexts, ends } = await open({
      handlers: {
        async *chat(requests) {
          try {
            for await (const { payload } of requests) yield { payload };
          } finally {
            didFinish = true;
          }
        },
      },
    });
    const { requests, state } = endlessRequests();
    const heard: number[] = [];
    const leave = async (): Promise<void> => {
      for await (const { payload } of client.chat(requests)) {
        heard.push(payload[0] ?? -1);
        if (heard.length === 5) break;
      }
    };
    await harness.settle(leave());
    expect(heard).toEqual([0, 1, 2, 3, 4]);
    await until(harness, 'the request has ended', () => state.isOver);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(didFinish).toBe(true);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(ends).toMatchObject([{ code: Status.CANCELLED }]);
  });

  rpcCase('leaving the loop while the handler waits for a request', async (open) => {
    let endedBy: unknown;
    const { harness, client, ends } = await open({
      handlers: {
        async *chat(requests) {
          try {
            for await (const { payload } of requests) yield { payload };
          } catch (error) {
            endedBy = error;
            throw error;
          }
        },
      },
    });
    async function* requests(): Requests {
      yield { payload: Uint8Array.of(1) };
      await new Gate().pass();
    }
    const leave = async (): Promise<void> => {
      for await (const { payload } of client.chat(requests())) if (payload[0] === 1) break;
    };
    await harness.settle(leave());
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(endedBy).toMatchObject({ name: 'AbortError' });
  });

  rpcCase('aborting in the middle ends both halves', async (open) => {
    const { harness, client, contexts, ends } = await open();
    const { requests, state } = endlessRequests();
    const controller = new AbortController();
    const heard: number[] = [];
    const talk = async (): Promise<void> => {
      for await (const { payload } of client.chat(requests, { signal: controller.signal })) {
        heard.push(payload[0] ?? -1);
        if (heard.length === 5) controller.abort();
      }
    };
    const error = await failure(harness, talk());
    expect(error).toMatchObject({ name: 'AbortError', code: Status.CANCELLED });
    expect(heard).toEqual([0, 1, 2, 3, 4]);
    await until(harness, 'the request has ended', () => state.isOver);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
  });

  rpcCase('a handler that throws in the middle ends both halves', async (open) => {
    const { harness, client, contexts } = await open({
      handlers: {
        async *chat(requests) {
          let count = 0;
          for await (const { payload } of requests) {
            if (++count === 4) throw new ServerError(Status.OUT_OF_RANGE, 'three are enough');
            yield { payload };
          }
        },
      },
    });
    const { requests, state } = endlessRequests();
    const heard: number[] = [];
    const error = await failure(harness, takeInto(heard, client.chat(requests)));
    expect(error).toMatchObject({ code: Status.OUT_OF_RANGE, details: 'three are enough' });
    expect(heard).toEqual([0, 1, 2]);
    await until(harness, 'the request has ended', () => state.isOver);
    expect(contexts).toHaveLength(1);
  });

  rpcCase(
    'a request that throws: the reader gets that very error, the handler is cancelled',
    async (open) => {
      const mistake = new Error('the microphone is gone');
      const { harness, client, contexts, ends } = await open();
      const answered = new Gate();
      async function* requests(): Requests {
        yield { payload: Uint8Array.of(1) };
        await answered.pass();
        throw mistake;
      }
      const talk = async (): Promise<void> => {
        for await (const { payload } of client.chat(requests())) if (payload[0] === 1) answered.open();
      };
      await expect(harness.settle(talk())).rejects.toBe(mistake);
      await until(harness, 'the call has ended at the server', () => ends.length === 1);
      expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
      expect(ends).toMatchObject([{ code: Status.CANCELLED }]);
    },
  );

  rpcCase('the deadline ends both halves', async (open) => {
    const { harness, client, contexts, ends } = await open({
      handlers: {
        // Leaves the rest unread: in worlds without real time it stands still for who never waits.
        async *chat(requests, { signal }) {
          for await (const { payload } of requests) {
            yield { payload };
            if (payload[0] === 2) await new Gate().pass(signal);
          }
        },
      },
    });
    const { requests, state } = endlessRequests();
    const error = await failure(harness, taken(client.chat(requests, { timeoutMs: 200 })));
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    await until(harness, 'the request has ended', () => state.isOver);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
  });
}

/** The first byte of each. */
async function taken(messages: AsyncIterable<ChatResponse>): Promise<number[]> {
  const all: number[] = [];
  await takeInto(all, messages);
  return all;
}

async function takeInto(all: number[], messages: AsyncIterable<ChatResponse>): Promise<void> {
  for await (const { payload } of messages) all.push(payload[0] ?? -1);
}

const ROUNDS = 20;
