/** A streamed answer as its caller meets it, beside what nice-grpc's tests and the matrix ask. */
import { Status } from 'nice-grpc-common';
import { DownloadResponse } from '../../../../generated/test/v1/test.js';
import { ClientFixture, Outcome } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes } from '../../../support/scripted-transport.js';

const message = responseBytes({
  message: DownloadResponse.encode({ payload: Uint8Array.of(1) }).finish(),
  trailer: 'none',
});

test('attemptTimeoutMs is for its first message: what follows may take longer', async () => {
  const fixture = new ClientFixture();
  const messages = fixture.client.download({}, { attemptTimeoutMs: 50 })[Symbol.asyncIterator]();
  const first = new Outcome(messages.next());
  const transport = fixture.connector.ready();
  await fixture.clock.advance(40);
  transport.deliver(0, message);
  await settle();
  expect(first.isPending).toBe(false);
  const second = new Outcome(messages.next());
  await fixture.clock.advance(1_000);
  expect([second.isPending, transport.streamCount]).toEqual([true, 1]);
});

test('a first message that does not come in attemptTimeoutMs is asked for again', async () => {
  const fixture = new ClientFixture();
  const first = new Outcome(
    fixture.client.download({}, { attemptTimeoutMs: 50 })[Symbol.asyncIterator]().next(),
  );
  const transport = fixture.connector.ready();
  await fixture.clock.advance(100);
  expect([first.isPending, transport.streamCount]).toEqual([true, 2]);
});

test('after its first message there is no other attempt', async () => {
  const fixture = new ClientFixture();
  const messages = fixture.client.download({})[Symbol.asyncIterator]();
  const first = new Outcome(messages.next());
  const transport = fixture.connector.ready();
  transport.deliver(0, message);
  await settle();
  transport.refuse(0, Status.UNAVAILABLE, 'busy');
  const second = new Outcome(messages.next());
  await fixture.clock.advance(1_000);
  expect(first.isPending).toBe(false);
  expect([second.error.code, transport.streamCount]).toEqual([Status.UNAVAILABLE, 1]);
});

test('errors have the stack of who waits for them', async () => {
  const fixture = new ClientFixture();
  async function whoReads(): Promise<void> {
    for await (const each of fixture.client.download({})) expect(each).toBeDefined();
  }
  async function whoCalls(): Promise<void> {
    await fixture.client.echo({});
  }
  const outcomes = [new Outcome(whoReads()), new Outcome(whoCalls())];
  await settle();
  const transport = fixture.connector.ready();
  transport.refuse(0, Status.NOT_FOUND, 'none');
  transport.refuse(2, Status.NOT_FOUND, 'none');
  await settle();
  for (const { error } of outcomes) {
    // Its name is what a source map makes of it.
    expect(error.stack?.split('\n')[1]).toMatch(/^ +at .*streamed-answer\.test\.ts/);
    expect(error.stack).not.toContain('scripted-transport');
  }
});
