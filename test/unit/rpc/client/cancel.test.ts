import { Status } from 'nice-grpc-common';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { ClientFixture, Outcome } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';

describe('an AbortSignal', () => {
  test('aborted before the call: nothing is sent, and the error is an AbortError as nice-grpc throws', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ signal: AbortSignal.abort('changed my mind') });
    await settle();
    expect(call.error).toMatchObject({
      name: 'AbortError',
      code: Status.CANCELLED,
      maybeExecuted: false,
      attempts: 0,
      cause: 'changed my mind',
    });
    expect(fixture.connector.attempts).toEqual([]);
    expect(fixture.states).toEqual([]);
  });

  test('[RPC-9] aborted later resets and stops the stream, and the call may have run', async () => {
    const fixture = new ClientFixture();
    const controller = new AbortController();
    const call = fixture.echo({ signal: controller.signal });
    const transport = fixture.connector.ready();
    controller.abort();
    expect(transport.log.slice(-2)).toEqual([
      `reset 0 ${ResetCode.CANCELLED}`,
      `stop 0 ${ResetCode.CANCELLED}`,
    ]);
    await settle();
    expect(call.error).toMatchObject({
      name: 'AbortError',
      code: Status.CANCELLED,
      maybeExecuted: true,
      attempts: 1,
    });
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('aborted while the call waits takes it out of the queue: no stream is opened for it', async () => {
    const fixture = new ClientFixture();
    const controller = new AbortController();
    const call = fixture.echo({ signal: controller.signal });
    const other = fixture.echo();
    controller.abort();
    const transport = fixture.connector.ready();
    await settle();
    expect(call.error).toMatchObject({ name: 'AbortError', maybeExecuted: false });
    expect(transport.streamCount).toBe(1);
    expect(other.isPending).toBe(true);
  });

  test('aborted in the pause between attempts ends the call at once, without another', async () => {
    const fixture = new ClientFixture();
    const controller = new AbortController();
    const call = fixture.echo({ signal: controller.signal });
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.UNAVAILABLE, 'busy');
    await settle();
    controller.abort();
    await settle();
    expect(call.error).toMatchObject({ name: 'AbortError', attempts: 1 });
    await fixture.clock.advance(10_000);
    expect(transport.streamCount).toBe(1);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('aborted before the pause has begun leaves no timer behind', async () => {
    const fixture = new ClientFixture();
    const controller = new AbortController();
    const call = fixture.echo({ signal: controller.signal });
    fixture.connector.ready().refuse(0, Status.UNAVAILABLE, 'busy');
    controller.abort();
    await settle();
    expect(call.error.name).toBe('AbortError');
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('aborted after the end changes nothing', async () => {
    const fixture = new ClientFixture();
    const controller = new AbortController();
    const call = fixture.echo({ signal: controller.signal });
    const transport = fixture.connector.ready();
    transport.refuse(0, Status.NOT_FOUND, 'no');
    const { length } = transport.log;
    controller.abort();
    await settle();
    expect(call.error.code).toBe(Status.NOT_FOUND);
    expect([transport.log.length, call.settledCount]).toEqual([length, 1]);
  });

  test('has one listener for all its calls, and none after the last: Node would warn at the eleventh', async () => {
    const fixture = new ClientFixture();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const calls = Array.from({ length: 20 }, () => fixture.echo({ signal }));
    expect(listeners).toBe(1);
    const transport = fixture.connector.ready();
    calls.slice(1).forEach((_call, index) => {
      transport.refuse(2 * index, Status.NOT_FOUND, 'no');
    });
    await settle();
    expect(listeners).toBe(1);
    transport.refuse(38, Status.NOT_FOUND, 'no');
    await settle();
    expect(calls.filter((call) => call.isPending)).toEqual([]);
    expect(listeners).toBe(0);
  });

  test('cancels all its calls, also when one of them is made in answer to another', async () => {
    const fixture = new ClientFixture();
    const controller = new AbortController();
    const { signal } = controller;
    const first = fixture.echo({ signal });
    const follower = new Outcome(
      fixture.client.echo({}, { signal }).catch(() => fixture.client.echo({}, { signal })),
    );
    fixture.connector.ready();
    controller.abort();
    await settle();
    expect(first.error.name).toBe('AbortError');
    expect(follower.error).toMatchObject({ name: 'AbortError', attempts: 0 });
  });

  test('aborted by onHeader ends the call in the middle of its answer', async () => {
    const fixture = new ClientFixture();
    const controller = new AbortController();
    const call = fixture.echo({
      signal: controller.signal,
      onHeader: () => {
        controller.abort();
      },
    });
    const transport = fixture.connector.ready();
    transport.answer(0, Uint8Array.of());
    await settle();
    expect([call.error.name, call.settledCount]).toEqual(['AbortError', 1]);
    expect(transport.log.slice(-1)).toEqual([`stop 0 ${ResetCode.CANCELLED}`]);
  });
});
