/** A call of undeclared idempotency that comes again: on whatever connection, its handler runs once. */
import { ServerError, Status } from 'nice-grpc-common';
import { AddResponse, TestServiceDefinition } from '../../../../generated/test/v1/test.js';
import { type ServerOptions } from '../../../../src/rpc/server/server-options.js';
import { settle } from '../../../support/manual-clock.js';
import { ADD, ServerFixture, type TestImplementation } from '../../../support/server-fixture.js';
import { type ServedTransport } from '../../../support/served-transport.js';

const UPLOAD = 'test.v1.TestService/Upload';

interface World {
  readonly fixture: ServerFixture;
  readonly client: ServedTransport;
  /** Of the same server. */
  readonly other: ServedTransport;
  /** How often the handler of `Add` was started. */
  readonly starts: () => number;
  readonly answer: (total: bigint) => Promise<void>;
  readonly signal: () => AbortSignal;
}

/** `Add` answers when the test says so. */
async function world(options: ServerOptions = {}, changes: Partial<TestImplementation> = {}): Promise<World> {
  const fixture = new ServerFixture(options);
  const running: ((total: bigint) => void)[] = [];
  const client = await fixture.serve({
    add: (_request, context) => {
      fixture.contexts.push(context);
      context.header.set('server', 'one');
      context.trailer.set('cost', '7');
      return new Promise((resolve) => {
        running.push((total) => {
          resolve({ total });
        });
      });
    },
    ...changes,
  });
  return {
    fixture,
    client,
    other: fixture.acceptor.connect(),
    starts: () => fixture.contexts.length,
    answer: async (total) => {
      running.shift()?.(total);
      await settle();
    },
    signal: () => {
      const signal = fixture.contexts.at(-1)?.signal;
      if (signal === undefined) throw new Error('no handler has started');
      return signal;
    },
  };
}

/** All that a client is told on a stream, to be compared. */
function told(client: ServedTransport, streamId: number): unknown {
  const { header, messages, trailer, isFinished } = client.answer(streamId);
  const { code, details, metadata } = trailer ?? {};
  return {
    header: [...(header ?? [])],
    messages,
    code,
    details,
    metadata: [...(metadata ?? [])],
    isFinished,
  };
}

const again = { path: ADD, sequence: 4, attempt: 2, ageMs: 10 } as const;

test('[AMO-1] [AMO-2] [AMO-5] the second attempt is given the answer of the first, with all that belongs to it', async () => {
  const { client, other, starts, answer } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  await answer(5n);
  other.request(0, again);
  await settle();
  expect(starts()).toBe(1);
  expect(told(other, 0)).toEqual(told(client, 0));
  expect(other.status(0).metadata?.get('cost')).toBe('7');
  expect(AddResponse.decode(other.answer(0).messages[0] ?? new Uint8Array())).toEqual({ total: 5n });
});

test('[AMO-5] a second attempt waits for the handler that runs, and both are answered', async () => {
  const { client, other, starts, answer } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  other.request(0, again);
  await settle();
  expect(other.answer(0).isFinished).toBe(false);
  await answer(5n);
  expect(starts()).toBe(1);
  expect([client.status(0).code, other.status(0).code]).toEqual([Status.OK, Status.OK]);
  expect(told(other, 0)).toEqual(told(client, 0));
});

test('a handler that a second attempt waits for is not aborted when the first one’s connection is lost', async () => {
  const { client, other, answer, signal } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  other.request(0, again);
  client.lose();
  expect(signal().aborted).toBe(false);
  await answer(5n);
  expect(other.status(0).code).toBe(Status.OK);
});

test('[AMO-5] a handler whose client was lost goes on, and its answer waits for the client that comes back', async () => {
  const { client, other, starts, answer, signal } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  client.lose();
  expect(signal().aborted).toBe(false);
  await answer(5n);
  other.request(0, again);
  expect(starts()).toBe(1);
  expect(other.status(0).code).toBe(Status.OK);
});

test('a handler whose client has left is aborted, and its call is not started again', async () => {
  const { client, other, starts, answer, signal } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  client.listener.onClosed({ by: 'peer', code: 0, isApplication: true, reason: 'done' });
  expect(signal().aborted).toBe(true);
  await answer(5n);
  other.request(0, again);
  expect(starts()).toBe(1);
  expect(other.status(0)).toMatchObject({ code: Status.ABORTED, notStarted: false });
  expect(other.status(0).details).toMatch(/^request (ab){16}-4 is not started again: /);
});

test('what waits for an answer gives up its place when it is cancelled', async () => {
  const { client, other, answer, signal } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  other.request(0, again);
  other.cancel(0);
  client.cancel(0);
  expect(signal().aborted).toBe(true);
  await answer(5n);
});

test('an error is an answer like any other', async () => {
  const { fixture, client, other } = await world(
    {},
    {
      add: (_request, context) => {
        context.trailer.set('hint', 'top up');
        throw new ServerError(Status.FAILED_PRECONDITION, 'the account is empty');
      },
    },
  );
  client.request(0, { path: ADD, sequence: 4 });
  other.request(0, again);
  await settle();
  expect(other.status(0)).toMatchObject({
    code: Status.FAILED_PRECONDITION,
    details: 'the account is empty',
  });
  expect(other.status(0).metadata?.get('hint')).toBe('top up');
  // And so it is counted.
  expect(fixture.ends.map(({ code, wasStarted }) => [code, wasStarted])).toEqual([
    [Status.FAILED_PRECONDITION, true],
    [Status.FAILED_PRECONDITION, false],
  ]);
});

test('a header that was sent early belongs to the answer', async () => {
  const { client, other, fixture, answer } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  fixture.contexts[0]?.sendHeader();
  await answer(5n);
  other.request(0, again);
  await settle();
  expect(client.answer(0).header?.get('server')).toBe('one');
  expect(told(other, 0)).toEqual(told(client, 0));
});

test('an answer above maxCachedReplyBytes is not kept: its call is refused, not started', async () => {
  const { client, other, starts, answer } = await world({ maxCachedReplyBytes: 3 });
  client.request(0, { path: ADD, sequence: 4 });
  await answer(5n);
  other.request(0, again);
  await settle();
  expect(starts()).toBe(1);
  expect(other.status(0).code).toBe(Status.ABORTED);
});

test('streaming calls are not repeated: the second attempt is refused', async () => {
  const { client, other } = await world({}, { upload: async () => ({ count: 1, size: 1n }) });
  client.request(0, { path: UPLOAD, sequence: 4 });
  await settle();
  expect(client.status(0).code).toBe(Status.OK);
  other.request(0, { ...again, path: UPLOAD });
  await settle();
  expect(other.status(0).code).toBe(Status.ABORTED);
});

test('a deadline that passes while it waits for the answer of another ends it', async () => {
  const { fixture, client, other } = await world();
  client.request(0, { path: ADD, sequence: 4 });
  other.request(0, { ...again, timeoutMs: 100 });
  await fixture.clock.advance(100);
  expect(other.log).toContain('reset 0 3');
});

test('an answer that was given in the place of a handler that runs on is kept for nobody', async () => {
  const { fixture, client, other, starts, answer } = await world();
  client.request(0, { path: ADD, sequence: 4, timeoutMs: 100 });
  await fixture.clock.advance(100);
  expect(client.status(0).code).toBe(Status.DEADLINE_EXCEEDED);
  other.request(0, again);
  await answer(5n);
  expect([starts(), other.status(0).code]).toEqual([1, Status.ABORTED]);
});

test('[AMO-2] a request ID that comes with another method is not given the answer of the first', async () => {
  const fixture = new ServerFixture();
  const { add } = TestServiceDefinition.methods;
  const twice = { ...TestServiceDefinition, methods: { add, subtract: { ...add, name: 'Subtract' } } };
  let subtractions = 0;
  fixture.server.add(twice, {
    add: async () => ({ total: 1n }),
    subtract: async () => {
      subtractions += 1;
      return { total: -1n };
    },
  });
  const client = await fixture.connect();
  client.request(0, { path: ADD, sequence: 4 });
  await settle();
  client.request(2, { path: 'test.v1.TestService/Subtract', sequence: 4 });
  await settle();
  expect([client.status(2).code, subtractions]).toEqual([Status.ABORTED, 0]);
});
