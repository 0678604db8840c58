/**
 * A front service whose handlers call a back service: what the calls inside inherit of the call around them. Over
 * sockets and in memory; `Put` of the back waits until the test lets it answer.
 */
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type CallContext,
  type Channel,
  type ChannelOptions,
  type Client,
  createChannel,
  createClient,
  createServer,
  type RequestContext,
  RpcError,
  type RpcCallOptions,
  type Server,
  type ServerMiddleware,
  type ServerOptions,
  Status,
} from '../../src/index.js';
import { createInMemoryServer } from '../../src/testing/index.js';

type TestClient = Client<typeof TestServiceDefinition, RpcCallOptions>;
type Context = CallContext & RequestContext;

interface World {
  readonly front: TestClient;
  /** For the handlers of the front. */
  readonly back: TestClient;
  /** Runs in the front's `Echo`. */
  handle: (context: Context) => Promise<void>;
  /** Of the back's `Put`, each as it starts. */
  readonly puts: AsyncQueue<{ context: Context; answer: () => void }>;
  end(): Promise<void>;
}

/** What comes is taken in order, by who waits for it. */
class AsyncQueue<Item> {
  readonly #items: Item[] = [];
  readonly #takers: ((item: Item) => void)[] = [];

  push(item: Item): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  take(): Promise<Item> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#takers.push(resolve)) : Promise.resolve(item);
  }
}

interface Options {
  readonly middleware?: ServerMiddleware;
  /** Of the channel from the front to the back. */
  readonly channel?: ChannelOptions;
  /** Of the front. */
  readonly server?: ServerOptions;
}

/** A server, and how to begin to serve and connect to it. */
interface End {
  readonly server: Server;
  open(): Promise<Channel>;
}

const overSockets = (options: ChannelOptions, serverOptions: ServerOptions): End => {
  const server = createServer(serverOptions);
  return {
    server,
    open: async () => createChannel(`127.0.0.1:${await server.listen('127.0.0.1:0')}`, options),
  };
};

const inMemory = (options: ChannelOptions, serverOptions: ServerOptions): End => {
  const { server, channel } = createInMemoryServer({ channel: options, server: serverOptions });
  return {
    server,
    async open() {
      await server.listen('memory');
      return channel;
    },
  };
};

const unused = (): never => {
  throw new Error('not called');
};
const NONE = { echo: unused, put: unused, add: unused, download: unused, upload: unused, chat: unused };

async function openWorld(
  endOf: typeof overSockets,
  { middleware, channel = {}, server: serverOptions = {} }: Options,
): Promise<World> {
  const [front, back] = [endOf({}, serverOptions), endOf(channel, {})];
  const puts: World['puts'] = new AsyncQueue();
  back.server.add(TestServiceDefinition, {
    ...NONE,
    echo: ({ payload }) => ({ payload }),
    put: (_request, context) =>
      new Promise((resolve) => {
        puts.push({
          context,
          answer: () => {
            resolve({});
          },
        });
      }),
  });
  const server = middleware === undefined ? front.server : front.server.use(middleware);
  server.add(TestServiceDefinition, {
    ...NONE,
    async *download(_request, context) {
      for (let count = 0; count < 3; count++) {
        yield {};
        await world.handle(context);
      }
    },
    echo: async (_request, context) => {
      await world.handle(context);
      return {};
    },
  });
  const channels = [await front.open(), await back.open()] as const;
  const world: World = {
    front: createClient(TestServiceDefinition, channels[0]),
    back: createClient(TestServiceDefinition, channels[1]),
    handle: () => Promise.resolve(),
    puts,
    async end() {
      await Promise.all(channels.map((each) => each.close()));
      await Promise.all([front.server.shutdown({ graceMs: 0 }), back.server.shutdown({ graceMs: 0 })]);
    },
  };
  return world;
}

/** The error of a call that fails. */
async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof RpcError) return error;
  throw new Error('the call did not fail with an RpcError', { cause: error });
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

describe.each([
  ['over sockets', overSockets],
  ['in memory', inMemory],
])('a call made inside a handler, %s,', (_where, endOf) => {
  let world: World;
  const open = async (options: Options = {}): Promise<World> => (world = await openWorld(endOf, options));

  afterEach(() => world.end());

  /** What the deadline of the inner call is, seen by its handler, when the outer one has 5 s; by default it were 30. */
  const innerDeadlineInMs = async (makeCall: () => Promise<unknown>): Promise<number> => {
    world.handle = async () => {
      await makeCall();
    };
    const outer = world.front.echo({}, { timeoutMs: 5_000 });
    const { context, answer } = await world.puts.take();
    const leftMs = (context.deadline?.getTime() ?? 0) - Date.now();
    answer();
    await outer;
    return leftMs;
  };

  test('has what is left of its deadline, or its own where that is shorter', async () => {
    const { back } = await open();
    expect(await innerDeadlineInMs(() => back.put({}))).toBeLessThan(6_000);
    expect(await innerDeadlineInMs(() => back.put({}, { timeoutMs: 60_000 }))).toBeLessThan(6_000);
    expect(await innerDeadlineInMs(() => back.put({}, { timeoutMs: 900 }))).toBeLessThan(1_000);
  });

  test('knows of it behind promises, timers and middleware', async () => {
    const { back } = await open({
      middleware: async function* (call, context) {
        await Promise.resolve();
        return yield* call.next(call.request, context);
      },
    });
    const late = async (): Promise<unknown> => {
      await Promise.all([Promise.resolve(), new Promise((resolve) => setTimeout(resolve, 1))]);
      await new Promise((resolve) => setImmediate(resolve));
      return back.put({});
    };
    expect(await innerDeadlineInMs(late)).toBeLessThan(6_000);
  });

  test('is cancelled with it, and its handler is told', async () => {
    const { front, back, puts } = await open();
    const controller = new AbortController();
    const inner = new Promise<RpcError>((resolve) => {
      world.handle = async () => {
        resolve(await failureOf(back.put({}, { timeoutMs: 60_000 })));
      };
    });
    const outer = failureOf(front.echo({}, { signal: controller.signal }));
    const { context, answer } = await puts.take();
    controller.abort();
    await aborted(context.signal);
    expect(await inner).toMatchObject({
      code: Status.CANCELLED,
      details: 'the call that made it was cancelled',
      name: 'AbortError',
    });
    expect((await outer).code).toBe(Status.CANCELLED);
    answer();
  });

  test('is not even begun when that is cancelled already', async () => {
    const { front, back } = await open();
    const controller = new AbortController();
    const inner = new Promise<RpcError>((resolve) => {
      world.handle = async ({ signal }) => {
        controller.abort();
        await aborted(signal);
        resolve(await failureOf(back.put({})));
      };
    });
    await failureOf(front.echo({}, { signal: controller.signal }));
    expect(await inner).toMatchObject({ code: Status.CANCELLED, attempts: 0, maybeExecuted: false });
  });

  test('ends with its time, and says whose time that was', async () => {
    // The server's own limit: a client that gives up might be heard of as a cancellation.
    const { front, back, puts } = await open({ server: { maxTimeoutMs: 150 } });
    const inner = new Promise<RpcError>((resolve) => {
      world.handle = async ({ signal }) => {
        resolve(await failureOf(back.put({})));
        await aborted(signal);
      };
    });
    const outer = failureOf(front.echo({}));
    const { context, answer } = await puts.take();
    expect((await outer).code).toBe(Status.DEADLINE_EXCEEDED);
    const { code, message } = await inner;
    expect([code, message]).toEqual([
      Status.DEADLINE_EXCEEDED,
      expect.stringContaining('(the deadline of the call that made it)'),
    ]);
    await aborted(context.signal);
    answer();
  });

  test.each<[string, ChannelOptions, RpcCallOptions]>([
    ['by the call', {}, { inherit: false }],
    ['by the channel', { inherit: false }, {}],
  ])('is on its own where %s is told so', async (_by, channel, options) => {
    const { front, back, puts } = await open({ channel });
    const controller = new AbortController();
    let call: Promise<unknown> | undefined;
    const isBehind = new Promise<void>((resolve) => {
      world.handle = async ({ signal }) => {
        call = back.put({}, options);
        await aborted(signal);
        // On the way that a cancellation of the call would have gone before.
        await back.echo({}, { inherit: false });
        resolve();
        await call;
      };
    });
    const outer = failureOf(front.echo({}, { signal: controller.signal, timeoutMs: 5_000 }));
    const { context, answer } = await puts.take();
    expect((context.deadline?.getTime() ?? 0) - Date.now()).toBeGreaterThan(20_000);
    controller.abort();
    await Promise.all([outer, isBehind]);
    expect(context.signal.aborted).toBe(false);
    answer();
    expect(await call).toEqual({ value: 0n });
  });

  test('may outlive it: what a handler has left running is on its own', async () => {
    const { front, back, puts } = await open();
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => (leave = resolve));
    let inner: Promise<unknown> | undefined;
    world.handle = async () => {
      inner = left.then(() => back.put({}));
    };
    await front.echo({}, { timeoutMs: 5_000 });
    leave();
    const { context, answer } = await puts.take();
    expect((context.deadline?.getTime() ?? 0) - Date.now()).toBeGreaterThan(20_000);
    answer();
    expect(await inner).toBeDefined();
  });

  test('in a streaming handler inherits too, also where that was resumed by its reader', async () => {
    const { front, puts } = await open();
    const inherited: number[] = [];
    world.handle = async () => {
      const inner = world.back.put({});
      const { context, answer } = await puts.take();
      inherited.push((context.deadline?.getTime() ?? Infinity) - Date.now());
      answer();
      await inner;
    };
    for await (const message of front.download({}, { timeoutMs: 5_000 })) expect(message).toBeDefined();
    expect(inherited).toHaveLength(3);
    for (const leftMs of inherited) expect(leftMs).toBeLessThanOrEqual(5_001);
  });
});
