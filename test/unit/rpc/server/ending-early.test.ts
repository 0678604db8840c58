import { ServerError, Status } from 'nice-grpc-common';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { settle } from '../../../support/manual-clock.js';
import { ADD, echoRequest, PUT, ServerFixture } from '../../../support/server-fixture.js';
import { requestBytes, type ServedTransport } from '../../../support/served-transport.js';

/** A server with one handler of `Put` running, on stream 0. */
async function running(timeoutMs?: number): Promise<{ fixture: ServerFixture; client: ServedTransport }> {
  const fixture = new ServerFixture();
  const client = await fixture.serve();
  client.request(0, { path: PUT, timeoutMs });
  return { fixture, client };
}

describe('a client that cancels [RPC-9]', () => {
  test.each<[string, (client: ServedTransport) => void]>([
    [
      'resets and stops',
      (client) => {
        client.cancel(0);
      },
    ],
    [
      'only resets',
      (client) => {
        client.listener.onStreamReset(0, ResetCode.CANCELLED);
      },
    ],
    [
      'only stops',
      (client) => {
        client.listener.onStreamStopped(0, ResetCode.CANCELLED);
      },
    ],
  ])('aborts the handler, and has its stream back when that has settled: %s', async (_name, cancel) => {
    const { fixture, client } = await running();
    const { signal } = fixture.put.context;
    expect(signal.aborted).toBe(false);
    cancel(client);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ name: 'AbortError' });
    expect(client.log).toEqual([]);
    await fixture.answerPut();
    expect(client.log).toEqual([`reset 0 ${ResetCode.CANCELLED}`]);
    expect(client.answer(0).writeCount).toBe(0);
    expect(fixture.ends).toMatchObject([{ code: Status.CANCELLED, wasStarted: true }]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('a signal that is first read after the cancellation is aborted', async () => {
    const { fixture, client } = await running();
    client.cancel(0);
    expect(fixture.put.context.signal.aborted).toBe(true);
  });

  test('a signal stays as it is once its handler has settled', async () => {
    const { fixture, client } = await running();
    const { signal } = fixture.put.context;
    client.room = 0;
    await fixture.answerPut();
    client.cancel(0);
    expect(signal.aborted).toBe(false);
  });

  test('what the handler says afterwards is not sent', async () => {
    const { fixture, client } = await running();
    client.cancel(0);
    fixture.put.context.header.set('a', 'b');
    fixture.put.context.sendHeader();
    fixture.put.reject(new ServerError(Status.ABORTED, 'I noticed'));
    await settle();
    expect(client.answer(0).writeCount).toBe(0);
    expect(fixture.errors).toEqual([]);
  });

  test('a mistake of the handler is reported all the same', async () => {
    const { fixture, client } = await running();
    client.cancel(0);
    fixture.put.reject(new Error('undefined is not a function'));
    await settle();
    expect(fixture.errors).toHaveLength(1);
  });

  test('holds one of the places for handlers until the handler has settled', async () => {
    const fixture = new ServerFixture({ maxRunningHandlers: 1 });
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    client.cancel(0);
    client.request(2, { path: PUT });
    expect(client.status(2).code).toBe(Status.RESOURCE_EXHAUSTED);
    await fixture.answerPut();
    client.request(4, { path: PUT });
    expect(fixture.puts).toHaveLength(2);
  });

  test('before the request has come: the handler never starts', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.listener.onStreamOpened(0, false);
    client.deliver(0, requestBytes({ path: PUT }));
    client.cancel(0);
    client.deliver(0, 'end');
    expect(fixture.puts).toEqual([]);
    expect(client.log).toEqual([`stop 0 ${ResetCode.CANCELLED}`, `reset 0 ${ResetCode.CANCELLED}`]);
    expect(fixture.ends).toMatchObject([{ code: Status.CANCELLED, wasStarted: false }]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('after the answer: nothing happens', async () => {
    const { fixture, client } = await running();
    await fixture.answerPut();
    client.cancel(0);
    expect(client.log).toEqual([]);
    expect(fixture.ends).toMatchObject([{ code: Status.OK }]);
  });
});

describe('the deadline [RPC-5]', () => {
  test('aborts the handler and tells the client, but gives the stream back only when the handler has settled', async () => {
    const { fixture, client } = await running(200);
    fixture.put.context.header.set('h', '1');
    fixture.put.context.trailer.set('t', '1');
    const { signal } = fixture.put.context;
    await fixture.clock.advance(199);
    expect(signal.aborted).toBe(false);
    await fixture.clock.advance(1);
    expect(signal.aborted).toBe(true);
    expect(client.status(0)).toMatchObject({ code: Status.DEADLINE_EXCEEDED, notStarted: false });
    expect(client.answer(0).header?.get('h')).toBe('1');
    expect(client.status(0).metadata?.get('t')).toBe('1');
    expect(client.answer(0).isFinished).toBe(false);
    fixture.put.context.sendHeader();
    expect(client.answer(0).writeCount).toBe(1);
    await fixture.answerPut();
    expect(client.answer(0)).toMatchObject({ messages: [], isFinished: true, writeCount: 2 });
    expect(client.log).toEqual([]);
    expect(fixture.ends).toMatchObject([{ code: Status.DEADLINE_EXCEEDED }]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('a cancellation after it resets the stream when the handler has settled', async () => {
    const { fixture, client } = await running(200);
    await fixture.clock.advance(200);
    client.cancel(0);
    expect(client.log).toEqual([]);
    await fixture.answerPut();
    expect(client.log).toEqual([`reset 0 ${ResetCode.CANCELLED}`]);
  });

  test.each([
    ['more than the server allows', 3_600_000],
    ['none', undefined],
  ])('is the cap where the client asks for %s', async (_name, timeoutMs) => {
    const { fixture, client } = await running(timeoutMs);
    await fixture.clock.advance(599_999);
    expect(client.answer(0).trailer).toBeUndefined();
    await fixture.clock.advance(1);
    expect(client.status(0).code).toBe(Status.DEADLINE_EXCEEDED);
  });

  test('the cap is an option', async () => {
    const fixture = new ServerFixture({ maxTimeoutMs: 50 });
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    await fixture.clock.advance(50);
    expect(client.status(0).code).toBe(Status.DEADLINE_EXCEEDED);
  });

  test('counts while the message comes; then the handler never starts', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    const bytes = requestBytes({ path: PUT, timeoutMs: 200 });
    client.listener.onStreamOpened(0, false);
    client.deliver(0, bytes.subarray(0, bytes.length - 1));
    await fixture.clock.advance(200);
    expect(client.status(0)).toMatchObject({ code: Status.DEADLINE_EXCEEDED, notStarted: true });
    expect(client.log).toEqual([`stop 0 ${ResetCode.DEADLINE}`]);
    client.deliver(0, bytes.subarray(bytes.length - 1), 'end');
    expect(fixture.puts).toEqual([]);
  });

  test('counts from the header, however late the rest of it comes', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    const bytes = requestBytes({ path: PUT, timeoutMs: 200 });
    client.listener.onStreamOpened(0, false);
    client.deliver(0, bytes.subarray(0, 5));
    await fixture.clock.advance(1_000);
    client.deliver(0, bytes.subarray(5), 'end');
    await fixture.clock.advance(199);
    expect(client.answer(0).trailer).toBeUndefined();
    await fixture.clock.advance(1);
    expect(client.status(0)).toMatchObject({ code: Status.DEADLINE_EXCEEDED, notStarted: false });
  });

  test('a stream without a header is not waited for beyond the cap', async () => {
    const fixture = new ServerFixture({ maxTimeoutMs: 1_000 });
    const client = await fixture.serve();
    client.listener.onStreamOpened(0, false);
    client.deliver(0, requestBytes().subarray(0, 5));
    await fixture.clock.advance(1_000);
    expect(client.status(0).notStarted).toBe(true);
  });

  test('that is over when the call comes: the handler never starts', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT, timeoutMs: 0 });
    expect(client.status(0)).toMatchObject({ code: Status.DEADLINE_EXCEEDED, notStarted: true });
    expect(fixture.puts).toEqual([]);
  });

  test('each call has its own', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT, timeoutMs: 300 });
    client.request(2, { path: PUT, timeoutMs: 100 });
    client.request(4, { path: PUT, timeoutMs: 200 });
    const ended = (): boolean[] => [0, 2, 4].map((id) => client.answer(id).trailer !== undefined);
    await fixture.clock.advance(100);
    expect(ended()).toEqual([false, true, false]);
    await fixture.clock.advance(100);
    expect(ended()).toEqual([false, true, true]);
  });
});

describe('a client that does not read', () => {
  test('gets the rest as room comes, and the end with the last of it', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.room = 10;
    const payload = Array.from({ length: 40 }, (_, index) => index);
    client.request(0, { message: echoRequest(...payload) });
    await settle();
    // The buffer that answers are written into is used by another call in between.
    client.room = 1_000;
    client.request(2, { message: echoRequest(...payload.map(() => 255)) });
    await settle();
    expect(client.answer(2).isFinished).toBe(true);
    for (let count = 0; count < 3; count++) client.makeRoom(0, 10);
    expect(client.answer(0).isFinished).toBe(false);
    client.makeRoom(0, 10);
    client.makeRoom(0, 10);
    expect(client.answer(0)).toMatchObject({ isFinished: true, trailer: { code: Status.OK } });
    expect([...(client.answer(0).messages[0] ?? [])].slice(2)).toEqual(payload);
    expect(fixture.ends).toHaveLength(2);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('a large answer, too', async () => {
    const payload = new Uint8Array(10_000).map((_, index) => index);
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: async () => ({ payload }) });
    client.room = 4_000;
    client.request(0);
    await settle();
    client.makeRoom(0, 4_000);
    client.makeRoom(0, 4_000);
    expect(client.answer(0).isFinished).toBe(true);
    expect(client.answer(0).messages[0]?.subarray(3)).toEqual(payload);
  });

  test('gets what the handler answered, though the handler uses its array again', async () => {
    const payload = new Uint8Array(10_000).fill(1);
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: async () => ({ payload }) });
    // The first answer of a method tells how its codec writes.
    client.request(0);
    await settle();
    client.room = 4_000;
    client.request(2);
    await settle();
    payload.fill(2);
    client.makeRoom(2, 4_000);
    client.makeRoom(2, 4_000);
    expect(client.answer(2).isFinished).toBe(true);
    expect(client.answer(2).messages[0]?.subarray(3)).toEqual(new Uint8Array(10_000).fill(1));
  });

  test('a header that waits is followed by the answer', async () => {
    const { fixture, client } = await running();
    client.room = 0;
    fixture.put.context.header.set('a', 'b');
    fixture.put.context.sendHeader();
    await fixture.answerPut(5n);
    client.makeRoom(0, 1_000);
    expect(client.answer(0)).toMatchObject({ isFinished: true, trailer: { code: Status.OK } });
    expect(client.answer(0).header?.get('a')).toBe('b');
    expect(client.answer(0).messages).toHaveLength(1);
  });

  test('a header that was sent late leaves the stream open', async () => {
    const { fixture, client } = await running();
    client.room = 0;
    fixture.put.context.header.set('a', 'b');
    fixture.put.context.sendHeader();
    client.makeRoom(0, 1_000);
    expect(client.answer(0).isFinished).toBe(false);
    await fixture.answerPut();
    expect(client.answer(0).isFinished).toBe(true);
  });

  test('is given up at the deadline', async () => {
    const { fixture, client } = await running(200);
    client.room = 3;
    await fixture.answerPut();
    await fixture.clock.advance(200);
    expect(client.log).toEqual([`reset 0 ${ResetCode.DEADLINE}`]);
    expect(fixture.ends).toMatchObject([{ code: Status.DEADLINE_EXCEEDED }]);
    client.makeRoom(0, 100);
    expect(client.answer(0).isFinished).toBe(false);
  });

  test('is given up at the deadline also when the handler answered at once', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: () => ({}) });
    client.room = 0;
    client.request(0, { timeoutMs: 200 });
    await fixture.clock.advance(200);
    expect(client.log).toEqual([`reset 0 ${ResetCode.DEADLINE}`]);
  });

  test('is given up when it cancels', async () => {
    const { fixture, client } = await running();
    client.room = 3;
    await fixture.answerPut();
    client.cancel(0);
    expect(client.log).toEqual([`reset 0 ${ResetCode.CANCELLED}`]);
    expect(fixture.ends).toMatchObject([{ code: Status.CANCELLED }]);
  });

  test('and whose deadline comes before the handler settles has its stream reset then', async () => {
    const { fixture, client } = await running(200);
    client.room = 3;
    await fixture.clock.advance(200);
    await fixture.answerPut();
    expect(client.log).toEqual([`reset 0 ${ResetCode.DEADLINE}`]);
  });
});

describe('a connection that ends', () => {
  test('aborts its handlers and nothing else', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    const other = fixture.acceptor.connect();
    const closed: string[] = [];
    fixture.server.on('connectionClosed', ({ peer, closed: { reason } }) =>
      closed.push(`${peer}: ${reason}`),
    );
    client.request(0, { path: PUT });
    client.listener.onStreamOpened(2, false);
    client.deliver(2, requestBytes({ path: PUT }));
    other.request(0, { path: PUT });
    const [mine, theirs] = fixture.puts.map(({ context }) => context.signal);
    client.lose();
    expect([mine?.aborted, theirs?.aborted]).toEqual([true, false]);
    expect(closed).toEqual(['10.0.0.9:50000: no packet for 30 s']);
    fixture.puts[0]?.resolve({ value: 1n });
    await settle();
    expect(client.answer(0).writeCount).toBe(0);
    expect(fixture.ends).toMatchObject([
      { code: Status.CANCELLED, wasStarted: false },
      { code: Status.CANCELLED, wasStarted: true },
    ]);
  });
});

describe('a method that must not run twice', () => {
  test('of different clients is different', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    for (let index = 0; index < 20; index++) {
      client.request(2 * index, { path: ADD, clientInstance: new Uint8Array(16).fill(index) });
    }
    expect(fixture.addCount).toBe(20);
  });

  test('others may run again', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT, sequence: 1 });
    client.request(2, { path: PUT, sequence: 1, attempt: 2 });
    expect(fixture.puts).toHaveLength(2);
  });

  test('one that was refused before it started may come again', async () => {
    const fixture = new ServerFixture({ maxRunningHandlers: 1 });
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    client.request(2, { path: ADD, sequence: 1 });
    expect(client.status(2).notStarted).toBe(true);
    await fixture.answerPut();
    client.request(4, { path: ADD, sequence: 1, attempt: 2 });
    expect(fixture.addCount).toBe(1);
  });
});
