/** Streaming calls have no deadline unless one is given: they end when nothing moves. */
import { Status } from 'nice-grpc-common';
import { DownloadResponse } from '../../../../generated/test/v1/test.js';
import { ClientFixture, Outcome } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes } from '../../../support/scripted-transport.js';

const message = responseBytes({
  message: DownloadResponse.encode({ payload: Uint8Array.of(1) }).finish(),
  trailer: 'none',
});

function download(fixture: ClientFixture, idleTimeoutMs?: number): AsyncIterator<unknown> {
  return fixture.client.download({}, { idleTimeoutMs })[Symbol.asyncIterator]();
}

test('a call that is silent for its idleTimeoutMs ends, and says so', async () => {
  const fixture = new ClientFixture();
  const next = new Outcome(download(fixture, 100).next());
  const transport = fixture.connector.ready();
  await fixture.clock.advance(99);
  expect(next.isPending).toBe(true);
  await fixture.clock.advance(1);
  expect(next.error).toMatchObject({
    code: Status.DEADLINE_EXCEEDED,
    details: 'after 100 ms without a message in either direction: the idleTimeoutMs of streaming calls',
  });
  expect(transport.log.slice(-2)).toEqual(['reset 0 3', 'stop 0 3']);
  expect(fixture.clock.pendingTimers).toBe(0);
});

test('each message begins the time anew', async () => {
  const fixture = new ClientFixture();
  const messages = download(fixture, 100);
  let next = new Outcome(messages.next());
  const transport = fixture.connector.ready();
  for (let round = 0; round < 3; round++) {
    await fixture.clock.advance(90);
    transport.deliver(0, message);
    await settle();
    expect(next.value).toMatchObject({ done: false });
    next = new Outcome(messages.next());
  }
  await fixture.clock.advance(99);
  expect(next.isPending).toBe(true);
  await fixture.clock.advance(1);
  expect(next.error.code).toBe(Status.DEADLINE_EXCEEDED);
});

test('a caller who does not ask for the next message makes no silence', async () => {
  const fixture = new ClientFixture();
  const messages = download(fixture, 100);
  const first = new Outcome(messages.next());
  const transport = fixture.connector.ready();
  transport.deliver(0, message, message);
  await settle();
  expect(first.isPending).toBe(false);
  await fixture.clock.advance(5_000);
  expect(transport.log.filter((line) => line.startsWith('reset'))).toEqual([]);
  const second = new Outcome(messages.next());
  await settle();
  expect(second.value).toMatchObject({ done: false });
});

test('the default is the channel’s, and only where no deadline is given', async () => {
  const fixture = new ClientFixture({ defaultIdleTimeoutMs: 50 });
  const idle = new Outcome(download(fixture).next());
  const timed = new Outcome(fixture.client.download({}, { timeoutMs: 200 })[Symbol.asyncIterator]().next());
  fixture.connector.ready();
  await fixture.clock.advance(50);
  expect(idle.error.details).toMatch(/^after 50 ms without a message/);
  expect(timed.isPending).toBe(true);
  await fixture.clock.advance(150);
  expect(timed.error.message).toMatch(/^DEADLINE_EXCEEDED after 200 ms: 1 attempt to /);
});
