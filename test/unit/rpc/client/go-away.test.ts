import { Status } from 'nice-grpc-common';
import { EchoResponse } from '../../../../generated/test/v1/test.js';
import { writeGoAway } from '../../../../src/rpc/framing/go-away.js';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { type ScriptedTransport } from '../../../support/scripted-transport.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();

function sayGoAway(transport: ScriptedTransport, lastStreamId?: number): void {
  const writer = new UnitWriter();
  writeGoAway(writer, { lastStreamId });
  const bytes = writer.bytes.slice();
  transport.listener.onStreamOpened(1, false);
  transport.listener.onStreamStopped(1, 0);
  transport.deliver(1, bytes.subarray(0, 2));
  transport.deliver(1, bytes.subarray(2), 'end');
}

describe('[RPC-15] a channel that is told GO_AWAY', () => {
  test('makes the calls that were not started on another connection, also such as must not run twice', async () => {
    const fixture = new ClientFixture();
    const calls = [fixture.echo(), fixture.add(), fixture.add()];
    const first = fixture.connector.ready();
    await settle();
    expect(first.streamCount).toBe(3);
    sayGoAway(first, 2);
    await fixture.clock.advance(10_000);
    await settle();
    const second = fixture.connector.ready();
    await settle();
    expect(second.streamCount).toBe(1);
    expect(second.request(0).header).toMatchObject({
      path: 'test.v1.TestService/Add',
      attempt: 2,
      sequence: 1,
    });
    expect(calls.map(({ isPending }) => isPending)).toEqual([true, true, true]);
    first.answer(0, answer);
    first.refuse(2, Status.NOT_FOUND, 'no key');
    await settle();
    expect(calls[1]?.error.code).toBe(Status.NOT_FOUND);
    expect(first.log.filter((line) => / (1|4)( |$)/.test(line)).slice(-3)).toEqual([
      'reset 1 0',
      'reset 4 0',
      'stop 4 0',
    ]);
    expect(first.log.at(-1)).toMatch(/^close 0 /);
  });

  test('with no call on it closes the connection, and connects for the next call', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    const first = fixture.connector.ready();
    first.answer(0, answer);
    await settle();
    expect(call.isPending).toBe(false);
    sayGoAway(first);
    expect(first.log.at(-1)).toMatch(/^close 0 /);
    fixture.echo();
    expect(fixture.connector.attempts).toHaveLength(2);
  });

  test('that is reset before its end, or says nothing known, goes on', () => {
    const fixture = new ClientFixture();
    const call = fixture.echo();
    const transport = fixture.connector.ready();
    transport.listener.onStreamOpened(1, false);
    transport.deliver(1, Uint8Array.of(4));
    transport.listener.onStreamReset(1, 0);
    expect(transport.log.at(-1)).toBe('reset 1 0');
    expect([call.isPending, fixture.connector.attempts.length]).toEqual([true, 1]);
  });
});
