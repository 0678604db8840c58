/**
 * What only a stream of responses can show: that a call begins when its caller begins to read, that a handler runs no
 * further ahead than its reader allows, and what becomes of it when the reader leaves.
 */
import { ServerError, Status } from 'nice-grpc-common';
import { type DownloadResponse } from '../../../generated/test/v1/test.js';
import { failure, Gate, steadyValueOf, until } from './waiting.js';
import { type RpcCase } from './world.js';

export function serverStreamingCases(rpcCase: RpcCase): void {
  readingCases(rpcCase);
  creditCases(rpcCase);
  leavingCases(rpcCase);
}

function readingCases(rpcCase: RpcCase): void {
  rpcCase('the call begins when its caller begins to read', async (open) => {
    const { harness, client, contexts } = await open();
    const unread = client.download({ count: 1, size: 1 });
    const read = client.download({ count: 1, size: 1 });
    expect(await harness.settle(taken(read))).toHaveLength(1);
    expect(contexts).toHaveLength(1);
    expect(await harness.settle(taken(unread))).toHaveLength(1);
    expect(contexts).toHaveLength(2);
  });

  rpcCase('one that is left before it is read never begins', async (open) => {
    const { harness, client, contexts } = await open();
    const iterator = client.download({ count: 1 })[Symbol.asyncIterator]();
    await harness.settle(Promise.resolve(iterator.return?.()));
    expect(await harness.settle(iterator.next())).toMatchObject({ done: true });
    expect(await harness.settle(taken(client.download({ count: 1 })))).toHaveLength(1);
    expect(contexts).toHaveLength(1);
  });

  rpcCase('10,000 small messages in order', async (open) => {
    const { harness, client, contexts } = await open({
      handlers: {
        async *download({ count }) {
          for (let index = 0; index < count; index++) yield { payload: Uint8Array.of(index >> 8, index) };
        },
      },
    });
    const messages = await harness.settle(taken(client.download({ count: 10_000 })));
    expect(messages.map(({ payload: [high = 0, low = 0] }) => high * 256 + low)).toEqual(
      Array.from({ length: 10_000 }, (_, index) => index),
    );
    expect(contexts).toHaveLength(1);
  });

  rpcCase('a handler that throws after 3 messages: the caller gets the 3, then the error', async (open) => {
    const { harness, client, contexts } = await open({
      handlers: {
        async *download(_request, { trailer }) {
          for (let index = 0; index < 3; index++) yield { payload: Uint8Array.of(index) };
          trailer.set('after', '3');
          throw new ServerError(Status.DATA_LOSS, 'the fourth is gone');
        },
      },
    });
    const messages: DownloadResponse[] = [];
    const error = await failure(harness, takeInto(messages, client.download({})));
    expect(messages.map(({ payload }) => [...payload])).toEqual([[0], [1], [2]]);
    expect(error).toMatchObject({
      code: Status.DATA_LOSS,
      details: 'the fourth is gone',
      maybeExecuted: true,
    });
    expect(error.metadata.get('after')).toBe('3');
    expect(contexts).toHaveLength(1);
  });

  rpcCase('a message that the codec cannot encode ends the call after those before it', async (open) => {
    const { harness, client, errors } = await open({
      handlers: {
        async *download() {
          yield { payload: Uint8Array.of(1) };
          yield undefined as never;
        },
      },
    });
    const messages: DownloadResponse[] = [];
    const error = await failure(harness, takeInto(messages, client.download({})));
    expect(messages).toHaveLength(1);
    expect(error.code).toBe(Status.UNKNOWN);
    expect(errors).toHaveLength(1);
  });

  rpcCase('a reader that comes late gets everything', async (open) => {
    const { harness, client, ends } = await open();
    const iterator = client.download({ count: 20, size: 10 })[Symbol.asyncIterator]();
    await harness.settle(iterator.next());
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    for (let index = 1; index < 20; index++) {
      expect((await harness.settle(iterator.next())).value).toEqual({
        payload: new Uint8Array(10).fill(index),
      });
    }
    expect(await harness.settle(iterator.next())).toEqual({ done: true, value: undefined });
    expect(await harness.settle(iterator.next())).toEqual({ done: true, value: undefined });
  });

  rpcCase('several reads at once are answered in order', async (open) => {
    const { harness, client } = await open();
    const iterator = client.download({ count: 3, size: 1 })[Symbol.asyncIterator]();
    const reads = Array.from({ length: 5 }, () => iterator.next());
    const results = await harness.settle(Promise.all(reads));
    expect(results.map(({ done, value }) => (done === true ? 'done' : value.payload[0]))).toEqual([
      0,
      1,
      2,
      'done',
      'done',
    ]);
  });
}

function creditCases(rpcCase: RpcCase): void {
  rpcCase('a handler is resumed only as its reader takes', async (open) => {
    let produced = 0;
    const { harness, client } = await open({
      handlers: {
        async *download({ size }) {
          const payload = new Uint8Array(size);
          for (;;) {
            produced++;
            yield { payload };
          }
        },
      },
    });
    const iterator = client
      .download({ size: MESSAGE_BYTES }, { timeoutMs: Infinity })
      [Symbol.asyncIterator]();
    await harness.settle(iterator.next());
    const ahead = await steadyValueOf(harness, () => produced);
    expect(ahead * MESSAGE_BYTES).toBeLessThan(MAX_BYTES_AHEAD);
    // Only what the reader takes now can have made room for more.
    for (let index = 0; index < ahead; index++) await harness.settle(iterator.next());
    expect(produced).toBeGreaterThan(ahead);
    await harness.settle(Promise.resolve(iterator.return?.()));
  });
}

function leavingCases(rpcCase: RpcCase): void {
  rpcCase('leaving the loop cancels: the finally of the handler runs', async (open) => {
    let didFinish = false;
    const { harness, client, contexts, ends } = await open({
      handlers: {
        async *download() {
          try {
            for (;;) yield { payload: new Uint8Array(1_000) };
          } finally {
            didFinish = true;
          }
        },
      },
    });
    let taken = 0;
    const leave = async (): Promise<void> => {
      for await (const { payload } of client.download({})) {
        taken += payload.length;
        if (taken === 5_000) break;
      }
    };
    await harness.settle(leave());
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(didFinish).toBe(true);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(ends).toMatchObject([{ code: Status.CANCELLED }]);
  });

  rpcCase('leaving the loop while the handler waits: its signal lets it go', async (open) => {
    const gate = new Gate();
    const { harness, client, ends } = await open({
      handlers: {
        async *download(_request, { signal }) {
          yield {};
          await gate.pass(signal);
        },
      },
    });
    const leave = async (): Promise<void> => {
      for await (const message of client.download({})) {
        expect(message.payload).toHaveLength(0);
        break;
      }
    };
    await harness.settle(leave());
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(ends).toMatchObject([{ code: Status.CANCELLED }]);
  });

  rpcCase('aborting in the middle: the reader gets an AbortError', async (open) => {
    const { harness, client, ends } = await open({
      handlers: {
        async *download() {
          for (;;) yield { payload: new Uint8Array(1_000) };
        },
      },
    });
    const controller = new AbortController();
    const read = async (): Promise<void> => {
      let count = 0;
      for await (const message of client.download({}, { signal: controller.signal })) {
        count += message.payload.length;
        if (count === 5_000) controller.abort();
        expect(count).toBeLessThanOrEqual(5_000);
      }
    };
    const error = await failure(harness, read());
    expect(error).toMatchObject({ name: 'AbortError', code: Status.CANCELLED });
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
  });

  rpcCase('an error thrown in the loop is its own, and cancels', async (open) => {
    const mistake = new Error('the disk is full');
    const { harness, client, ends } = await open({
      handlers: {
        async *download() {
          for (;;) yield { payload: new Uint8Array(1_000) };
        },
      },
    });
    const read = async (): Promise<void> => {
      for await (const message of client.download({})) {
        if (message.payload.length === 1_000) throw mistake;
      }
    };
    await expect(harness.settle(read())).rejects.toBe(mistake);
    await until(harness, 'the call has ended at the server', () => ends.length === 1);
    expect(ends).toMatchObject([{ code: Status.CANCELLED }]);
  });
}

async function taken(messages: AsyncIterable<DownloadResponse>): Promise<DownloadResponse[]> {
  const all: DownloadResponse[] = [];
  await takeInto(all, messages);
  return all;
}

async function takeInto(all: DownloadResponse[], messages: AsyncIterable<DownloadResponse>): Promise<void> {
  for await (const message of messages) all.push(message);
}

const MESSAGE_BYTES = 65_536;

/** What both windows, of a stream that is not read, and both buffers can hold, with a margin. */
const MAX_BYTES_AHEAD = 33_554_432;
