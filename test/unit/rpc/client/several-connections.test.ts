/** A channel beside its current connection: those that are silent, and those that the server wants to be left. */
import { Status } from 'nice-grpc-common';
import { EchoResponse } from '../../../../generated/test/v1/test.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes, ScriptedTransport } from '../../../support/scripted-transport.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();
const TAKEN_PLACE = 'close 0 another connection has taken its place';

describe('a connection that is suspect', () => {
  test('[IDL-4] keeps its calls, and a new call goes out at once on another one', async () => {
    const fixture = new ClientFixture();
    const old = fixture.echo();
    const silent = fixture.connector.ready();
    silent.becomeSuspect();
    expect([fixture.channel.state, fixture.connector.attempts.length]).toEqual(['idle', 1]);
    const young = fixture.echo();
    const fresh = fixture.connector.connected();
    // In its first flight.
    expect(fresh.streamCount).toBe(1);
    fresh.becomeReady();
    fresh.answer(0, answer);
    await settle();
    expect([old.isPending, young.isPending]).toEqual([true, false]);
    expect(silent.log).not.toContain(TAKEN_PLACE);
    silent.answer(0, answer);
    await settle();
    expect(old.value).toBeDefined();
    expect(silent.log.at(-1)).toBe(TAKEN_PLACE);
  });

  test('is told with its reason', () => {
    const fixture = new ClientFixture();
    fixture.echo();
    fixture.connector.ready().becomeSuspect();
    expect(fixture.states.at(-1)).toEqual({
      from: 'ready',
      to: 'idle',
      reason: '10.0.0.5:7000: nothing received for 10000 ms, 8 probes in a row unanswered',
    });
  });

  test('lets calls that wait for a stream go over at once', () => {
    const fixture = new ClientFixture();
    fixture.echo();
    fixture.echo();
    const silent = new ScriptedTransport();
    silent.streamLimit = 1;
    fixture.connector.ready(silent);
    silent.becomeSuspect();
    expect(fixture.connector.attempts).toHaveLength(2);
    expect(fixture.connector.ready().streamCount).toBe(1);
  });

  test('ends at once when it has no call', () => {
    const fixture = new ClientFixture();
    fixture.echo();
    const silent = fixture.connector.ready();
    silent.answer(0, answer);
    silent.becomeSuspect();
    expect(silent.log.at(-1)).toBe(TAKEN_PLACE);
  });

  test('[IDL-4] is current again when it answers, before there is another one', async () => {
    const fixture = new ClientFixture();
    fixture.echo();
    const silent = fixture.connector.ready();
    silent.becomeSuspect();
    const young = fixture.echo();
    silent.recover();
    expect(fixture.connector.attempts[1]?.isCancelled).toBe(true);
    silent.answer(2, answer);
    await settle();
    expect(young.value).toBeDefined();
    expect(fixture.stateNames.slice(-3)).toEqual(['ready>idle', 'idle>connecting', 'connecting>ready']);
    expect(fixture.states.at(-1)?.reason).toBe('10.0.0.5:7000 answers again');
    // What comes nevertheless is not wanted any more.
    expect(fixture.connector.connected().log).toEqual([expect.stringMatching(/^close/)]);
  });

  test('[IDL-4] is current again when it answers, and the other one ends with its last call', async () => {
    const fixture = new ClientFixture();
    fixture.echo();
    const silent = fixture.connector.ready();
    silent.becomeSuspect();
    const young = fixture.echo();
    const fresh = fixture.connector.ready();
    silent.recover();
    fixture.echo();
    expect([silent.streamCount, fresh.streamCount]).toEqual([2, 1]);
    expect(fresh.log).not.toContain(TAKEN_PLACE);
    fresh.answer(0, answer);
    await settle();
    expect(young.value).toBeDefined();
    expect(fresh.log.at(-1)).toBe(TAKEN_PLACE);
    fresh.closeWith('as asked', 'local');
    expect(fixture.channel.state).toBe('ready');
  });

  test('does not come back when it has closed meanwhile', () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    const silent = fixture.connector.ready();
    silent.becomeSuspect();
    silent.answer(0, answer);
    silent.recover();
    silent.closeWith('as asked', 'local');
    fixture.echo();
    expect([call.isPending, fixture.connector.attempts.length, silent.streamCount]).toEqual([true, 2, 1]);
  });

  test('that ends takes only its own calls with it, and those that may are made again on the other', async () => {
    const fixture = new ClientFixture();
    const old = [fixture.echo(), fixture.add()];
    const silent = fixture.connector.ready();
    silent.becomeSuspect();
    const young = fixture.echo();
    const fresh = fixture.connector.ready();
    silent.closeWith('nothing received for 30000 ms', 'idle');
    await settle();
    await fixture.clock.advance(100);
    expect(fixture.channel.state).toBe('ready');
    // Both: it is the same server, which knows what it has started.
    expect(fresh.streamCount).toBe(3);
    for (const streamId of [0, 2, 4]) fresh.answer(streamId, answer);
    await settle();
    expect([old[0]?.value, old[1]?.value, young.value]).not.toContain(undefined);
  });

  test('is closed with the channel', async () => {
    const fixture = new ClientFixture();
    const old = fixture.echo();
    const silent = fixture.connector.ready();
    silent.becomeSuspect();
    fixture.echo();
    fixture.connector.ready();
    await fixture.channel.close();
    await settle();
    expect(old.error.code).toBe(Status.CANCELLED);
    expect(silent.log.at(-1)).toBe('close 0 the channel was closed');
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('is named by the deadline of a call on it', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ timeoutMs: 15_000 });
    const silent = fixture.connector.ready();
    silent.measured = { isSuspect: true, lastReceivedAgoMs: 14_999.6 };
    silent.becomeSuspect();
    await fixture.clock.advance(15_000);
    expect(call.error.message).toBe(
      'DEADLINE_EXCEEDED after 15000 ms: 1 attempt to 10.0.0.5:7000, no answer, and nothing received for 15000 ms',
    );
  });
});

describe('a server that wants further calls on another connection', () => {
  test('[RPC-12] gets none on this one, which ends with its last call', async () => {
    const fixture = new ClientFixture();
    const calls = [fixture.echo(), fixture.echo()];
    const aged = fixture.connector.ready();
    aged.deliver(0, responseBytes({ message: answer, trailer: reconnectTrailer() }), 'end');
    const next = fixture.echo();
    const fresh = fixture.connector.ready();
    expect([aged.streamCount, fresh.streamCount]).toEqual([2, 1]);
    expect(aged.log).not.toContain(TAKEN_PLACE);
    aged.answer(2, answer);
    expect(aged.log.at(-1)).toBe(TAKEN_PLACE);
    fresh.answer(0, answer);
    await settle();
    expect([...calls, next].every((call) => call.value !== undefined)).toBe(true);
    expect(fixture.states.map(({ reason }) => reason)).toContain(
      '10.0.0.5:7000: the server wants further calls on another connection',
    );
  });

  test('[RPC-12] and says so in a refusal gets the next attempt on another one', async () => {
    const fixture = new ClientFixture();
    const call = fixture.add();
    const aged = fixture.connector.ready();
    aged.refuse(0, Status.UNAVAILABLE, 'draining', { notStarted: true, reconnect: true });
    await fixture.clock.advance(100);
    const fresh = fixture.connector.ready();
    expect(fresh.request(0).header.attempt).toBe(2);
    expect([call.isPending, aged.streamCount]).toEqual([true, 1]);
  });

  test('does not get it back when it was silent for a while', () => {
    const fixture = new ClientFixture();
    fixture.echo();
    fixture.echo();
    const aged = fixture.connector.ready();
    aged.deliver(0, responseBytes({ message: answer, trailer: reconnectTrailer() }), 'end');
    aged.becomeSuspect();
    aged.recover();
    fixture.echo();
    expect([aged.streamCount, fixture.connector.attempts.length]).toEqual([2, 2]);
  });
});

function reconnectTrailer() {
  return { code: Status.OK, details: '', notStarted: false, metadata: undefined, reconnect: true };
}

describe('the round trip of a connection', () => {
  test('is what the next one begins with', () => {
    const fixture = new ClientFixture();
    fixture.echo({ retry: false });
    const first = fixture.connector.ready();
    expect(fixture.connector.attempts[0]?.hints).toEqual({ initialRttMs: undefined });
    first.measured = { smoothedRttMs: 37 };
    first.closeWith('gone');
    fixture.echo();
    expect(fixture.connector.attempts[1]?.hints).toEqual({ initialRttMs: 37 });
  });

  test('also of one that is suspect and lives on', () => {
    const fixture = new ClientFixture();
    fixture.echo();
    const silent = fixture.connector.ready();
    silent.measured = { smoothedRttMs: 12, lastReceivedAgoMs: 10_000 };
    silent.becomeSuspect();
    fixture.echo();
    expect(fixture.connector.attempts[1]?.hints).toEqual({ initialRttMs: 12 });
  });
});

describe('a first flight that is refused', () => {
  test('[HSK-12] was certainly not executed, where the refusal proves it', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ retry: false });
    const transport = fixture.connector.connected();
    expect(transport.streamCount).toBe(1);
    transport.listener.onClosed({
      by: 'peer',
      code: 2,
      isApplication: false,
      reason: 'the server is full',
      notStarted: true,
    });
    await settle();
    expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false });
  });
});
