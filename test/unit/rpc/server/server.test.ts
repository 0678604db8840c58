import { type ServerMiddleware, Status } from 'nice-grpc-common';
import { TestServiceDefinition } from '../../../../generated/test/v1/test.js';
import { CloseCode, ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { settle } from '../../../support/manual-clock.js';
import { PUT, ServerFixture } from '../../../support/server-fixture.js';
import { requestBytes, type ServedTransport } from '../../../support/served-transport.js';

const CLOSED = `close ${CloseCode.SHUTDOWN}`;
/** On the stream that the server has opened for it. */
const GONE_AWAY = `stop 1 ${ResetCode.CANCELLED}`;

/** Whether a promise has settled. */
function watch(promise: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false };
  void promise.then(() => {
    state.isSettled = true;
  });
  return state;
}

async function running(): Promise<{ fixture: ServerFixture; client: ServedTransport }> {
  const fixture = new ServerFixture();
  const client = await fixture.serve();
  client.request(0, { path: PUT });
  return { fixture, client };
}

describe('a server', () => {
  test('listens and tells where, and who connects', async () => {
    const fixture = new ServerFixture();
    const events: unknown[] = [];
    fixture.server.on('listening', (listening) => events.push(listening));
    fixture.server.on('connection', (connection) => events.push(connection));
    fixture.server.add(TestServiceDefinition, fixture.implementation);
    await expect(fixture.server.listen('127.0.0.1:0')).resolves.toBe(5005);
    fixture.acceptor.connect();
    expect(events).toEqual([{ port: 5005, addresses: ['udp://127.0.0.1:5005'] }, { peer: '10.0.0.9:50000' }]);
    expect(fixture.acceptor.log).toEqual(['listen 127.0.0.1:0']);
  });

  test('may try to listen again when it could not', async () => {
    const fixture = new ServerFixture();
    fixture.acceptor.opened = Promise.reject(new Error('127.0.0.1:80 is in use: choose another port'));
    await expect(fixture.server.listen('127.0.0.1:80')).rejects.toThrow('choose another port');
    fixture.acceptor.opened = Promise.resolve();
    await expect(fixture.server.listen('127.0.0.1:0')).resolves.toBe(5005);
  });

  test('is put together in one order only', async () => {
    const fixture = new ServerFixture();
    const { server } = fixture;
    const middleware: ServerMiddleware = async function* (call, context) {
      return yield* call.next(call.request, context);
    };
    server.add(TestServiceDefinition, fixture.implementation);
    expect(() => server.use(middleware)).toThrow('server.use() must be used before adding any services');
    expect(() => {
      server.add(TestServiceDefinition, fixture.implementation);
    }).toThrow('service test.v1.TestService was already added to this server');
    await server.listen('127.0.0.1:0');
    expect(() => server.use(middleware)).toThrow('server.use() must be used before listen()');
    expect(() => {
      server.with(middleware).add(TestServiceDefinition, fixture.implementation);
    }).toThrow('server.add() must be used before listen()');
    await expect(server.listen('127.0.0.1:0')).rejects.toThrow('server.listen() has already been called');
  });
});

describe('shutdown [RPC-10]', () => {
  test('of a server without calls closes at once', async () => {
    const fixture = new ServerFixture();
    const events: string[] = [];
    fixture.server.on('draining', () => events.push('draining'));
    fixture.server.on('closed', () => events.push('closed'));
    const client = await fixture.serve();
    await fixture.server.shutdown();
    expect(client.log).toEqual([GONE_AWAY, CLOSED]);
    expect(fixture.acceptor.log).toEqual(['listen 127.0.0.1:0', 'refuse', 'close']);
    expect(events).toEqual(['draining', 'closed']);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('of a server that never listened settles, and it does not listen any more', async () => {
    const fixture = new ServerFixture();
    await fixture.server.shutdown();
    await expect(fixture.server.listen('127.0.0.1:0')).rejects.toThrow('does not listen again');
  });

  test('while it is about to listen takes the address back', async () => {
    const fixture = new ServerFixture();
    const listening = fixture.server.listen('127.0.0.1:0');
    const shutdown = fixture.server.shutdown();
    await expect(listening).rejects.toThrow('the server was shut down before it listened');
    await shutdown;
    expect(fixture.acceptor.log).toEqual(['listen 127.0.0.1:0', 'close']);
  });

  test('lets a running call end, refuses what has not started, and then closes', async () => {
    const { fixture, client } = await running();
    client.listener.onStreamOpened(2, false);
    client.deliver(2, requestBytes({ path: PUT }));
    const shutdown = fixture.server.shutdown();
    const state = watch(shutdown);
    client.request(4, { path: PUT });
    for (const streamId of [2, 4]) {
      expect(client.status(streamId)).toMatchObject({
        code: Status.UNAVAILABLE,
        details: 'the server is shutting down and starts no more calls',
        notStarted: true,
      });
    }
    await fixture.clock.advance(29_999);
    expect(fixture.put.context.signal.aborted).toBe(false);
    expect(client.log).toEqual([GONE_AWAY, `stop 2 ${ResetCode.REFUSED}`, `stop 4 ${ResetCode.REFUSED}`]);
    await fixture.answerPut();
    await settle();
    expect(client.status(0).code).toBe(Status.OK);
    expect(client.log.at(-1)).toBe(CLOSED);
    expect(state.isSettled).toBe(true);
    expect(fixture.puts).toHaveLength(1);
    expect(fixture.clock.pendingTimers).toBe(0);
    expect(await shutdown).toEqual({ finished: 1, refused: 1, aborted: 0, unsettled: 0, durationMs: 29_999 });
  });

  test('closes when the last answer has arrived, not when it was written', async () => {
    const { fixture, client } = await running();
    client.openStreamCount = 1;
    void fixture.server.shutdown();
    await fixture.answerPut();
    await fixture.clock.advance(500);
    expect(client.log).toEqual([GONE_AWAY]);
    client.openStreamCount = 0;
    await fixture.clock.advance(10);
    expect(client.log).toEqual([GONE_AWAY, CLOSED]);
  });

  test('may be forced while the last answer is on its way', async () => {
    const { fixture, client } = await running();
    client.openStreamCount = 1;
    const shutdown = fixture.server.shutdown();
    await fixture.answerPut();
    fixture.server.forceShutdown();
    await shutdown;
    expect(client.log).toEqual([GONE_AWAY, CLOSED]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('does not wait for ever for a client that acknowledges nothing', async () => {
    const { fixture, client } = await running();
    client.openStreamCount = 1;
    const state = watch(fixture.server.shutdown());
    await fixture.answerPut();
    await fixture.clock.advance(1_000);
    await settle();
    expect(client.log).toEqual([GONE_AWAY, CLOSED]);
    expect(state.isSettled).toBe(true);
  });

  test('aborts after the grace, answers for the handlers, and settles though they do not', async () => {
    const { fixture, client } = await running();
    const shutdown = fixture.server.shutdown({ graceMs: 100 });
    const state = watch(shutdown);
    const { signal } = fixture.put.context;
    client.openStreamCount = 1;
    await fixture.clock.advance(99);
    expect(signal.aborted).toBe(false);
    await fixture.clock.advance(1);
    expect(signal.aborted).toBe(true);
    expect(client.status(0)).toMatchObject({
      code: Status.UNAVAILABLE,
      details: 'the server shut down before the handler had answered',
      notStarted: false,
    });
    await fixture.clock.advance(1_000);
    await settle();
    expect(client.log).toEqual([GONE_AWAY, CLOSED]);
    expect(state.isSettled).toBe(true);
    expect(await shutdown).toEqual({ finished: 0, refused: 0, aborted: 1, unsettled: 1, durationMs: 1_100 });
    await fixture.answerPut();
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('called again it is the same one, and a shorter grace counts', async () => {
    const { fixture } = await running();
    const first = fixture.server.shutdown({ graceMs: 10_000 });
    const { signal } = fixture.put.context;
    expect(fixture.server.shutdown({ graceMs: 20_000 })).toBe(first);
    await fixture.clock.advance(9_000);
    expect(fixture.server.shutdown({ graceMs: 100 })).toBe(first);
    await fixture.clock.advance(100);
    expect(signal.aborted).toBe(true);
    await first;
  });

  test('comes with the end of the block, for whoever writes `await using`', async () => {
    const { fixture, client } = await running();
    const disposed = fixture.server[Symbol.asyncDispose]();
    await fixture.answerPut();
    await disposed;
    expect(client.log.at(-1)).toBe(CLOSED);
  });

  test('with no grace aborts at once', async () => {
    const { fixture, client } = await running();
    await fixture.server.shutdown({ graceMs: 0 });
    expect(fixture.put.context.signal.aborted).toBe(true);
    expect(client.log).toEqual([GONE_AWAY, CLOSED]);
  });

  test('with an endless grace waits for the handler', async () => {
    const { fixture } = await running();
    const state = watch(fixture.server.shutdown({ graceMs: Infinity }));
    expect(fixture.clock.pendingTimers).toBe(1); // the call's deadline
    await fixture.answerPut();
    await settle();
    expect(state.isSettled).toBe(true);
  });

  test('waits for a handler whose client has gone', async () => {
    const { fixture, client } = await running();
    client.lose();
    const state = watch(fixture.server.shutdown());
    await settle();
    expect(state.isSettled).toBe(false);
    await fixture.answerPut();
    await settle();
    expect(state.isSettled).toBe(true);
  });

  test('closes a connection that comes too late', async () => {
    const { fixture } = await running();
    void fixture.server.shutdown();
    expect(fixture.acceptor.connect().log).toEqual([CLOSED]);
  });

  test('settles though the sockets cannot be closed', async () => {
    const { fixture } = await running();
    fixture.acceptor.closeError = new Error('not running');
    await fixture.server.shutdown({ graceMs: 0 });
  });

  test('forceShutdown aborts and closes now, and settles a shutdown under way', async () => {
    const { fixture, client } = await running();
    client.openStreamCount = 1;
    const shutdown = fixture.server.shutdown();
    const { signal } = fixture.put.context;
    fixture.server.forceShutdown();
    expect(signal.aborted).toBe(true);
    expect(client.log).toEqual([GONE_AWAY, CLOSED]);
    await shutdown;
    fixture.server.forceShutdown();
    await settle();
    expect(fixture.acceptor.log).toEqual(['listen 127.0.0.1:0', 'refuse', 'close']);
  });
});
