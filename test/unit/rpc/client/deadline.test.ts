import { Status } from 'nice-grpc-common';
import { idleTimeoutOf, withinParent } from '../../../../src/rpc/client/deadline.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';

describe("a call's deadline", () => {
  test.each([
    ['30 s when nobody names one', {}, 30_000],
    ['timeoutMs', { timeoutMs: 2_000 }, 2_000],
    ['a number of milliseconds from now', { deadline: 700 }, 700],
    ['an instant, by wall-clock time', { deadline: new Date(Date.UTC(2030, 0, 1, 0, 0, 5)) }, 5_000],
    ['the earlier of two', { deadline: 700, timeoutMs: 600 }, 600],
  ])('is %s', async (_what, options, afterMs) => {
    const fixture = new ClientFixture();
    const call = fixture.echo(options);
    const transport = fixture.connector.ready();
    expect(transport.request(0).header.timeoutMs).toBe(afterMs);
    await fixture.clock.advance(afterMs - 1);
    expect(call.isPending).toBe(true);
    await fixture.clock.advance(1);
    expect(call.error.code).toBe(Status.DEADLINE_EXCEEDED);
    expect(transport.log.slice(-2)).toEqual([
      `reset 0 ${ResetCode.DEADLINE}`,
      `stop 0 ${ResetCode.DEADLINE}`,
    ]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('is not moved by a wall clock that is set in the middle', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ deadline: new Date(fixture.wallTime + 5_000) });
    fixture.wallTime += 365 * 86_400_000;
    fixture.connector.ready();
    await fixture.clock.advance(4_999);
    expect(call.isPending).toBe(true);
    await fixture.clock.advance(1);
    expect(call.error.code).toBe(Status.DEADLINE_EXCEEDED);
  });

  test.each([{ timeoutMs: 0 }, { timeoutMs: -5 }, { deadline: new Date(0) }, { deadline: -1 }])(
    'that is over already (%j) sends nothing',
    async (options) => {
      const fixture = new ClientFixture();
      const call = fixture.echo(options);
      await settle();
      expect(call.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, maybeExecuted: false, attempts: 0 });
      expect(fixture.connector.attempts).toEqual([]);
    },
  );

  test('may be absent: then the request names none, and no timer is set', () => {
    const fixture = new ClientFixture();
    fixture.echo({ timeoutMs: Infinity });
    const transport = fixture.connector.ready();
    expect(transport.request(0).header.timeoutMs).toBeUndefined();
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('runs while the call waits for a connection; the server gets what is left', async () => {
    const fixture = new ClientFixture();
    const impatient = fixture.echo({ timeoutMs: 300 });
    fixture.add({ timeoutMs: 1_000 });
    await fixture.clock.advance(400);
    expect(impatient.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, maybeExecuted: false });
    const transport = fixture.connector.ready();
    expect(transport.streamCount).toBe(1);
    expect(transport.request(0).header.timeoutMs).toBe(600);
  });

  test('runs over all attempts', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ timeoutMs: 1_000 });
    const transport = fixture.connector.ready();
    await fixture.clock.advance(500);
    transport.refuse(0, Status.UNAVAILABLE, 'busy');
    await fixture.clock.advance(25);
    expect(transport.request(2).header).toMatchObject({ attempt: 2, ageMs: 525, timeoutMs: 475 });
    await fixture.clock.advance(475);
    expect(call.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, attempts: 2 });
    expect(call.error.cause).toMatchObject({ code: Status.UNAVAILABLE, details: 'busy' });
  });

  test("can be the server's word", async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    fixture.connector.ready().refuse(0, Status.DEADLINE_EXCEEDED, 'too slow');
    await settle();
    expect(call.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, details: 'too slow', attempts: 1 });
  });

  test('that passes leaves nothing for an answer that comes after it', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ timeoutMs: 10 });
    const transport = fixture.connector.ready();
    await fixture.clock.advance(10);
    transport.refuse(0, Status.NOT_FOUND, 'late');
    transport.listener.onStreamReset(0, 0);
    transport.listener.onStreamWritable(0);
    transport.closeWith('gone');
    await settle();
    expect([call.settledCount, call.error.code]).toEqual([1, Status.DEADLINE_EXCEEDED]);
  });
});

describe('the message of a passed deadline', () => {
  const messageOf = async (prepare: (fixture: ClientFixture) => void): Promise<string> => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ timeoutMs: 2_000 });
    prepare(fixture);
    await fixture.clock.advance(2_000);
    return call.error.message;
  };

  test('says when nothing at all came from the server', async () => {
    const expected = 'DEADLINE_EXCEEDED after 2000 ms: 1 attempt to 10.0.0.5:7000, no packet received';
    expect(await messageOf((fixture) => fixture.connector.connected())).toBe(expected);
  });

  test('names the target when there is not even an address', async () => {
    const expected = 'DEADLINE_EXCEEDED after 2000 ms: 1 attempt to udp://10.0.0.5:7000, no packet received';
    expect(await messageOf(() => undefined)).toBe(expected);
  });

  test('says when the server is there and does not answer', async () => {
    const expected = 'DEADLINE_EXCEEDED after 2000 ms: 1 attempt to 10.0.0.5:7000, no answer';
    expect(await messageOf((fixture) => fixture.connector.ready())).toBe(expected);
    expect(await messageOf((fixture) => (fixture.connector.connected().datagramsReceived = 3))).toBe(
      expected,
    );
  });

  test('says when there was no free stream', async () => {
    const message = await messageOf((fixture) => {
      const transport = fixture.connector.connected();
      expect(transport.streamCount).toBe(1);
    });
    expect(message).toContain('no packet received');
    const fixture = new ClientFixture();
    const first = fixture.echo({ timeoutMs: 50 });
    const transport = fixture.connector.ready();
    transport.streamLimit = 1;
    const second = fixture.echo({ timeoutMs: 20 });
    await fixture.clock.advance(20);
    expect(second.error.message).toBe(
      'DEADLINE_EXCEEDED after 20 ms: 1 attempt to 10.0.0.5:7000, no free stream',
    );
    expect(second.error.maybeExecuted).toBe(false);
    expect(first.isPending).toBe(true);
  });

  test('counts attempts, and says how the last one failed when there is no connection', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ timeoutMs: 60 });
    fixture.connector.failed('10.0.0.5:7000: connection refused');
    await fixture.clock.advance(30);
    fixture.connector.failed('10.0.0.5:7000: connection refused');
    await fixture.clock.advance(30);
    expect(call.error.message).toBe(
      'DEADLINE_EXCEEDED after 60 ms: 2 attempts to udp://10.0.0.5:7000, the last failed: 10.0.0.5:7000: connection refused',
    );
    expect(call.error.maybeExecuted).toBe(false);
  });
});

describe('a deadline inside another call', () => {
  const signal = new AbortController().signal;
  const parent = (deadlineAt: number) => ({ isRunning: true, deadlineAt, signal });

  test('is the earlier of both, and its own where there is no other', () => {
    expect(withinParent(500, parent(300))).toBe(300);
    expect(withinParent(500, parent(700))).toBe(500);
    expect(withinParent(Infinity, parent(300))).toBe(300);
    expect(withinParent(Infinity, parent(Infinity))).toBe(Infinity);
    expect(withinParent(500, undefined)).toBe(500);
  });

  test('that is not a time stays none, so that it is refused', () => {
    expect(withinParent(NaN, parent(300))).toBeNaN();
  });
});

describe('the idle timeout of a streaming call', () => {
  test.each([
    ['is the default where nothing else would end it', {}, Infinity, 600_000],
    ['is none beside a deadline', {}, 5_000, Infinity],
    ['is what the call asks for', { idleTimeoutMs: 10 }, Infinity, 10],
    ['also beside a deadline', { idleTimeoutMs: 10 }, 5_000, 10],
    ['can be none at all', { idleTimeoutMs: Infinity }, Infinity, Infinity],
  ])('%s', (_what, options, deadlineAt, expected) => {
    expect(idleTimeoutOf(options, deadlineAt, 600_000)).toBe(expected);
  });
});
