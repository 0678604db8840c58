/** A streamed request: pulled as there is room, given again to another attempt, closed with the call. */
import { Status } from 'nice-grpc-common';
import { ChatRequest, UploadResponse } from '../../../../generated/test/v1/test.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { MESSAGES_PER_TURN } from '../../../../src/rpc/turn-share.js';
import { ClientFixture, Outcome } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { ScriptedTransport } from '../../../support/scripted-transport.js';

const answer = UploadResponse.encode({ count: 1, size: 1n }).finish();

/** Counts what is asked of it, and whether it was closed. */
class Source {
  given = 0;
  isClosed = false;
  readonly #count: number;
  readonly #bytes: number;

  constructor(count: number, bytes = 3) {
    this.#count = count;
    this.#bytes = bytes;
  }

  async *messages(): AsyncGenerator<{ payload: Uint8Array }> {
    try {
      while (this.given < this.#count) {
        this.given += 1;
        yield { payload: new Uint8Array(this.#bytes).fill(this.given) };
      }
    } finally {
      this.isClosed = true;
    }
  }
}

const payloads = (transport: ScriptedTransport, streamId: number): (number | undefined)[] =>
  transport.request(streamId).messages.map((bytes) => ChatRequest.decode(bytes).payload[0]);

test('is asked for the next message only when the one before was taken', async () => {
  const fixture = new ClientFixture();
  const source = new Source(100, 1_000);
  void fixture.client.upload(source.messages()).catch(() => undefined);
  const transport = new ScriptedTransport();
  transport.room = 500;
  fixture.connector.ready(transport);
  await settle();
  expect(source.given).toBe(1);
  await settle();
  expect(source.given).toBe(1);
  transport.room = 2_500;
  transport.listener.onStreamWritable(0);
  await settle();
  expect(source.given).toBeGreaterThan(1);
});

test('of tiny messages leaves the event loop its turns', async () => {
  const fixture = new ClientFixture();
  const source = new Source(10_000, 0);
  const call = new Outcome(fixture.client.upload(source.messages()));
  const transport = fixture.connector.ready();
  await settle();
  expect(source.given).toBeGreaterThan(0);
  expect(source.given).toBeLessThanOrEqual(MESSAGES_PER_TURN + 1);
  while (source.given < 10_000) await settle();
  await settle();
  expect(transport.request(0).messages).toHaveLength(10_000);
  transport.answer(0, answer);
  await settle();
  expect(call.isPending).toBe(false);
});

test('ends with the iterable', async () => {
  const fixture = new ClientFixture();
  const call = new Outcome(fixture.client.upload(new Source(3).messages()));
  const transport = fixture.connector.ready();
  await settle();
  expect(payloads(transport, 0)).toEqual([1, 2, 3]);
  expect(transport.request(0).isFinished).toBe(true);
  transport.answer(0, answer);
  await settle();
  expect(call.value).toMatchObject({ count: 1 });
});

test('is given again from its beginning to an attempt that the server allows', async () => {
  const fixture = new ClientFixture();
  const source = new Source(4);
  const call = new Outcome(fixture.client.upload(source.messages()));
  const transport = fixture.connector.ready();
  await settle();
  transport.refuse(0, Status.UNAVAILABLE, 'busy', { notStarted: true });
  await fixture.clock.advance(50);
  await settle();
  expect(payloads(transport, 2)).toEqual([1, 2, 3, 4]);
  expect([transport.request(2).isFinished, source.given]).toEqual([true, 4]);
  transport.answer(2, answer);
  await settle();
  expect(call.isPending).toBe(false);
});

test('is given whole to the next attempt, also what came between the two, however large', async () => {
  const fixture = new ClientFixture();
  let give: () => void = () => undefined;
  const messages = async function* messages(): AsyncGenerator<{ payload: Uint8Array }> {
    yield { payload: Uint8Array.of(1) };
    await new Promise<void>((resolve) => (give = resolve));
    yield { payload: new Uint8Array(300_000).fill(2) };
  };
  const call = new Outcome(fixture.client.upload(messages()));
  const transport = fixture.connector.ready();
  await settle();
  transport.refuse(0, Status.UNAVAILABLE, 'busy', { notStarted: true });
  give();
  await settle();
  await fixture.clock.advance(50);
  expect(payloads(transport, 2)).toEqual([1, 2]);
  transport.answer(2, answer);
  await settle();
  expect(call.isPending).toBe(false);
});

test('is not given again once more of it was sent than is kept', async () => {
  const fixture = new ClientFixture();
  const call = new Outcome(fixture.client.upload(new Source(3, 100_000).messages()));
  const transport = fixture.connector.ready();
  await settle();
  transport.refuse(0, Status.UNAVAILABLE, 'busy', { notStarted: true });
  await settle();
  expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, attempts: 1, maybeExecuted: false });
});

test('is closed when the server wants no more of it, and the answer still counts', async () => {
  const fixture = new ClientFixture();
  const source = new Source(Infinity, 1_000);
  const call = new Outcome(fixture.client.upload(source.messages()));
  const transport = new ScriptedTransport();
  transport.room = 5_000;
  fixture.connector.ready(transport);
  transport.room = 0;
  await settle();
  transport.listener.onStreamStopped(0, ResetCode.CANCELLED);
  await settle();
  expect([source.isClosed, call.isPending]).toEqual([true, true]);
  transport.answer(0, answer);
  await settle();
  expect(call.value).toMatchObject({ count: 1 });
});

test('of a call that is aborted is closed', async () => {
  const fixture = new ClientFixture();
  const source = new Source(Infinity, 1_000);
  const controller = new AbortController();
  const call = new Outcome(fixture.client.upload(source.messages(), { signal: controller.signal }));
  const transport = new ScriptedTransport();
  transport.room = 5_000;
  fixture.connector.ready(transport);
  transport.room = 0;
  await settle();
  controller.abort();
  await settle();
  expect([call.error.name, source.isClosed]).toEqual(['AbortError', true]);
  expect(fixture.clock.pendingTimers).toBe(0);
});

test('that is no iterable is refused', async () => {
  const fixture = new ClientFixture();
  const call = new Outcome(fixture.client.upload({ payload: 1 } as never));
  await settle();
  expect(call.error).toMatchObject({ code: Status.INVALID_ARGUMENT, maybeExecuted: false, attempts: 0 });
});
