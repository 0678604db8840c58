/**
 * What only a stream of requests can show: that the caller's iterable is asked for no more than the server takes, and
 * that, however the call ends, the iterable ends with it.
 */
import { ServerError, Status } from 'nice-grpc-common';
import { type UploadRequest } from '../../../generated/test/v1/test.js';
import { type DeepPartial } from '../../../src/rpc/service-definition.js';
import { endlessRequests } from './endless-requests.js';
import { failure, Gate, steadyValueOf, until } from './waiting.js';
import { type Context, type RpcCase } from './world.js';

type Requests = AsyncGenerator<DeepPartial<UploadRequest>, void>;

export function clientStreamingCases(rpcCase: RpcCase): void {
  sendingCases(rpcCase);
  earlyAnswerCases(rpcCase);
  failingRequestCases(rpcCase);
  endlessRequestCases(rpcCase);
}

function sendingCases(rpcCase: RpcCase): void {
  rpcCase('10,000 small messages in order', async (open) => {
    const seen: number[] = [];
    const { harness, client, contexts } = await open({
      handlers: {
        async upload(requests) {
          for await (const { payload } of requests) {
            const [high = 0, low = 0] = payload;
            seen.push(high * 256 + low);
          }
          return { count: seen.length };
        },
      },
    });
    const numbers = Array.from({ length: 10_000 }, (_, index) => index);
    async function* requests(): Requests {
      for (const index of numbers) yield { payload: Uint8Array.of(index >> 8, index) };
    }
    expect(await harness.settle(client.upload(requests()))).toEqual({ count: 10_000, size: 0n });
    expect(seen).toEqual(numbers);
    expect(contexts).toHaveLength(1);
  });

  rpcCase('messages arrive while the request goes on', async (open) => {
    const received: number[] = [];
    const { harness, client } = await open({
      handlers: {
        async upload(requests) {
          for await (const { payload } of requests) received.push(payload.length);
          return { count: received.length };
        },
      },
    });
    const gate = new Gate();
    async function* requests(): Requests {
      yield { payload: new Uint8Array(1) };
      await gate.pass();
      yield { payload: new Uint8Array(2) };
    }
    const answer = client.upload(requests());
    await until(harness, 'the first message has come', () => received.length === 1);
    gate.open();
    expect(await harness.settle(answer)).toMatchObject({ count: 2 });
    expect(received).toEqual([1, 2]);
  });

  rpcCase('a request is asked for only as the handler takes', async (open) => {
    const gate = new Gate();
    const { harness, client } = await open({
      handlers: {
        async upload(requests, { signal }) {
          let count = 0;
          await gate.pass(signal);
          for await (const request of requests) count += request.payload.length === 0 ? 0 : 1;
          return { count };
        },
      },
    });
    let produced = 0;
    let isEnough = false;
    async function* requests(): Requests {
      while (!isEnough) {
        produced++;
        yield { payload: new Uint8Array(MESSAGE_BYTES) };
      }
    }
    const answer = client.upload(requests(), { timeoutMs: Infinity });
    await until(harness, 'the request has begun', () => produced > 0);
    const ahead = await steadyValueOf(harness, () => produced);
    expect(ahead * MESSAGE_BYTES).toBeLessThan(MAX_BYTES_AHEAD);
    isEnough = true;
    gate.open();
    expect(await harness.settle(answer)).toMatchObject({ count: ahead });
  });
}

function earlyAnswerCases(rpcCase: RpcCase): void {
  rpcCase('the server answers without reading: the request is ended', async (open) => {
    const { harness, client, ends } = await open({
      handlers: { upload: async () => ({ count: 7 }) },
    });
    const { requests, state } = endlessRequests();
    expect(await harness.settle(client.upload(requests))).toMatchObject({ count: 7 });
    await until(harness, 'the request has ended', () => state.isOver);
    expect(ends).toMatchObject([{ code: Status.OK }]);
  });

  rpcCase('the server answers after 3 messages: the request is ended', async (open) => {
    const { harness, client, ends } = await open({
      handlers: {
        async upload(requests) {
          let count = 0;
          for await (const request of requests) {
            if (request.payload.length > 0 && ++count === 3) break;
          }
          return { count };
        },
      },
    });
    const { requests, state } = endlessRequests();
    expect(await harness.settle(client.upload(requests))).toMatchObject({ count: 3 });
    await until(harness, 'the request has ended', () => state.isOver);
    expect(ends).toMatchObject([{ code: Status.OK }]);
  });

  rpcCase('a handler that reads no more ends the request before it answers', async (open) => {
    const gate = new Gate();
    const { harness, client } = await open({
      handlers: {
        async upload(requests, { signal }) {
          for await (const request of requests) {
            if (request.payload.length > 0) break;
          }
          await gate.pass(signal);
          return { count: 1 };
        },
      },
    });
    const { requests, state } = endlessRequests();
    const answer = client.upload(requests);
    await until(harness, 'the request has ended', () => state.isOver);
    gate.open();
    expect(await harness.settle(answer)).toMatchObject({ count: 1 });
  });

  rpcCase('the server fails after 3 messages: the request is ended', async (open) => {
    const { harness, client, contexts } = await open({
      handlers: {
        async upload(requests) {
          let count = 0;
          for await (const request of requests) {
            if (request.payload.length > 0 && ++count === 3) {
              throw new ServerError(Status.INVALID_ARGUMENT, 'the third is no picture');
            }
          }
          return { count };
        },
      },
    });
    const { requests, state } = endlessRequests();
    const error = await failure(harness, client.upload(requests));
    expect(error).toMatchObject({ code: Status.INVALID_ARGUMENT, details: 'the third is no picture' });
    await until(harness, 'the request has ended', () => state.isOver);
    expect(contexts).toHaveLength(1);
  });
}

function failingRequestCases(rpcCase: RpcCase): void {
  rpcCase(
    'a request that throws: the caller gets that very error, the handler is cancelled',
    async (open) => {
      const mistake = new Error('the camera is gone');
      const received = new Gate();
      let endedBy: unknown;
      const { harness, client, contexts, ends } = await open({
        handlers: {
          async upload(requests) {
            let count = 0;
            try {
              for await (const request of requests) {
                count += request.payload.length;
                received.open();
              }
            } catch (error) {
              endedBy = error;
              throw error;
            }
            return { count };
          },
        },
      });
      async function* requests(): Requests {
        yield { payload: Uint8Array.of(1) };
        await received.pass();
        throw mistake;
      }
      await expect(harness.settle(client.upload(requests()))).rejects.toBe(mistake);
      await until(harness, 'the call has ended at the server', () => ends.length === 1);
      expect(endedBy).toMatchObject({ name: 'AbortError' });
      expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
      expect(ends).toMatchObject([{ code: Status.CANCELLED, wasStarted: true }]);
    },
  );

  rpcCase('a request that throws at once', async (open) => {
    const mistake = new Error('no camera');
    const { harness, client } = await open();
    async function* requests(): Requests {
      throw mistake;
    }
    await expect(harness.settle(client.upload(requests()))).rejects.toBe(mistake);
    expect(await harness.settle(client.echo({}))).toEqual({ payload: new Uint8Array() });
  });

  rpcCase('a request that cannot be encoded ends the call and the request', async (open) => {
    const { harness, client } = await open();
    let isOver = false;
    async function* requests(): Requests {
      try {
        yield { payload: Uint8Array.of(1) };
        yield { payload: 'no bytes' as never };
        yield { payload: Uint8Array.of(3) };
      } finally {
        isOver = true;
      }
    }
    expect(await failure(harness, client.upload(requests()))).toMatchObject({ code: Status.INTERNAL });
    await until(harness, 'the request has ended', () => isOver);
  });
}

function endlessRequestCases(rpcCase: RpcCase): void {
  rpcCase('a request without end does not outlive the deadline', async (open) => {
    const { harness, client, ends } = await open({ handlers: { upload: takingThree().upload } });
    const { requests, state } = endlessRequests();
    const error = await failure(harness, client.upload(requests, { timeoutMs: 200 }));
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    await until(harness, 'the request has ended', () => state.isOver);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
  });

  rpcCase('a request without end does not outlive an abort', async (open) => {
    const { upload, taken } = takingThree();
    const { harness, client, ends } = await open({ handlers: { upload } });
    const controller = new AbortController();
    const { requests, state } = endlessRequests();
    const answer = client.upload(requests, { signal: controller.signal });
    await until(harness, 'some of it has come', () => taken.length === 3);
    expect(state.isOver).toBe(false);
    controller.abort();
    expect(await failure(harness, answer)).toMatchObject({ code: Status.CANCELLED, name: 'AbortError' });
    await until(harness, 'the request has ended', () => state.isOver);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(ends).toMatchObject([{ code: Status.CANCELLED }]);
  });

  rpcCase('a request that waits for something does not keep the call', async (open) => {
    const { harness, client, contexts } = await open();
    const controller = new AbortController();
    async function* requests(): Requests {
      yield { payload: Uint8Array.of(1) };
      await new Gate().pass();
    }
    const answer = client.upload(requests(), { signal: controller.signal });
    await until(harness, 'the handler has started', () => contexts.length === 1);
    controller.abort();
    expect(await failure(harness, answer)).toMatchObject({ code: Status.CANCELLED });
    await until(harness, 'the handler is aborted', () => contexts[0]?.signal.aborted === true);
  });
}

/** A handler that leaves the rest of the request unread until the call is over: time stands still for who never waits. */
function takingThree() {
  const taken: number[] = [];
  async function upload(requests: AsyncIterable<UploadRequest>, { signal }: Context): Promise<object> {
    for await (const { payload } of requests) {
      taken.push(payload.length);
      if (taken.length === 3) await new Gate().pass(signal);
    }
    return {};
  }
  return { upload, taken };
}

const MESSAGE_BYTES = 65_536;

/** What both windows, of a stream that is not read, and both buffers can hold, with a margin. */
const MAX_BYTES_AHEAD = 33_554_432;
