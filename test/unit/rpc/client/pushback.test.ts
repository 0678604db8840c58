/** [RPC-14] A server says when it wants a call again, or that it does not. */
import { Status } from 'nice-grpc-common';
import { EchoResponse } from '../../../../generated/test/v1/test.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';

const answer = EchoResponse.encode({ payload: Uint8Array.of(1) }).finish();

test('the next attempt is made then, not after the own pause', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo();
  const transport = fixture.connector.ready();
  transport.refuse(0, Status.UNAVAILABLE, 'busy', { retryAfterMs: 700 });
  await fixture.clock.advance(699);
  expect(transport.streamCount).toBe(1);
  await fixture.clock.advance(1);
  expect(transport.streamCount).toBe(2);
  transport.answer(2, answer);
  await settle();
  expect(call.isPending).toBe(false);
});

test('a server that has too much to do, has not begun and says when is asked again', async () => {
  const fixture = new ClientFixture();
  const calls = [fixture.add(), fixture.add(), fixture.echo()];
  const transport = fixture.connector.ready();
  const [code, details] = [Status.RESOURCE_EXHAUSTED, 'too much to do'] as const;
  // In the order in which they were sent: the one that rides in a first flight, then the others.
  transport.refuse(0, code, details, { notStarted: true, retryAfterMs: 20 });
  transport.refuse(2, code, details, { notStarted: true });
  transport.refuse(4, code, details, { retryAfterMs: 20 });
  await fixture.clock.advance(1_000);
  expect(transport.streamCount).toBe(4);
  expect(calls.filter((call) => call.isPending)).toHaveLength(1);
});

test('one that is not wanted again is not made again', async () => {
  const fixture = new ClientFixture();
  const call = fixture.echo();
  const transport = fixture.connector.ready();
  transport.refuse(0, Status.UNAVAILABLE, 'never', { notStarted: true, retryAfterMs: Infinity });
  await fixture.clock.advance(10_000);
  expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, attempts: 1 });
});
