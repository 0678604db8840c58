/**
 * Unary calls, from client to handler and back, through everything between: what must hold whatever carries the bytes.
 * Each case starts a server and a channel of its own in the world that it is given, and leaves nothing behind.
 */
import { Metadata, ServerError, Status } from 'nice-grpc-common';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { type OpenHarness } from './harness.js';
import { failure, openWorld, release, started, waiting, type World, type WorldOptions } from './world.js';

export function describeUnaryCalls(name: string, open: OpenHarness): void {
  /** A case: the world is closed after it, whatever happened, and must be empty then. */
  const unary = (title: string, options: WorldOptions, run: (world: World) => Promise<void>): void => {
    test(title, async () => {
      const world = await openWorld(await open(), options);
      const { harness, server, channel } = world;
      try {
        await run(world);
      } finally {
        await harness.settle(channel.close());
        await harness.settle(server.shutdown({ graceMs: 0 }));
      }
      await harness.end();
    });
  };

  describe(`unary calls over ${name}`, () => {
    describeAnswers(unary);
    describeStatuses(unary);
    describeEndingEarly(unary);
    describeLimits(unary);
    describeServers(unary);
  });
}

type Case = (title: string, options: WorldOptions, run: (world: World) => Promise<void>) => void;

function describeAnswers(unary: Case): void {
  unary(
    'ok: the handler gets the request, the caller the response',
    {},
    async ({ harness, client, ends }) => {
      const { payload } = await harness.settle(client.echo({ payload: Uint8Array.of(1, 2, 3) }));
      expect([...payload]).toEqual([1, 2, 3]);
      expect(ends).toMatchObject([{ path: '/test.v1.TestService/Echo', code: Status.OK, wasStarted: true }]);
    },
  );

  unary('an empty message, both ways', {}, async ({ harness, client }) => {
    expect((await harness.settle(client.echo({}))).payload).toHaveLength(0);
  });

  unary('1 MiB, both ways', {}, async ({ harness, client }) => {
    const sent = new Uint8Array(1_048_576).map((_, index) => index ^ (index >> 8));
    const copy = sent.slice();
    const answer = client.echo({ payload: sent }, { timeoutMs: 120_000 });
    // The caller may use its array again at once.
    sent.fill(0);
    const { payload } = await harness.settle(answer);
    expect(Buffer.compare(payload, copy)).toBe(0);
  });

  unary('64-bit integers are bigint', {}, async ({ harness, client }) => {
    const value = 2n ** 62n + 1n;
    expect(await harness.settle(client.put({ key: 'k', value }))).toEqual({ value });
  });

  unary('more calls at once than there are streams: all are answered', {}, async ({ harness, client }) => {
    const calls = Array.from({ length: 300 }, (_, index) => client.put({ key: 'k', value: index }));
    const values = (await harness.settle(Promise.all(calls))).map(({ value }) => Number(value));
    expect(values).toEqual(Array.from({ length: 300 }, (_, index) => index));
  });

  unary(
    'metadata both ways: text and bytes, header and trailer',
    {
      handlers: {
        echo: async (_request, context) => {
          context.header.set('seen', context.metadata.get('tenant') ?? 'nothing');
          context.trailer.set('seen-bin', context.metadata.get('trace-bin') ?? new Uint8Array());
          return {};
        },
      },
    },
    async ({ harness, client }) => {
      const told: Metadata[] = [];
      const tell = (metadata: Metadata): void => void told.push(metadata);
      const metadata = Metadata({ tenant: 'a, b', 'trace-bin': Uint8Array.of(0, 255) });
      await harness.settle(client.echo({}, { metadata, onHeader: tell, onTrailer: tell }));
      expect(told.map((each) => [...each])).toEqual([
        [['seen', ['a, b']]],
        [['seen-bin', [Uint8Array.of(0, 255)]]],
      ]);
    },
  );

  unary('the header comes before the answer when the handler sends it', waiting(), async (world) => {
    const { harness, client, contexts } = world;
    const headers: Metadata[] = [];
    const controller = new AbortController();
    const { signal } = controller;
    const call = client.put({}, { signal, onHeader: (header) => void headers.push(header) });
    await harness.settle(started(world, call, 1));
    contexts[0]?.header.set('progress', '1');
    contexts[0]?.sendHeader();
    await harness.pass(1_000);
    expect(headers.map((header) => header.get('progress'))).toEqual(['1']);
    controller.abort();
    await failure(harness, call);
  });

  unary('the handler learns peer, request ID and deadline', {}, async ({ harness, client, contexts }) => {
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
}

function describeStatuses(unary: Case): void {
  unary(
    'status, details and trailer are those that the handler threw',
    {
      handlers: {
        echo: (_request, context) => {
          context.trailer.set('hint', 'try dog.jpg');
          throw new ServerError(Status.NOT_FOUND, 'no cat.jpg — 猫');
        },
      },
    },
    async ({ harness, client, errors }) => {
      const error = await failure(harness, client.echo({}));
      expect(error).toMatchObject({
        code: Status.NOT_FOUND,
        details: 'no cat.jpg — 猫',
        maybeExecuted: true,
        attempts: 1,
      });
      expect(error.metadata.get('hint')).toBe('try dog.jpg');
      expect(errors).toEqual([]);
    },
  );

  for (const code of Object.values(Status)) {
    // OK is none, and the other two have cases of their own.
    if (typeof code === 'string' || RESERVED.includes(code)) continue;
    const handlers = { echo: () => Promise.reject(new ServerError(code, 'because')) };
    unary(`status ${Status[code]}`, { handlers }, async ({ harness, client }) => {
      expect(await failure(harness, client.echo({}))).toMatchObject({ code, details: 'because' });
    });
  }

  unary(
    'a handler that throws anything else: UNKNOWN, and not a word of what it said',
    { handlers: { echo: () => Promise.reject(new Error('password is 123')) } },
    async ({ harness, client, errors }) => {
      const error = await failure(harness, client.echo({}));
      expect(error).toMatchObject({ code: Status.UNKNOWN, details: 'Unknown server error occurred' });
      expect(errors).toMatchObject([{ error: { message: 'password is 123' } }]);
    },
  );

  unary('a method that the server does not know', {}, async ({ harness, channel }) => {
    const { echo } = TestServiceDefinition.methods;
    const methods = { echo: { ...echo, name: 'Nope' } };
    const stranger = createClient({ ...TestServiceDefinition, methods }, channel);
    const error = await failure(harness, stranger.echo({}));
    expect(error).toMatchObject({ code: Status.UNIMPLEMENTED, maybeExecuted: false });
    expect(error.details).toContain('/test.v1.TestService/Nope');
  });

  unary('a method that the implementation lacks', { without: 'echo' }, async (world) => {
    const error = await failure(world.harness, world.client.echo({}));
    expect(error).toMatchObject({ code: Status.UNIMPLEMENTED, maybeExecuted: false });
  });

  unary(
    'a method of undeclared idempotency runs once for each call',
    {},
    async ({ harness, client, ends }) => {
      const totals = await harness.settle(
        Promise.all(Array.from({ length: 20 }, () => client.add({ key: 'k', amount: 1n }))),
      );
      expect(totals.map(({ total }) => Number(total)).sort((left, right) => left - right)).toEqual(
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
      expect(ends.filter(({ wasStarted }) => wasStarted)).toHaveLength(20);
    },
  );

  unary(
    'one that failed after it may have run is not run again',
    { handlers: { add: () => Promise.reject(new ServerError(Status.UNAVAILABLE, 'half done')) } },
    async ({ harness, client, ends }) => {
      const error = await failure(harness, client.add({}));
      expect(error).toMatchObject({ code: Status.UNAVAILABLE, attempts: 1, maybeExecuted: true });
      expect(ends).toHaveLength(1);
    },
  );
}

function describeEndingEarly(unary: Case): void {
  unary('cancelled by the client: the handler hears of it', waiting(), async (world) => {
    const { harness, client, contexts, ends } = world;
    const controller = new AbortController();
    const call = client.put({}, { signal: controller.signal });
    await harness.settle(started(world, call, 1));
    expect(contexts[0]?.signal.aborted).toBe(false);
    controller.abort();
    expect(await failure(harness, call)).toMatchObject({ code: Status.CANCELLED, name: 'AbortError' });
    await harness.pass(2_000);
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(ends).toMatchObject([{ code: Status.CANCELLED }]);
  });

  unary(
    'cancelled before it is sent: the handler never starts',
    {},
    async ({ harness, client, contexts }) => {
      const error = await failure(harness, client.echo({}, { signal: AbortSignal.abort() }));
      expect(error).toMatchObject({ code: Status.CANCELLED, maybeExecuted: false });
      await harness.pass(1_000);
      expect(contexts).toEqual([]);
    },
  );

  unary(
    'cancelled by the server',
    { handlers: { echo: () => Promise.reject(AbortSignal.abort().reason as Error) } },
    async ({ harness, client }) => {
      expect(await failure(harness, client.echo({}))).toMatchObject({
        code: Status.CANCELLED,
        details: 'The operation was cancelled',
      });
    },
  );

  unary('the deadline ends the call at both ends', waiting(), async ({ harness, client, contexts, ends }) => {
    const before = harness.environment.clock.now();
    const error = await failure(harness, client.put({}, { timeoutMs: 300 }));
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
    expect(harness.environment.clock.now() - before).toBeGreaterThanOrEqual(300 - ROUNDING_MS);
    await harness.pass(2_000);
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(ends).toHaveLength(1);
  });

  unary(
    'the server holds a deadline of its own',
    waiting({ maxTimeoutMs: 200 }),
    async ({ harness, client }) => {
      const error = await failure(harness, client.put({}, { timeoutMs: 60_000 }));
      expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
      expect(error.details).toBe("the call's time was over before the handler had answered");
    },
  );

  unary('streams of cancelled calls come back', waiting(), async (world) => {
    const { harness, client, contexts } = world;
    for (let round = 0; round < 3; round++) {
      const controller = new AbortController();
      const { signal } = controller;
      const calls = Array.from({ length: 100 }, () => client.put({}, { signal }));
      await harness.settle(started(world, calls[0], contexts.length + 1));
      controller.abort();
      for (const call of calls) await failure(harness, call);
    }
    expect((await harness.settle(client.echo({ payload: Uint8Array.of(1) }))).payload).toHaveLength(1);
  });
}

function describeLimits(unary: Case): void {
  const big = { payload: new Uint8Array(100_000) };

  unary(
    'a request above the limit of the client',
    { channel: { maxSendMessageBytes: 1_000 } },
    async (world) => {
      const error = await failure(world.harness, world.client.echo(big));
      expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: false });
      expect(error.details).toContain('maxSendMessageBytes');
      expect(world.contexts).toEqual([]);
    },
  );

  unary(
    'a request above the limit of the server',
    { server: { maxReceiveMessageBytes: 1_000 } },
    async (world) => {
      const { harness, client, contexts } = world;
      const error = await failure(harness, client.echo(big));
      expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: false });
      expect(error.details).toContain("the server's maxReceiveMessageBytes");
      expect(contexts).toEqual([]);
      await harness.settle(client.echo({}));
    },
  );

  unary(
    'a response above the limit of the server',
    { server: { maxSendMessageBytes: 1_000 } },
    async (world) => {
      const error = await failure(world.harness, world.client.echo(big));
      expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: true });
      expect(error.details).toContain("the server's maxSendMessageBytes");
    },
  );

  unary(
    'a response above the limit of the client',
    { channel: { maxReceiveMessageBytes: 1_000 } },
    async (world) => {
      const { harness, client } = world;
      expect(await failure(harness, client.echo(big))).toMatchObject({ code: Status.RESOURCE_EXHAUSTED });
      await harness.settle(client.echo({}));
    },
  );

  unary('metadata above their limit', {}, async ({ harness, client, contexts }) => {
    const metadata = Metadata({ big: 'x'.repeat(9_000) });
    expect(await failure(harness, client.echo({}, { metadata }))).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      maybeExecuted: false,
    });
    expect(contexts).toEqual([]);
    await harness.settle(client.echo({}));
  });

  unary('more handlers than the server runs', waiting({ maxRunningHandlers: 2 }), async (world) => {
    const { harness, client } = world;
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [client.put({}, { signal }), client.put({}, { signal })];
    await harness.settle(started(world, calls[0], 2));
    const error = await failure(harness, client.echo({}));
    expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: false });
    controller.abort();
    for (const call of calls) await failure(harness, call);
  });
}

function describeServers(unary: Case): void {
  unary('shutdown lets a running call end', waiting(), async (world) => {
    const { harness, client, server, contexts } = world;
    const call = client.put({ value: 5n });
    await harness.settle(started(world, call, 1));
    const shutdown = server.shutdown({ graceMs: 60_000 });
    const refused = await failure(harness, client.put({}, { retry: false }));
    expect(refused).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false });
    release(contexts[0]);
    expect(await harness.settle(call)).toEqual({ value: 5n });
    await harness.settle(shutdown);
  });

  unary('shutdown settles though a handler does not', waiting(), async (world) => {
    const { harness, client, server } = world;
    const call = client.add({});
    await harness.settle(started(world, call, 1));
    const shutdown = server.shutdown({ graceMs: 100 });
    expect(await failure(harness, call)).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: true });
    await harness.settle(shutdown);
  });

  unary('forceShutdown ends calls at once', waiting(), async (world) => {
    const { harness, client, server, contexts } = world;
    const call = client.add({});
    await harness.settle(started(world, call, 1));
    server.forceShutdown();
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(await failure(harness, call)).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: true });
  });

  unary('closing the channel cancels its calls', waiting(), async (world) => {
    const { harness, client, channel, contexts } = world;
    const call = client.put({});
    await harness.settle(started(world, call, 1));
    const closing = channel.close();
    expect((await failure(harness, call)).code).toBe(Status.CANCELLED);
    await harness.settle(closing);
    await harness.pass(2_000);
    expect(contexts[0]?.signal.aborted).toBe(true);
  });
}

const RESERVED: readonly Status[] = [Status.OK, Status.DEADLINE_EXCEEDED, Status.UNAVAILABLE];

/** Clocks that count in doubles, and timers that may be that much early. */
const ROUNDING_MS = 0.01;
