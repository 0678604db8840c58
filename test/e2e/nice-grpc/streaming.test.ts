/** The README of nice-grpc, "Server streaming" and "Client streaming" on both sides, and what its users rely on beyond it. */
import { jest } from '@jest/globals';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { aborted, failure, Gate, heard, said, say, sayAll } from './messages.js';
import { Stage, type World, WORLDS } from './world.js';

describe.each(WORLDS)('streams of $name', (world: World) => {
  const { ServerError, ClientError, Status, createClient } = world.library;
  const stage = new Stage(world);

  describe('server streaming', () => {
    test('gives what the generator yields, in order, to its end', async () => {
      const client = await stage.client({
        async *download(request) {
          for (let i = 0; i < request.count; i++) yield say(`message ${i}`);
        },
      });
      const texts = await heard(client.download({ count: 100 }));
      expect(texts).toEqual(Array.from({ length: 100 }, (_, i) => `message ${i}`));
    });

    test('may be empty', async () => {
      const client = await stage.client({ async *download() {} });
      expect(await heard(client.download({}))).toEqual([]);
    });

    test('takes any async iterable of a handler', async () => {
      const client = await stage.client({
        download: () => {
          let left = 2;
          return {
            [Symbol.asyncIterator]: () => ({
              next: async () =>
                left-- > 0 ? { done: false, value: say('again') } : { done: true, value: undefined },
            }),
          };
        },
      });
      expect(await heard(client.download({}))).toEqual(['again', 'again']);
    });

    test('gives a message when it is yielded, not at the end', async () => {
      const goOn = new Gate();
      const client = await stage.client({
        async *download() {
          yield say('first');
          await goOn.opened;
          yield say('second');
        },
      });
      const texts: string[] = [];
      for await (const message of client.download({})) {
        texts.push(said(message));
        goOn.open();
      }
      expect(texts).toEqual(['first', 'second']);
    });

    test('begins with the first next(), not before', async () => {
      const order: string[] = [];
      const client = await stage.client({
        echo: async (request) => request,
        async *download() {
          order.push('handler');
          yield say('x');
        },
      });
      const stream = client.download({});
      await client.echo({});
      order.push('iterates');
      await heard(stream);
      expect(order).toEqual(['iterates', 'handler']);
    });

    test('is one call, however often it is iterated', async () => {
      let starts = 0;
      const client = await stage.client({
        async *download() {
          starts++;
          yield* sayAll('a', 'b', 'c');
        },
      });
      const stream = client.download({});
      for await (const message of stream) {
        expect(said(message)).toBe('a');
        break;
      }
      expect(await heard(stream)).toEqual([]);
      expect(starts).toBe(1);
    });

    test('answers next() calls that do not wait for each other in order', async () => {
      const client = await stage.client({
        async *download() {
          yield* sayAll('a', 'b');
        },
      });
      const iterator = client.download({})[Symbol.asyncIterator]();
      const results = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
      expect(results.map(({ done, value }) => (done === true ? 'done' : said(value)))).toEqual([
        'a',
        'b',
        'done',
      ]);
    });

    test('gives what was sent before an error, then the error, then nothing', async () => {
      const client = await stage.client({
        async *download() {
          yield* sayAll('a', 'b');
          throw new ServerError(Status.DATA_LOSS, 'lost');
        },
      });
      const iterator = client.download({})[Symbol.asyncIterator]();
      expect(said((await iterator.next()).value as { payload: Uint8Array })).toBe('a');
      expect(said((await iterator.next()).value as { payload: Uint8Array })).toBe('b');
      const error = await failure(iterator.next());
      expect(error).toBeInstanceOf(ClientError);
      expect(error).toMatchObject({
        code: Status.DATA_LOSS,
        details: 'lost',
        message: '/test.v1.TestService/Download DATA_LOSS: lost',
      });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    test('reports an error of another kind as UNKNOWN, also when a handler throws before it has an iterable', async () => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const client = await stage.client({
        download: () => {
          throw new Error('a secret');
        },
      });
      expect(await failure(client.download({}))).toMatchObject({
        code: Status.UNKNOWN,
        details: 'Unknown server error occurred',
      });
      expect(warn).toHaveBeenCalledTimes(1);
      warn.mockRestore();
    });

    test.each(['break', 'throw'] as const)(
      'is cancelled by leaving the loop with %s, and the finally of its handler runs',
      async (way) => {
        const cancelled = new Gate();
        const ended = new Gate();
        const client = await stage.client({
          async *download(_request, { signal }) {
            try {
              yield say('first');
              await aborted(signal);
              cancelled.open();
              for (;;) yield say('more');
            } finally {
              ended.open();
            }
          },
        });
        const leave = async (): Promise<void> => {
          for await (const message of client.download({})) {
            expect(said(message)).toBe('first');
            if (way === 'break') break;
            throw new Error('the loop has enough');
          }
        };
        if (way === 'break') await leave();
        else await expect(leave()).rejects.toThrow('the loop has enough');
        await cancelled.opened;
        await ended.opened;
      },
    );

    test('rejects with the error that is thrown into its iterator', async () => {
      const cancelled = new Gate();
      const client = await stage.client({
        async *download(_request, { signal }) {
          yield say('first');
          await aborted(signal);
          cancelled.open();
        },
      });
      const iterator = client.download({})[Symbol.asyncIterator]();
      await iterator.next();
      const error = new Error('mine');
      expect(await failure(iterator.throw?.(error) ?? Promise.resolve())).toBe(error);
      await cancelled.opened;
    });

    test('makes no call when it is returned before the first next()', async () => {
      let starts = 0;
      const client = await stage.client({
        echo: async (request) => request,
        async *download() {
          starts++;
          yield say('x');
        },
      });
      const iterator = client.download({})[Symbol.asyncIterator]();
      expect(await iterator.return?.()).toMatchObject({ done: true });
      expect(await iterator.next()).toMatchObject({ done: true });
      await client.echo({});
      expect(starts).toBe(0);
    });

    test('does not abort the signal of a handler that has ended', async () => {
      let signal: AbortSignal | undefined;
      const client = await stage.client({
        echo: async (request) => request,
        async *download(_request, context) {
          signal = context.signal;
          yield say('x');
        },
      });
      await heard(client.download({}));
      await client.echo({});
      expect(signal?.aborted).toBe(false);
    });

    test('holds up a graceful shutdown to its end', async () => {
      const server = world.library.createServer();
      const goOn = new Gate();
      server.add(TestServiceDefinition, {
        echo: async (request) => request,
        put: async () => ({}),
        add: async () => ({}),
        async *download() {
          yield say('a');
          await goOn.opened;
          yield say('b');
        },
        upload: async () => ({}),
        async *chat() {},
      });
      const client = createClient(TestServiceDefinition, await stage.connect(server));
      const order: string[] = [];
      let down: Promise<unknown> = Promise.resolve();
      for await (const message of client.download({})) {
        order.push(said(message));
        if (order.length > 1) continue;
        down = server.shutdown().then(() => order.push('shutdown'));
        goOn.open();
      }
      await down;
      expect(order).toEqual(['a', 'b', 'shutdown']);
    });
  });

  describe('client streaming', () => {
    test('gives the handler what the generator yields, in order, to its end', async () => {
      let texts: string[] = [];
      const client = await stage.client({
        async upload(requests) {
          texts = await heard(requests);
          return { count: texts.length };
        },
      });
      async function* createRequest(): AsyncIterable<{ payload: Uint8Array }> {
        for (let i = 0; i < 100; i++) yield say(`message ${i}`);
      }
      expect(await client.upload(createRequest())).toEqual({ count: 100, size: 0n });
      expect(texts).toEqual(Array.from({ length: 100 }, (_, i) => `message ${i}`));
    });

    test('may be empty', async () => {
      const client = await stage.client({
        upload: async (requests) => ({ count: (await heard(requests)).length }),
      });
      expect(await client.upload(sayAll())).toMatchObject({ count: 0 });
    });

    test('begins at once, before anybody waits for it', async () => {
      const started = new Gate();
      const client = await stage.client({
        async upload(requests) {
          started.open();
          return { count: (await heard(requests)).length };
        },
      });
      const call = client.upload(sayAll('a'));
      await started.opened;
      expect(await call).toMatchObject({ count: 1 });
    });

    test('is answered by a handler that has read enough, and the generator is ended', async () => {
      const ended = new Gate();
      let again = -1;
      const client = await stage.client({
        async upload(requests) {
          for await (const request of requests) {
            expect(said(request)).toBe('0');
            break;
          }
          again = (await heard(requests)).length;
          return { count: 1 };
        },
      });
      async function* endless(): AsyncGenerator<{ payload: Uint8Array }> {
        try {
          for (let i = 0; ; i++) {
            yield say(String(i));
            await turn();
          }
        } finally {
          ended.open();
        }
      }
      expect(await client.upload(endless())).toMatchObject({ count: 1 });
      await ended.opened;
      // A stream that was left gives no more.
      expect(again).toBe(0);
    });

    test('is answered by a handler that reads nothing', async () => {
      const client = await stage.client({ upload: async () => ({ count: 7 }) });
      expect(await client.upload(sayAll('a', 'b'))).toMatchObject({ count: 7 });
    });

    test('fails with the error of a handler that has not read to the end, and the generator is ended', async () => {
      const ended = new Gate();
      const client = await stage.client({
        async upload() {
          throw new ServerError(Status.RESOURCE_EXHAUSTED, 'too much');
        },
      });
      async function* endless(): AsyncGenerator<{ payload: Uint8Array }> {
        try {
          for (;;) {
            yield say('x');
            await turn();
          }
        } finally {
          ended.open();
        }
      }
      expect(await failure(client.upload(endless()))).toMatchObject({
        code: Status.RESOURCE_EXHAUSTED,
        details: 'too much',
      });
      await ended.opened;
    });

    test('fails with the very error that its generator throws, and the handler does not wait for more', async () => {
      const received = new Gate();
      const handlerEnded = new Gate();
      const client = await stage.client({
        async upload(requests) {
          try {
            for await (const request of requests) {
              expect(said(request)).toBe('a');
              received.open();
            }
          } finally {
            handlerEnded.open();
          }
          return {};
        },
      });
      const error = new Error('no more to send');
      expect(await failure(client.upload(failing(error, received.opened)))).toBe(error);
      await handlerEnded.opened;
    });
  });

  describe('bidirectional streaming', () => {
    test('lets both sides talk in turn', async () => {
      const client = await stage.client({
        async *chat(requests) {
          for await (const request of requests) yield say(`${said(request)}!`);
        },
      });
      const answers = new Map<string, Gate>([
        ['a!', new Gate()],
        ['b!', new Gate()],
      ]);
      async function* requests(): AsyncGenerator<{ payload: Uint8Array }> {
        yield say('a');
        await answers.get('a!')?.opened;
        yield say('b');
        await answers.get('b!')?.opened;
        yield say('c');
      }
      const texts: string[] = [];
      for await (const message of client.chat(requests())) {
        texts.push(said(message));
        answers.get(said(message))?.open();
      }
      expect(texts).toEqual(['a!', 'b!', 'c!']);
    });

    test('goes on after the requests have ended', async () => {
      const client = await stage.client({
        async *chat(requests) {
          const texts = await heard(requests);
          for (const text of texts) yield say(text);
        },
      });
      expect(await heard(client.chat(sayAll('a', 'b', 'c')))).toEqual(['a', 'b', 'c']);
    });

    test('begins with the first next(): its requests are not touched before', async () => {
      const order: string[] = [];
      const client = await stage.client({
        echo: async (request) => request,
        async *chat(requests) {
          yield* requests;
        },
      });
      async function* requests(): AsyncGenerator<{ payload: Uint8Array }> {
        order.push('requests');
        yield say('a');
      }
      const stream = client.chat(requests());
      await client.echo({});
      order.push('iterates');
      expect(await heard(stream)).toEqual(['a']);
      expect(order).toEqual(['iterates', 'requests']);
    });

    test('ends when the handler ends, and the generator of the requests with it', async () => {
      const ended = new Gate();
      const client = await stage.client({
        async *chat(requests) {
          for await (const request of requests) {
            yield request;
            break;
          }
          yield say('enough');
        },
      });
      async function* endless(): AsyncGenerator<{ payload: Uint8Array }> {
        try {
          for (;;) {
            yield say('x');
            await turn();
          }
        } finally {
          ended.open();
        }
      }
      expect(await heard(client.chat(endless()))).toEqual(['x', 'enough']);
      await ended.opened;
    });

    test('is cancelled by leaving the loop: the handler ends, and the generator of the requests', async () => {
      const handlerEnded = new Gate();
      const requestsEnded = new Gate();
      const client = await stage.client({
        async *chat(requests, { signal }) {
          try {
            for await (const request of requests) yield request;
          } finally {
            await aborted(signal);
            handlerEnded.open();
          }
        },
      });
      const left = new Gate();
      async function* requests(): AsyncGenerator<{ payload: Uint8Array }> {
        try {
          yield say('a');
          await left.opened;
          yield say('nobody reads this');
        } finally {
          requestsEnded.open();
        }
      }
      for await (const message of client.chat(requests())) {
        expect(said(message)).toBe('a');
        break;
      }
      left.open();
      await handlerEnded.opened;
      await requestsEnded.opened;
    });

    test('fails with the very error that the generator of its requests throws', async () => {
      const client = await stage.client({
        async *chat(requests) {
          for await (const request of requests) yield request;
        },
      });
      const error = new Error('no more to send');
      const answered = new Gate();
      const texts: string[] = [];
      const talk = async (): Promise<void> => {
        for await (const message of client.chat(failing(error, answered.opened))) {
          texts.push(said(message));
          answered.open();
        }
      };
      expect(await failure(talk())).toBe(error);
      expect(texts).toEqual(['a']);
    });
  });
});

/**
 * nice-grpc means to give a handler whose client is gone an AbortError where it reads requests, but over grpc-js 1.14.7
 * the stream just ends, and half an upload looks like a whole one.
 */
describe.each(WORLDS.filter(({ name }) => name === 'udprpc'))('unlike nice-grpc, $name', (world) => {
  const stage = new Stage(world);

  test('does not let a cancelled upload look complete', async () => {
    const received = new Gate();
    const seen = new Gate<{ error: unknown; wasAborted: boolean }>();
    const client = await stage.client({
      async upload(requests, { signal }) {
        try {
          for await (const request of requests) {
            expect(said(request)).toBe('a');
            received.open();
          }
          seen.open({ error: undefined, wasAborted: signal.aborted });
        } catch (error) {
          seen.open({ error, wasAborted: signal.aborted });
          throw error;
        }
        return {};
      },
    });
    await failure(client.upload(failing(new Error('half of it'), received.opened)));
    const { error, wasAborted } = await seen.opened;
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(wasAborted).toBe(true);
  });
});

/** Says `a`, and then fails. */
async function* failing(error: Error, when: Promise<void>): AsyncGenerator<{ payload: Uint8Array }> {
  yield say('a');
  await when;
  throw error;
}

/** Lets other things happen first. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
