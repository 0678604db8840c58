import { Status } from 'nice-grpc-common';
import { EchoResponse, TestServiceDefinition } from '../../../../generated/test/v1/test.js';
import { AsyncCallScope } from '../../../../src/driver/async-call-scope.js';
import { Channel } from '../../../../src/rpc/client/channel.js';
import { createClient } from '../../../../src/rpc/client/client-factory.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { ScriptedConnector, ScriptedTransport } from '../../../support/scripted-transport.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();

describe('a channel', () => {
  test('does nothing until the first call, then connects once for all', () => {
    const fixture = new ClientFixture();
    expect([fixture.channel.state, fixture.channel.peer, fixture.connector.attempts.length]).toEqual([
      'idle',
      undefined,
      0,
    ]);
    fixture.echo();
    fixture.add();
    expect([fixture.channel.state, fixture.connector.attempts.length]).toEqual(['connecting', 1]);
    fixture.connector.ready();
    fixture.echo();
    expect([fixture.channel.state, fixture.channel.peer]).toEqual(['ready', '10.0.0.5:7000']);
    expect(fixture.connector.attempts).toHaveLength(1);
  });

  test('tells each change of state with its reason, once', async () => {
    const fixture = new ClientFixture();
    fixture.echo({ retry: false });
    fixture.connector.failed('10.0.0.5:7000: refused');
    fixture.echo({ retry: false });
    const transport = fixture.connector.ready();
    transport.listener.onReady();
    transport.closeWith('gone');
    await fixture.channel.close();
    expect(fixture.stateNames).toEqual([
      'idle>connecting',
      'connecting>idle',
      'idle>connecting',
      'connecting>ready',
      'ready>idle',
      'idle>closed',
    ]);
    expect(fixture.states.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([
        '10.0.0.5:7000: refused',
        'connected to 10.0.0.5:7000',
        'gone',
        'the channel was closed',
      ]),
    );
  });

  test('takes a transport that is ready from the beginning', () => {
    const fixture = new ClientFixture();
    fixture.add();
    const transport = new ScriptedTransport();
    transport.isHandshakeComplete = true;
    transport.isReady = true;
    fixture.connector.connected(transport);
    expect(fixture.channel.state).toBe('ready');
    expect(transport.streamCount).toBe(1);
  });

  test('[RPC-11] sends in the first flight what may run twice, and the rest when the handshake is complete, in order', () => {
    const fixture = new ClientFixture();
    fixture.add();
    fixture.echo();
    fixture.add();
    const transport = fixture.connector.connected();
    fixture.echo();
    fixture.add();
    const paths = (): string[] =>
      Array.from({ length: transport.streamCount }, (_, index) =>
        transport.request(2 * index).header.path.slice(20),
      );
    expect(paths()).toEqual(['Echo', 'Echo']);
    transport.completeHandshake();
    expect(paths()).toEqual(['Echo', 'Echo', 'Add', 'Add', 'Add']);
    // That is not what its user calls ready.
    expect(fixture.channel.state).toBe('connecting');
    transport.becomeReady();
    expect(fixture.channel.state).toBe('ready');
  });

  test('opens no stream from which nothing could leave, so that it knows what was never sent', async () => {
    const fixture = new ClientFixture();
    const late = fixture.echo({ timeoutMs: 100 });
    const transport = new ScriptedTransport();
    transport.canSend = false;
    fixture.connector.connected(transport);
    fixture.echo({ timeoutMs: 500 });
    fixture.add({ timeoutMs: 500 });
    await fixture.clock.advance(200);
    expect(transport.streamCount).toBe(0);
    expect(late.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, maybeExecuted: false });
    transport.completeHandshake();
    expect(transport.streamCount).toBe(2);
  });

  test('after its connection has ended connects at once for the next call', async () => {
    const fixture = new ClientFixture();
    const first = fixture.echo({ retry: false });
    fixture.connector.ready().closeWith('idle for 30 s', 'idle');
    expect(fixture.connector.attempts).toHaveLength(1);
    const second = fixture.echo();
    expect(fixture.connector.attempts).toHaveLength(2);
    fixture.connector.ready().answer(0, answer);
    await settle();
    expect([first.error.code, second.isPending]).toEqual([Status.UNAVAILABLE, false]);
  });

  test('is not harmed by a state listener that throws: the error surfaces apart', async () => {
    const fixture = new ClientFixture();
    const surfaced: unknown[] = [];
    fixture.clock.soon = (callback) => {
      try {
        callback();
      } catch (error) {
        surfaced.push(error);
      }
    };
    fixture.channel.on('state', () => {
      throw new Error('listener');
    });
    const call = fixture.echo();
    fixture.connector.ready().answer(0, answer);
    await settle();
    expect(call.value).toBeDefined();
    expect(surfaced).toEqual([new Error('listener'), new Error('listener')]);
  });

  test('turns a connector that throws into a failed connection', async () => {
    const fixture = new ClientFixture();
    fixture.connector.connect = () => {
      throw new Error('no such host');
    };
    const call = fixture.echo({ retry: false });
    await settle();
    expect(call.error).toMatchObject({
      code: Status.UNAVAILABLE,
      details: 'no such host',
      maybeExecuted: false,
    });
  });
});

describe('calls above the limit of streams', () => {
  test('wait in order, and start as streams become free; later ones do not overtake them', () => {
    const fixture = new ClientFixture();
    const calls = [1, 2, 3].map(() => fixture.echo());
    const transport = new ScriptedTransport();
    transport.streamLimit = 1;
    fixture.connector.ready(transport);
    expect(transport.streamCount).toBe(1);
    transport.streamLimit = 2;
    // A stream is free, but two calls wait for it already.
    fixture.echo({}, Uint8Array.of(9));
    expect(transport.streamCount).toBe(1);
    transport.listener.onStreamsAvailable();
    expect(transport.streamCount).toBe(2);
    transport.streamLimit = 10;
    transport.listener.onStreamsAvailable();
    expect(transport.streamCount).toBe(4);
    expect([0, 2, 4, 6].map((streamId) => transport.request(streamId).messages[0]?.at(-1))).toEqual([
      3, 3, 3, 9,
    ]);
    expect(calls.every((call) => call.isPending)).toBe(true);
  });

  test('wait in the first flight too, without holding up the rest when it is ready', () => {
    const fixture = new ClientFixture();
    fixture.add();
    fixture.echo();
    fixture.echo();
    const transport = new ScriptedTransport();
    transport.streamLimit = 1;
    fixture.connector.connected(transport);
    expect(transport.request(0).header.path).toMatch('Echo');
    transport.streamLimit = 3;
    transport.becomeReady();
    expect([2, 4].map((streamId) => transport.request(streamId).header.path.slice(20))).toEqual([
      'Add',
      'Echo',
    ]);
  });

  test('fail with RESOURCE_EXHAUSTED when too many wait', async () => {
    const fixture = new ClientFixture({ maxWaitingCalls: 2 });
    const calls = [1, 2, 3].map(() => fixture.echo());
    await settle();
    expect(calls.map((call) => call.isPending)).toEqual([true, true, false]);
    expect(calls[2]?.error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: false });
    expect(calls[2]?.error.details).toContain('maxWaitingCalls');
  });

  test('may be 10,000 by default', async () => {
    const fixture = new ClientFixture();
    const calls = Array.from({ length: 10_001 }, () => fixture.echo());
    await settle();
    expect(calls.filter((call) => !call.isPending)).toEqual([calls[10_000]]);
  });
});

describe('a connection that cannot be made', () => {
  test('fails all that wait with UNAVAILABLE and the reason', async () => {
    const fixture = new ClientFixture();
    const calls = [fixture.echo({ retry: false }), fixture.add({ retry: false })];
    fixture.connector.failed('10.0.0.5:7000: connection refused');
    await settle();
    for (const call of calls) {
      expect(call.error).toMatchObject({
        code: Status.UNAVAILABLE,
        details: '10.0.0.5:7000: connection refused',
        maybeExecuted: false,
        attempts: 1,
      });
    }
    expect(fixture.channel.state).toBe('idle');
  });

  test('in the middle of the handshake fails what rode in the first flight, which may have run', async () => {
    const fixture = new ClientFixture();
    const rode = fixture.echo({ retry: false });
    const waited = fixture.add({ retry: false });
    fixture.connector.connected().closeWith('no answer within 10 s', 'handshakeTimeout');
    await settle();
    expect([rode.error.maybeExecuted, waited.error.maybeExecuted]).toEqual([true, false]);
    expect(waited.error.details).toBe('no answer within 10 s');
  });

  test('is made again, with growing pauses, for calls with waitForReady, until their deadline', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ waitForReady: true, timeoutMs: 1_000 });
    const pauses: (number | undefined)[] = [];
    for (let round = 0; round < 3; round++) {
      fixture.connector.failed('refused');
      await settle();
      pauses.push(fixture.clock.nextTimerInMs);
      await fixture.clock.advance(pauses[round] ?? 0);
    }
    expect(pauses).toEqual([50, 100, 200]);
    expect([fixture.connector.attempts.length, call.isPending]).toEqual([4, true]);
    await fixture.clock.advance(650);
    expect(call.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, attempts: 1, maybeExecuted: false });
  });

  test('that comes about only in part, once and again, loses no call with waitForReady', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ waitForReady: true });
    for (let round = 0; round < 5; round++) {
      const transport = fixture.connector.connected();
      // Nothing of it rides in a first flight that nobody answers.
      expect(transport.streamCount).toBe(0);
      transport.closeWith('refused', 'refused');
      await fixture.clock.advance(2_000);
    }
    expect(call.isPending).toBe(true);
    fixture.connector.ready().answer(0, answer);
    await settle();
    expect([call.value === undefined, fixture.channel.counters.attempts]).toEqual([false, 1]);
  });

  test('after one that was made begins with short pauses again', async () => {
    const fixture = new ClientFixture();
    const calls = [fixture.echo({ waitForReady: true, retry: false })];
    for (let round = 0; round < 3; round++) {
      fixture.connector.failed('refused');
      await fixture.clock.advance(2_000);
    }
    const transport = new ScriptedTransport();
    transport.streamLimit = 0;
    fixture.connector.ready(transport);
    transport.closeWith('gone');
    fixture.connector.failed('refused');
    await settle();
    expect(fixture.clock.nextTimerInMs).toBe(50);
    expect(calls.every((call) => call.isPending)).toBe(true);
  });

  test('leaves the next one with an empty queue', async () => {
    const fixture = new ClientFixture();
    fixture.add({ retry: false });
    fixture.connector.failed('refused');
    fixture.echo({ retry: false });
    const transport = fixture.connector.connected();
    fixture.echo();
    expect(transport.streamCount).toBe(2);
  });

  test('does not keep trying when nobody waits any more', async () => {
    const fixture = new ClientFixture();
    fixture.echo({ waitForReady: true, timeoutMs: 20 });
    fixture.connector.failed('refused');
    await fixture.clock.advance(20);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('is made at once for a call that comes in the pause', async () => {
    const fixture = new ClientFixture();
    const patient = fixture.echo({ waitForReady: true });
    fixture.connector.failed('refused');
    const other = fixture.echo();
    expect(fixture.connector.attempts).toHaveLength(2);
    const transport = fixture.connector.ready();
    transport.answer(0, answer);
    transport.answer(2, answer);
    await settle();
    expect([patient.isPending, other.isPending]).toEqual([false, false]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('lets waiting calls go over at once to the next when an established one ends', async () => {
    const fixture = new ClientFixture();
    const transport = new ScriptedTransport();
    transport.streamLimit = 0;
    const patient = fixture.echo({ waitForReady: true });
    const other = fixture.echo({ retry: false });
    fixture.connector.ready(transport);
    transport.closeWith('restart');
    await settle();
    expect(other.error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false });
    expect(fixture.connector.attempts).toHaveLength(2);
    fixture.connector.ready().answer(0, answer);
    await settle();
    expect(patient.value).toBeDefined();
  });
});

describe('closing a channel', () => {
  test('settles every call, closes the connection and the connector, and resolves', async () => {
    const fixture = new ClientFixture();
    const transport = new ScriptedTransport();
    transport.streamLimit = 1;
    const calls = [fixture.echo(), fixture.echo(), fixture.add()];
    fixture.connector.ready(transport);
    await fixture.channel.close();
    await settle();
    expect(calls.map((call) => [call.error.code, call.error.maybeExecuted])).toEqual([
      [Status.CANCELLED, true],
      [Status.CANCELLED, false],
      [Status.CANCELLED, false],
    ]);
    expect(transport.log.at(-1)).toBe('close 0 the channel was closed');
    expect([fixture.channel.state, fixture.connector.closeCount, fixture.clock.pendingTimers]).toEqual([
      'closed',
      1,
      0,
    ]);
    transport.closeWith('as asked', 'local');
    expect(fixture.stateNames.at(-1)).toBe('ready>closed');
  });

  test('gives up a connection that is being made, even if it comes nevertheless', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    await fixture.channel.close();
    await settle();
    expect(call.error.code).toBe(Status.CANCELLED);
    expect(fixture.connector.attempts[0]?.isCancelled).toBe(true);
    const late = fixture.connector.connected();
    expect(late.log).toEqual(['close 0 the channel was closed']);
    fixture.connector.failed('late too');
    expect(fixture.channel.state).toBe('closed');
  });

  test('ends the pause before the next connection', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ waitForReady: true });
    fixture.connector.failed('refused');
    await fixture.channel.close();
    await settle();
    expect(call.error.code).toBe(Status.CANCELLED);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('resolves even if the connector cannot close, and is the same when asked twice', async () => {
    const fixture = new ClientFixture();
    fixture.connector.closeError = new Error('socket');
    const closing = fixture.channel.close();
    expect(fixture.channel.close()).toBe(closing);
    await expect(closing).resolves.toBeUndefined();
    expect(fixture.connector.closeCount).toBe(1);
  });

  test('lets later calls fail with UNAVAILABLE, without another attempt', async () => {
    const fixture = new ClientFixture();
    await fixture.channel.close();
    const call = fixture.echo({ waitForReady: true });
    await settle();
    expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false, attempts: 1 });
    expect(fixture.connector.attempts).toEqual([]);
  });

  test.each(['connecting', 'ready', 'idle'])('from within a listener, at %s, settles all', async (state) => {
    const fixture = new ClientFixture();
    fixture.channel.on('state', ({ to }) => {
      if (to === state) void fixture.channel.close();
    });
    const call = fixture.echo({ waitForReady: true });
    expect(fixture.connector.attempts).toHaveLength(state === 'connecting' ? 0 : 1);
    if (fixture.channel.state !== 'closed') fixture.connector.ready().closeWith('gone');
    await settle();
    expect(call.isPending).toBe(false);
    expect([fixture.channel.state, fixture.clock.pendingTimers]).toEqual(['closed', 0]);
  });
});

describe('a channel whose calls inherit', () => {
  const channelIn = (scope: AsyncCallScope, inherit?: boolean) => {
    const { environment } = new ClientFixture().channel;
    const connector = new ScriptedConnector();
    return { connector, channel: new Channel(connector, { ...environment, callScope: scope }, { inherit }) };
  };

  test('has servers follow their handlers while it is there; others do not', async () => {
    const scope = new AsyncCallScope();
    const other = channelIn(scope, false);
    expect(scope.isActive).toBe(false);
    const { channel } = channelIn(scope);
    expect(scope.isActive).toBe(true);
    await other.channel.close();
    expect(scope.isActive).toBe(true);
    await Promise.all([channel.close(), channel.close()]);
    expect(scope.isActive).toBe(false);
  });

  test('does not connect as a part of the call that needs it first', () => {
    const scope = new AsyncCallScope();
    const { channel, connector } = channelIn(scope);
    const current: unknown[] = [];
    connector.connect = () => {
      current.push(scope.current());
      return { cancel: () => undefined };
    };
    const client = createClient(TestServiceDefinition, channel);
    const parent = { isRunning: true, deadlineAt: Infinity, signal: new AbortController().signal };
    scope.run(parent, () => void client.echo({}));
    expect(current).toEqual([undefined]);
  });
});

describe('options of a channel that cannot be', () => {
  test.each([
    [{ retryBudget: { maxTokens: 0 } }, 'retryBudget.maxTokens is 0: it takes a number, from 1 to 1000000'],
    [{ inherit: 1 as unknown as true }, 'inherit is 1: it takes true or false'],
    [{ defaultIdleTimeoutMs: 0 }, 'defaultIdleTimeoutMs is 0: it takes a number of ms, 1 or more'],
  ])('are refused where it is made: %j', (options, message) => {
    expect(() => new ClientFixture(options)).toThrow(message);
  });
});

test('a channel has counted nothing before its first call', () => {
  const { counters } = new ClientFixture().channel;
  expect(Object.values(counters).every((count) => count === 0)).toBe(true);
  expect(counters).toMatchObject({ calls: 0, attempts: 0, hedgesWon: 0, retriesSuppressed: 0 });
});
