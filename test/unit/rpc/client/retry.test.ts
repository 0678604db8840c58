import { Metadata, Status } from 'nice-grpc-common';
import { AddResponse, EchoResponse } from '../../../../generated/test/v1/test.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes, ScriptedTransport } from '../../../support/scripted-transport.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();

describe('attempts', () => {
  test('[AMO-1] are made again after UNAVAILABLE, with the same request ID, their number and age', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ metadata: Metadata({ a: 'b' }) });
    const transport = fixture.connector.ready();
    const first = transport.request(0).header;
    transport.refuse(0, Status.UNAVAILABLE, 'busy');
    await fixture.clock.advance(24);
    expect(transport.streamCount).toBe(1);
    await fixture.clock.advance(1);
    const second = transport.request(2).header;
    expect([second.clientInstance, second.sequence]).toEqual([first.clientInstance, first.sequence]);
    expect([first.attempt, first.ageMs, second.attempt, second.ageMs]).toEqual([1, 0, 2, 25]);
    expect(second.metadata?.get('a')).toBe('b');
    expect(second.isDeclaredIdempotent).toBe(true);
    transport.answer(2, answer);
    await settle();
    expect(call.value?.payload).toEqual(Uint8Array.of(1));
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('[RPC-17] say nothing of idempotency where none is declared', async () => {
    const fixture = new ClientFixture();
    void fixture.client.add({ amount: 1 }).catch(() => undefined);
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy', { notStarted: true });
    await fixture.clock.advance(50);
    expect(transport.request(2).header).toMatchObject({ attempt: 2, isDeclaredIdempotent: false });
  });

  test('are four, with pauses of full jitter below 50, 100 and 200 ms', async () => {
    const fixture = new ClientFixture();
    fixture.random.fractions.push(0.999, 0.1, 0.75);
    const call = fixture.echo();
    const transport = fixture.connector.ready();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      transport.refuse(2 * attempt, Status.UNAVAILABLE, `busy ${attempt}`);
      await settle();
      pauses.push(fixture.clock.nextTimerInMs ?? -1);
      await fixture.clock.advance(pauses[attempt] ?? 0);
      expect(transport.streamCount).toBe(attempt + 2);
    }
    expect(pauses.map((pause) => Math.round(pause * 1_000) / 1_000)).toEqual([49.95, 10, 150]);
    expect(call.isPending).toBe(true);
    transport.refuse(6, Status.UNAVAILABLE, 'busy 3');
    await settle();
    expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, details: 'busy 3', attempts: 4 });
    expect(call.error.message).toBe('/test.v1.TestService/Echo UNAVAILABLE: busy 3 (4 attempts)');
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('pause no longer than 2 s', async () => {
    const fixture = new ClientFixture();
    fixture.random.fractions.push(...new Array<number>(20).fill(0.9999));
    fixture.echo({ retry: { attempts: 10 }, timeoutMs: Infinity });
    const transport = fixture.connector.ready();
    for (let attempt = 0; attempt < 9; attempt++) {
      transport.refuse(2 * attempt, Status.UNAVAILABLE, 'busy');
      await fixture.clock.advance(2_000);
    }
    expect(transport.streamCount).toBe(10);
  });

  test('take their numbers, pauses and codes from the options', async () => {
    const fixture = new ClientFixture();
    const retry = { attempts: 3, initialDelayMs: 10, factor: 10, maxDelayMs: 60, codes: [Status.ABORTED] };
    const call = fixture.echo({ retry });
    const other = fixture.echo({ retry });
    const transport = fixture.connector.ready();
    transport.refuse(2, Status.UNAVAILABLE, 'not in the list');
    transport.refuse(0, Status.ABORTED, 'again');
    await fixture.clock.advance(5);
    transport.refuse(4, Status.ABORTED, 'again');
    await fixture.clock.advance(29);
    expect(transport.streamCount).toBe(3);
    await fixture.clock.advance(1);
    transport.refuse(6, Status.ABORTED, 'again');
    await settle();
    expect(call.error).toMatchObject({ code: Status.ABORTED, attempts: 3 });
    expect(other.error).toMatchObject({ code: Status.UNAVAILABLE, attempts: 1 });
  });

  test.each([
    [{ attempts: 0 }, 'retry.attempts is 0: it takes a whole number, 1 or more'],
    [{ attempts: NaN }, 'retry.attempts is NaN: it takes a whole number, 1 or more'],
    [{ initialDelayMs: -1 }, 'retry.initialDelayMs is -1: it takes a number of ms, from 0 to 2147483647'],
    [{ factor: 0.5 }, 'retry.factor is 0.5: it takes a number, 1 or more'],
    [{ maxDelayMs: Infinity }, 'retry.maxDelayMs is Infinity: it takes a number of ms, from 0 to 2147483647'],
  ])('take no numbers that cannot be: %j', async (retry, details) => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ retry });
    await settle();
    expect(call.error).toMatchObject({ code: Status.INVALID_ARGUMENT, details, attempts: 0 });
    expect(fixture.connector.attempts).toEqual([]);
  });

  test.each([Status.NOT_FOUND, Status.INTERNAL, Status.DEADLINE_EXCEEDED, Status.RESOURCE_EXHAUSTED])(
    'are not made again after status %i',
    async (code) => {
      const fixture = new ClientFixture();
      const call = fixture.echo();
      fixture.connector.ready().refuse(0, code, 'no');
      await settle();
      expect(call.error).toMatchObject({ code, attempts: 1 });
      expect(fixture.clock.pendingTimers).toBe(0);
    },
  );

  test('are not made again with retry: false', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ retry: false });
    fixture.connector.ready().refuse(0, Status.UNAVAILABLE, 'busy');
    await settle();
    expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, attempts: 1 });
  });

  test('go over a new connection when the old one has ended', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    fixture.connector.ready().closeWith('restarted', 'reset');
    await fixture.clock.advance(25);
    expect(fixture.connector.attempts).toHaveLength(2);
    fixture.connector.ready().answer(0, answer);
    await settle();
    expect(call.value).toBeDefined();
  });

  test('begin anew: what an earlier one received does not count', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    const transport = fixture.connector.ready();
    transport.deliver(
      0,
      responseBytes({
        message: EchoResponse.encode({ payload: Uint8Array.of(9) }).finish(),
        trailer: 'none',
      }),
    );
    transport.refuse(0, Status.UNAVAILABLE, 'after all');
    await fixture.clock.advance(25);
    transport.answer(2, answer);
    await settle();
    expect(call.value?.payload).toEqual(Uint8Array.of(1));
  });

  test('show the caller the trailer of the one that decided', async () => {
    const told: string[] = [];
    const fixture = new ClientFixture();
    fixture.echo({ onTrailer: (trailer) => told.push(String(trailer.get('n'))) });
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy', { metadata: Metadata({ n: '1' }) });
    await fixture.clock.advance(25);
    transport.refuse(2, Status.NOT_FOUND, 'no', { metadata: Metadata({ n: '2' }) });
    await settle();
    expect(told).toEqual(['2']);
  });

  test('end with the call when the channel is closed in a pause', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    fixture.connector.ready().refuse(0, Status.UNAVAILABLE, 'busy');
    await settle();
    await fixture.channel.close();
    await settle();
    expect(call.error).toMatchObject({ code: Status.CANCELLED, attempts: 1 });
    expect(fixture.clock.pendingTimers).toBe(0);
  });
});

describe('an attempt that takes longer than attemptTimeoutMs', () => {
  test('is reset and followed by another', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ attemptTimeoutMs: 100 });
    const transport = fixture.connector.ready();
    await fixture.clock.advance(100);
    expect(transport.log.slice(-2)).toEqual([
      `reset 0 ${ResetCode.DEADLINE}`,
      `stop 0 ${ResetCode.DEADLINE}`,
    ]);
    await fixture.clock.advance(25);
    transport.answer(2, answer);
    await settle();
    expect(call.value).toBeDefined();
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('does not count the wait for a connection', async () => {
    const fixture = new ClientFixture();
    fixture.echo({ attemptTimeoutMs: 100 });
    await fixture.clock.advance(5_000);
    const transport = fixture.connector.ready();
    expect(transport.request(0).header).toMatchObject({ attempt: 1, timeoutMs: 25_000 });
  });

  test('fails the call with DEADLINE_EXCEEDED when it was the last', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ attemptTimeoutMs: 100, retry: { attempts: 2 } });
    fixture.connector.ready();
    await fixture.clock.advance(225);
    expect(call.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, attempts: 2 });
    expect(call.error.message).toContain("no answer within the attempt's 100 ms (2 attempts)");
  });
});

describe('a call whose idempotency is not declared', () => {
  test('[AMO-3] is not made again when it may have run and the server has spoken, or the attempt took too long', async () => {
    const fixture = new ClientFixture();
    const calls = [fixture.add(), fixture.add({ retry: true, attemptTimeoutMs: 50 })];
    fixture.connector.ready().refuse(0, Status.UNAVAILABLE, 'busy');
    await fixture.clock.advance(5_000);
    expect(calls.map((call) => [call.error.code, call.error.attempts, call.error.maybeExecuted])).toEqual([
      [Status.UNAVAILABLE, 1, true],
      [Status.DEADLINE_EXCEEDED, 1, true],
    ]);
  });

  test('[AMO-3] is made again, with its request ID, on another connection to the same server', async () => {
    const fixture = new ClientFixture();
    const call = fixture.add();
    const lost = fixture.connector.ready();
    const { header } = lost.request(0);
    lost.closeWith('nothing received for 30000 ms', 'idle');
    await fixture.clock.advance(100);
    const next = fixture.connector.ready();
    expect(next.request(0).header).toMatchObject({
      clientInstance: header.clientInstance,
      sequence: header.sequence,
      attempt: 2,
    });
    next.answer(0, AddResponse.encode({ total: 5n }).finish());
    await settle();
    expect(call.value).toEqual({ total: 5n });
  });

  test('[AMO-3] is not made again on another server, and nobody knows whether it has run', async () => {
    const fixture = new ClientFixture();
    const calls = [fixture.add(), fixture.echo()];
    fixture.connector.ready().closeWith('reset', 'peer');
    await fixture.clock.advance(100);
    const restarted = new ScriptedTransport();
    restarted.peerIncarnation = 'another';
    fixture.connector.ready(restarted);
    await settle();
    expect(calls[0]?.error).toMatchObject({
      code: Status.UNAVAILABLE,
      attempts: 2,
      maybeExecuted: true,
      details:
        'the server was restarted, and nobody knows whether the call has run on the one before: look before making it again',
      history: [{ maybeExecuted: true }, { peer: undefined, maybeExecuted: false }],
    });
    // The one that may run twice is.
    expect(restarted.streamCount).toBe(1);
    expect(restarted.request(0).header.path).toBe('test.v1.TestService/Echo');
  });

  test('[AMO-3] goes to no other server either when the second one has only refused it', async () => {
    const fixture = new ClientFixture();
    const call = fixture.add();
    fixture.connector.ready().closeWith('lost', 'idle');
    await fixture.clock.advance(100);
    fixture.connector
      .ready()
      .refuse(0, Status.UNAVAILABLE, 'going down', { notStarted: true, reconnect: true });
    await fixture.clock.advance(200);
    const restarted = new ScriptedTransport();
    restarted.peerIncarnation = 'another';
    fixture.connector.ready(restarted);
    await settle();
    expect(call.error).toMatchObject({ attempts: 3, maybeExecuted: true });
    expect(restarted.streamCount).toBe(0);
  });

  test('[AMO-3] is made again when the server says that it did not start', async () => {
    const fixture = new ClientFixture();
    const call = fixture.add();
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy', { notStarted: true });
    await fixture.clock.advance(25);
    transport.listener.onStreamReset(2, ResetCode.REFUSED);
    await fixture.clock.advance(50);
    expect(transport.request(4).header).toMatchObject({ attempt: 3, sequence: 0 });
    // Now it may have run: the fourth attempt is not made.
    transport.refuse(4, Status.UNAVAILABLE, 'busy');
    await settle();
    expect(call.error).toMatchObject({ attempts: 3, maybeExecuted: true });
  });

  test('may have run when an earlier attempt may have, whatever the last one says', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ retry: { attempts: 2 } });
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy');
    await fixture.clock.advance(25);
    transport.refuse(2, Status.UNAVAILABLE, 'busy', { notStarted: true });
    await settle();
    expect(call.error).toMatchObject({ attempts: 2, maybeExecuted: true });
  });

  test('is made again when no connection could be made', async () => {
    const fixture = new ClientFixture();
    const call = fixture.add({ retry: { attempts: 2 } });
    fixture.connector.failed('refused');
    await fixture.clock.advance(25);
    fixture.connector.failed('refused again');
    await settle();
    expect(call.error).toMatchObject({ attempts: 2, maybeExecuted: false, details: 'refused again' });
  });

  test('[AMO-3] is not made again after 240 s: a server may have forgotten it', async () => {
    const fixture = new ClientFixture();
    const call = fixture.add({ timeoutMs: Infinity });
    const transport = fixture.connector.ready();
    await fixture.clock.advance(240_000);
    transport.refuse(0, Status.UNAVAILABLE, 'busy', { notStarted: true });
    await settle();
    expect(call.error.attempts).toBe(1);
  });
});

describe("the channel's retry budget", () => {
  const small = { retryBudget: { maxTokens: 2, tokenRatio: 0.5 } };

  test('when it is spent, ends a call with what its last attempt said, and says so', async () => {
    const fixture = new ClientFixture(small);
    const call = fixture.echo();
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy');
    await fixture.clock.advance(50);
    transport.refuse(2, Status.UNAVAILABLE, 'still busy');
    await settle();
    expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, details: 'still busy', attempts: 2 });
    expect(call.error.message).toBe(
      "/test.v1.TestService/Echo UNAVAILABLE: still busy (2 attempts), not tried again: the channel's retryBudget is spent",
    );
    expect(fixture.channel.counters).toMatchObject({ retriesSuppressed: 1, retries: 1, attempts: 2 });
  });

  test('is filled again by calls that succeed, and not asked where nothing ran', async () => {
    const fixture = new ClientFixture(small);
    fixture.echo();
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy');
    await fixture.clock.advance(50);
    transport.answer(2, answer);
    await settle();
    expect(fixture.channel.retryBudget.tokens).toBe(1.5);
    const call = fixture.echo();
    for (const streamId of [4, 6, 8]) {
      transport.refuse(streamId, Status.UNAVAILABLE, 'not now', { notStarted: true });
      await fixture.clock.advance(200);
    }
    transport.answer(10, answer);
    await settle();
    expect(call.value).toBeDefined();
    expect(fixture.channel.retryBudget.tokens).toBe(2);
  });

  test('pays for the last attempt too: the server had the work', async () => {
    const fixture = new ClientFixture(small);
    fixture.echo({ retry: false });
    fixture.connector.ready().refuse(0, Status.UNAVAILABLE, 'busy');
    await settle();
    expect(fixture.channel.retryBudget.tokens).toBe(1);
    expect(fixture.channel.counters.retriesSuppressed).toBe(0);
  });
});

test('a channel counts calls and attempts, and how calls ended', async () => {
  const fixture = new ClientFixture();
  const controller = new AbortController();
  const calls = [
    fixture.echo(),
    fixture.echo({ timeoutMs: 10 }),
    fixture.echo({ signal: controller.signal }),
  ];
  const transport = fixture.connector.ready();
  transport.refuse(0, Status.UNAVAILABLE, 'busy');
  controller.abort();
  await fixture.clock.advance(50);
  expect(calls.filter((call) => call.isPending)).toHaveLength(1);
  transport.answer(6, answer);
  await settle();
  expect(fixture.channel.counters).toEqual({
    calls: 3,
    callsSucceeded: 1,
    callsFailed: 2,
    attempts: 4,
    retries: 1,
    hedges: 0,
    hedgesWon: 0,
    retriesSuppressed: 0,
  });
});
