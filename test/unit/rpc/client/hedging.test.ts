/** Hedged calls as they go over a connection. The policy alone: hedge.test.ts. */
import { Status } from 'nice-grpc-common';
import { EchoResponse } from '../../../../generated/test/v1/test.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes } from '../../../support/scripted-transport.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();

test('a second attempt is made when the first is slow, and the first answer counts', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo({ hedge: { delayMs: 20 } });
  const transport = fixture.connector.ready();
  await fixture.clock.advance(19);
  expect(transport.streamCount).toBe(1);
  await fixture.clock.advance(1);
  expect(transport.request(2).header).toMatchObject({ attempt: 2, sequence: 0 });
  transport.answer(2, answer);
  await settle();
  expect(call.value?.payload).toEqual(Uint8Array.of(1));
  expect(transport.log).toEqual(
    expect.arrayContaining([`reset 0 ${ResetCode.CANCELLED}`, `stop 0 ${ResetCode.CANCELLED}`]),
  );
  expect(fixture.channel.counters).toMatchObject({
    calls: 1,
    attempts: 2,
    hedges: 1,
    hedgesWon: 1,
    retries: 0,
  });
  expect(fixture.clock.pendingTimers).toBe(0);
});

test('a fast answer costs no second attempt', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo({ hedge: true });
  const transport = fixture.connector.ready();
  transport.answer(0, answer);
  await settle();
  await fixture.clock.advance(1_000);
  expect([call.isPending, transport.streamCount]).toEqual([false, 1]);
  expect(fixture.channel.counters).toMatchObject({ hedges: 0, hedgesWon: 0 });
});

test('a failure that is worth another attempt starts it at once, and the last one ends the call', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo({ hedge: { attempts: 2, delayMs: 1_000 } });
  const transport = fixture.connector.ready();
  transport.refuse(0, Status.UNAVAILABLE, 'busy');
  await settle();
  expect(transport.streamCount).toBe(2);
  transport.refuse(2, Status.UNAVAILABLE, 'busy too');
  await settle();
  expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, details: 'busy too', attempts: 2 });
  expect(call.error.history.map(({ attempt, details }) => [attempt, details])).toEqual([
    [1, 'busy'],
    [2, 'busy too'],
  ]);
  expect(fixture.clock.pendingTimers).toBe(0);
});

test('a status that no other attempt could better decides the call', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo({ hedge: { delayMs: 10 } });
  const transport = fixture.connector.ready();
  await fixture.clock.advance(10);
  transport.refuse(0, Status.NOT_FOUND, 'none');
  await settle();
  expect(call.error.code).toBe(Status.NOT_FOUND);
  expect(transport.log).toContain(`reset 2 ${ResetCode.CANCELLED}`);
});

test('the deadline ends all of them, and tells of each', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo({ hedge: { delayMs: 10 }, timeoutMs: 100 });
  const transport = fixture.connector.ready();
  await fixture.clock.advance(100);
  expect(call.error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, attempts: 2 });
  expect(call.error.history).toHaveLength(2);
  expect(transport.log).toEqual(expect.arrayContaining(['reset 0 3', 'reset 2 3']));
});

test('the first message decides: the others are given up before its status has come', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo({ hedge: { attempts: 3, delayMs: 10 } });
  const transport = fixture.connector.ready();
  await fixture.clock.advance(10);
  transport.deliver(2, responseBytes({ message: answer, trailer: 'none' }));
  expect([call.isPending, transport.log.at(-1)]).toEqual([true, `stop 0 ${ResetCode.CANCELLED}`]);
  await fixture.clock.advance(1_000);
  expect(transport.streamCount).toBe(2);
  transport.deliver(2, responseBytes({}), 'end');
  await settle();
  expect(call.value?.payload).toEqual(Uint8Array.of(1));
});
