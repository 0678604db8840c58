import {
  type CallOptions,
  ClientError,
  type ClientMiddleware,
  composeClientMiddleware,
  Metadata,
  Status,
} from 'nice-grpc-common';
import { EchoResponse, TestServiceDefinition } from '../../../../generated/test/v1/test.js';
import {
  createClient,
  createClientFactory,
  type DefaultCallOptions,
} from '../../../../src/rpc/client/client-factory.js';
import { ClientFixture, Outcome } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();

/** As nice-grpc-client-middleware-retry does it, with one retry and no pause. */
const niceRetry: ClientMiddleware<{ retry?: boolean }> = async function* retryMiddleware(call, options) {
  const { retry = true, ...rest } = options;
  if (call.requestStream || call.responseStream || !retry) return yield* call.next(call.request, rest);
  for (let attempt = 0; ; attempt++) {
    try {
      return yield* call.next(call.request, rest);
    } catch (error) {
      if (attempt >= 1 || !(error instanceof ClientError) || error.code !== Status.UNAVAILABLE) throw error;
    }
  }
};

describe('default call options', () => {
  test.each<[DefaultCallOptions<typeof TestServiceDefinition>, string]>([
    [{ '*': { retry: { attempts: 0 } } }, '*.retry.attempts is 0: it takes a whole number, 1 or more'],
    [{ put: { retry: { factor: NaN } } }, 'put.retry.factor is NaN: it takes a number, 1 or more'],
    [{ echo: { timeoutMs: -1 } }, 'echo.timeoutMs is -1: it takes a number of ms, 0 or more'],
    [{ '*': { attemptTimeoutMs: '5' as unknown as number } }, '*.attemptTimeoutMs is "5"'],
    [{ '*': { retry: null as unknown as false } }, '*.retry is null: it takes true, false or an object of'],
    [{ add: { hedge: true } }, 'add.hedge is for unary methods with idempotency_level = NO_SIDE_EFFECTS'],
    [{ '*': { hedge: { attempts: 9 } } }, '*.hedge.attempts is 9: it takes a whole number, from 2 to 5'],
    [{ echo: null as unknown as undefined }, 'echo is null: it takes an object of call options'],
  ])('that cannot be are refused where the client is made: %j', (defaults, message) => {
    const { channel } = new ClientFixture();
    expect(() => createClient(TestServiceDefinition, channel, defaults)).toThrow(message);
  });

  test("apply by '*', then by method, then by call; undefined counts as not given", () => {
    const fixture = new ClientFixture();
    const client = createClient(TestServiceDefinition, fixture.channel, {
      '*': { timeoutMs: 5_000 },
      put: { timeoutMs: 4_000 },
    });
    const calls = [
      client.echo({}),
      client.put({}),
      client.put({}, { timeoutMs: 3_000 }),
      client.put({}, { timeoutMs: undefined }),
    ];
    calls.forEach((call) => {
      call.catch(() => undefined);
    });
    const transport = fixture.connector.ready();
    const timeouts = [0, 2, 4, 6].map((streamId) => transport.request(streamId).header.timeoutMs);
    expect(timeouts).toEqual([5_000, 4_000, 3_000, 4_000]);
  });

  test("may hedge under '*', for those methods that may be hedged", async () => {
    const fixture = new ClientFixture();
    const client = createClient(TestServiceDefinition, fixture.channel, { '*': { hedge: true } });
    const calls = [client.echo({}), client.add({}), client.add({}, { hedge: true })].map(
      (call) => new Outcome<unknown>(call),
    );
    await settle();
    expect(calls.map((call) => call.isPending)).toEqual([true, true, false]);
    expect(calls[2]?.error.details).toContain('/test.v1.TestService/Add is none');
  });

  test("give way to a call's own deadline in either form", () => {
    const fixture = new ClientFixture();
    const client = createClient(TestServiceDefinition, fixture.channel, { '*': { timeoutMs: 5_000 } });
    void client.echo({}, { deadline: 9_000 });
    expect(fixture.connector.ready().request(0).header.timeoutMs).toBe(9_000);
  });
});

describe('client middleware', () => {
  test('runs around the call, the one added last first, and sees the method', async () => {
    const fixture = new ClientFixture();
    const seen: string[] = [];
    const tracing = (name: string): ClientMiddleware =>
      async function* tracingMiddleware(call, options) {
        seen.push(`${name} ${call.method.path} ${String(call.method.options.idempotencyLevel)}`);
        const response = yield* call.next(call.request, options);
        seen.push(`${name} end`);
        return response;
      };
    const client = createClientFactory()
      .use(composeClientMiddleware(tracing('a'), tracing('b')))
      .use(tracing('c'))
      .create(TestServiceDefinition, fixture.channel);
    const call = new Outcome(client.echo({}));
    await settle();
    fixture.connector.ready().answer(0, answer);
    await settle();
    expect(call.value?.payload).toEqual(Uint8Array.of(1));
    const method = '/test.v1.TestService/Echo NO_SIDE_EFFECTS';
    expect(seen).toEqual([`c ${method}`, `b ${method}`, `a ${method}`, 'a end', 'b end', 'c end']);
  });

  test('may change request, options and response, and gets its own options', async () => {
    const fixture = new ClientFixture();
    const middleware: ClientMiddleware<{ token?: string }> = async function* authMiddleware(call, options) {
      const { token = 'none', ...rest } = options;
      const metadata = Metadata(rest.metadata).set('token', token);
      const response = yield* call.next(call.request, { ...rest, metadata });
      if (response === undefined) return;
      return response;
    };
    const client = createClientFactory().use(middleware).create(TestServiceDefinition, fixture.channel);
    void client.echo({}, { token: 'secret', metadata: Metadata({ a: 'b' }) });
    await settle();
    const { metadata } = fixture.connector.ready().request(0).header;
    expect([...(metadata ?? [])]).toEqual([
      ['a', ['b']],
      ['token', ['secret']],
    ]);
  });

  test('sees errors as nice-grpc throws them: a ClientError, or an AbortError that is none', async () => {
    const fixture = new ClientFixture();
    const seen: unknown[] = [];
    const client = createClientFactory()
      .use(async function* watchingMiddleware(call, options) {
        try {
          return yield* call.next(call.request, options);
        } catch (error) {
          seen.push(error instanceof ClientError && error.code, error instanceof Error && error.name);
          throw error;
        }
      })
      .create(TestServiceDefinition, fixture.channel);
    const controller = new AbortController();
    const calls = [new Outcome(client.echo({})), new Outcome(client.echo({}, { signal: controller.signal }))];
    await settle();
    fixture.connector.ready().refuse(0, Status.NOT_FOUND, 'no');
    await settle();
    controller.abort();
    await settle();
    expect(seen).toEqual([Status.NOT_FOUND, 'RpcError', false, 'AbortError']);
    expect(calls.map((call) => call.error.code)).toEqual([Status.NOT_FOUND, Status.CANCELLED]);
  });

  test('that retries is not retried again below', async () => {
    const fixture = new ClientFixture();
    const client = createClientFactory().use(niceRetry).create(TestServiceDefinition, fixture.channel);
    const call = new Outcome(client.echo({}));
    await settle();
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy');
    await settle();
    // At once: the middleware's doing, without a pause of ours.
    transport.refuse(2, Status.UNAVAILABLE, 'busy');
    await settle();
    expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, attempts: 1 });
    expect(transport.streamCount).toBe(2);
  });

  test('that retries is retried below where it asks for it; others always are', async () => {
    const fixture = new ClientFixture();
    const asking: ClientMiddleware = async function* askingMiddleware(call, options) {
      return yield* call.next(call.request, { ...options, retry: { attempts: 2 } } as CallOptions);
    };
    const passing: ClientMiddleware = async function* passingMiddleware(call, options) {
      return yield* call.next(call.request, { ...options });
    };
    for (const [middleware, attempts] of [
      [asking, 2],
      [passing, 4],
    ] as const) {
      const client = createClientFactory().use(middleware).create(TestServiceDefinition, fixture.channel);
      const call = new Outcome(client.echo({}));
      await settle();
      for (let attempt = 0; attempt < attempts; attempt++) {
        fixture.connector.failed('refused');
        await fixture.clock.advance(2_000);
      }
      expect(call.error.attempts).toBe(attempts);
    }
  });

  test('that takes the deadline upon itself may go past our default', async () => {
    const fixture = new ClientFixture();
    const deadlines: ClientMiddleware<{ deadline?: Date | number }> = async function* deadlineMiddleware(
      call,
      options,
    ) {
      if (options.deadline === undefined) return yield* call.next(call.request, options);
      const { deadline, ...rest } = options;
      expect(deadline).toBe(60_000);
      return yield* call.next(call.request, rest);
    };
    const client = createClientFactory().use(deadlines).create(TestServiceDefinition, fixture.channel);
    void client.echo({}, { deadline: 60_000 });
    void client.echo({});
    await settle();
    const transport = fixture.connector.ready();
    expect([0, 2].map((streamId) => transport.request(streamId).header.timeoutMs)).toEqual([600_000, 30_000]);
  });

  test('that yields a message, or returns none, is told so, and the call fails', async () => {
    const fixture = new ClientFixture();
    const yielding = async function* yieldingMiddleware(call) {
      yield call.request;
    } as ClientMiddleware;
    const silent = async function* silentMiddleware() {
      // Returns nothing.
    } as unknown as ClientMiddleware;
    const streaming: ClientMiddleware = async function* streamingMiddleware(call, options) {
      return yield* call.next((async function* none() {})(), options);
    };
    const errors: string[] = [];
    for (const middleware of [yielding, silent, streaming]) {
      const client = createClientFactory().use(middleware).create(TestServiceDefinition, fixture.channel);
      await client.echo({}).catch((error: unknown) => errors.push(String(error)));
    }
    expect(errors).toEqual([
      'Error: A middleware yielded a message, but expected to only return a message for unary method',
      'Error: A middleware returned void, but expected to return a message for unary method',
      'Error: A middleware passed invalid request to next(): expected a single message for unary method',
    ]);
  });

  test('of one factory does not reach the clients of another', () => {
    const base = createClientFactory();
    let calls = 0;
    base.use(async function* countingMiddleware(call, options) {
      calls += 1;
      return yield* call.next(call.request, options);
    });
    const fixture = new ClientFixture();
    void base.create(TestServiceDefinition, fixture.channel).echo({});
    expect(calls).toBe(0);
  });
});
