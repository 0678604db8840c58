import { Metadata, Status } from 'nice-grpc-common';
import { AddRequest, EchoRequest, EchoResponse } from '../../../../generated/test/v1/test.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { OK_TRAILER } from '../../../../src/rpc/framing/trailer.js';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';
import { ClientFixture } from '../../../support/client-fixture.js';
import { settle } from '../../../support/manual-clock.js';
import { responseBytes, ScriptedTransport } from '../../../support/scripted-transport.js';

const echoed = (...bytes: number[]): Uint8Array =>
  EchoResponse.encode({ payload: Uint8Array.of(...bytes) }).finish();

/** A call on a ready connection, on stream 0. */
function started(
  options?: Parameters<ClientFixture['echo']>[0],
  payload?: Uint8Array,
): { fixture: ClientFixture; call: ReturnType<ClientFixture['echo']>; transport: ScriptedTransport } {
  const fixture = new ClientFixture();
  const call = fixture.echo({ retry: false, ...options }, payload);
  const transport = fixture.connector.ready();
  return { fixture, call, transport };
}

describe('a unary call', () => {
  test('writes header, message and end at once, and resolves to what the server answers', async () => {
    const { call, transport, fixture } = started();
    const { header, messages, isFinished } = transport.request(0);
    expect(header).toEqual({
      path: 'test.v1.TestService/Echo',
      timeoutMs: 30_000,
      clientInstance: new Uint8Array(16).fill(1),
      sequence: 0,
      attempt: 1,
      ageMs: 0,
      isDeclaredIdempotent: false,
      metadata: undefined,
    });
    expect(messages.map((message) => EchoRequest.decode(message).payload)).toEqual([Uint8Array.of(1, 2, 3)]);
    expect(isFinished).toBe(true);
    transport.answer(0, echoed(4, 5));
    await settle();
    expect(call.value).toEqual({ payload: Uint8Array.of(4, 5) });
    expect(transport.log).toEqual(['open 0', expect.stringMatching(/^write 0 \d+ fin$/)]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('takes partial requests: what is left out has its default', () => {
    const fixture = new ClientFixture();
    void fixture.client.add({ amount: 7 });
    const transport = fixture.connector.ready();
    expect(AddRequest.decode(transport.request(0).messages[0] ?? new Uint8Array())).toEqual({
      key: '',
      amount: 7n,
    });
  });

  test('reads an answer that comes in single bytes', async () => {
    const { call, transport } = started();
    const bytes = responseBytes({ header: Metadata({ a: 'b' }), message: echoed(9) });
    for (const byte of bytes) transport.deliver(0, Uint8Array.of(byte));
    transport.deliver(0, 'end');
    await settle();
    expect(call.value).toEqual({ payload: Uint8Array.of(9) });
  });

  test.each([7, 1_000, 4_999])(
    'continues a request of which the transport takes %i bytes at a time',
    async (room) => {
      const fixture = new ClientFixture();
      const payload = Uint8Array.from({ length: 5_000 }, (_, index) => index % 251);
      const calls = [fixture.echo({}, payload), fixture.echo({}, payload.subarray(0, 900))];
      const transport = new ScriptedTransport();
      transport.room = room;
      fixture.connector.ready(transport);
      for (let turn = 0; turn < 1_000; turn++) {
        transport.listener.onStreamWritable(0);
        transport.listener.onStreamWritable(2);
      }
      const sent = [0, 2].map((streamId) =>
        EchoRequest.decode(transport.request(streamId).messages[0] ?? new Uint8Array()),
      );
      expect(sent.map(({ payload: bytes }) => bytes.length)).toEqual([5_000, 900]);
      expect(Buffer.compare(sent[0]?.payload ?? payload, payload)).toBe(0);
      expect(Buffer.compare(sent[1]?.payload ?? payload, payload.subarray(0, 900))).toBe(0);
      const writes = transport.log.length;
      transport.listener.onStreamWritable(0);
      expect(transport.log).toHaveLength(writes);
      transport.answer(0, echoed(1));
      await settle();
      expect(calls[0]?.value?.payload).toEqual(Uint8Array.of(1));
    },
  );

  test('fails with the status, details and metadata of the trailer', async () => {
    const { call, transport } = started();
    transport.refuse(0, Status.NOT_FOUND, 'no such thing', { metadata: Metadata({ why: 'gone' }) });
    await settle();
    expect(call.error).toMatchObject({
      code: Status.NOT_FOUND,
      details: 'no such thing',
      path: '/test.v1.TestService/Echo',
      message: '/test.v1.TestService/Echo NOT_FOUND: no such thing',
      maybeExecuted: true,
      attempts: 1,
    });
    expect(call.error.metadata.get('why')).toBe('gone');
  });

  test('certainly did not run when the trailer says so', async () => {
    const { call, transport } = started();
    transport.refuse(0, Status.UNAVAILABLE, 'draining', { notStarted: true });
    await settle();
    expect(call.error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false });
  });

  test.each([
    [ResetCode.REFUSED, Status.UNAVAILABLE, false],
    [ResetCode.CANCELLED, Status.CANCELLED, true],
    [ResetCode.DEADLINE, Status.DEADLINE_EXCEEDED, true],
    [ResetCode.TOO_LARGE, Status.RESOURCE_EXHAUSTED, true],
    [ResetCode.MALFORMED, Status.INTERNAL, true],
    [99, Status.INTERNAL, true],
  ])(
    '[RPC-8] whose stream is reset with code %i fails with status %i',
    async (code, status, maybeExecuted) => {
      const { call, transport } = started();
      transport.listener.onStreamReset(0, code);
      await settle();
      expect(call.error).toMatchObject({ code: status, maybeExecuted });
      expect(call.error.name).toBe('RpcError');
    },
  );

  test('[RPC-10] whose connection ends fails with UNAVAILABLE and the reason, and may have run', async () => {
    const { call, transport } = started();
    transport.closeWith('no packet for 30 s', 'idle');
    await settle();
    expect(call.error).toMatchObject({
      code: Status.UNAVAILABLE,
      details: 'no packet for 30 s',
      maybeExecuted: true,
    });
  });

  test('of which the transport took nothing certainly did not run', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ retry: false });
    const transport = fixture.connector.connected();
    // The second one finds no room at all.
    transport.room = 0;
    const second = fixture.echo({ retry: false });
    transport.closeWith('gone');
    await settle();
    expect([call.error.maybeExecuted, second.error.maybeExecuted]).toEqual([true, false]);
  });

  test('[RPC-6] answered before its request was sent whole ends its own half', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ retry: false }, new Uint8Array(3_000));
    const transport = fixture.connector.connected();
    const early = fixture.echo({ retry: false }, new Uint8Array(3_000));
    expect(call.isPending).toBe(true);
    transport.room = 10;
    const third = fixture.echo({ retry: false }, new Uint8Array(3_000));
    transport.refuse(4, Status.RESOURCE_EXHAUSTED, 'too many');
    transport.refuse(2, Status.RESOURCE_EXHAUSTED, 'too many');
    await settle();
    expect([early.error.code, third.error.code]).toEqual([
      Status.RESOURCE_EXHAUSTED,
      Status.RESOURCE_EXHAUSTED,
    ]);
    expect(transport.log.filter((entry) => entry.startsWith('reset'))).toEqual([
      `reset 4 ${ResetCode.CANCELLED}`,
    ]);
  });

  test('that the server stops reading gives its half up and still takes the answer', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ retry: false }, new Uint8Array(3_000));
    const transport = fixture.connector.connected();
    transport.room = 10;
    const stopped = fixture.echo({ retry: false }, new Uint8Array(3_000));
    transport.listener.onStreamStopped(2, ResetCode.TOO_LARGE);
    expect(transport.log.at(-1)).toBe(`reset 2 ${ResetCode.TOO_LARGE}`);
    transport.listener.onStreamWritable(2);
    expect(transport.log.at(-1)).toBe(`reset 2 ${ResetCode.TOO_LARGE}`);
    transport.refuse(2, Status.RESOURCE_EXHAUSTED, 'request too large');
    await settle();
    expect(stopped.error.details).toBe('request too large');
    expect(call.isPending).toBe(true);
  });
});

describe('an answer that is not as it should be', () => {
  const header = (): Uint8Array => responseBytes({ header: Metadata({ a: 'b' }), trailer: 'none' });
  const message = (): Uint8Array => responseBytes({ message: echoed(1), trailer: 'none' });

  test.each([
    ['a unit of unknown type', () => [Uint8Array.of(9, 0)], 'unit type 0x9'],
    ['a second header', () => [header(), header()], 'a header that is not the first unit'],
    ['a header after the message', () => [message(), header()], 'a header that is not the first unit'],
    ['a second response', () => [message(), message()], 'a second response'],
  ])('[RPC-1] %s: INTERNAL, and both halves end', async (_what, chunks, details) => {
    const { call, transport } = started();
    transport.deliver(0, ...chunks());
    await settle();
    expect(call.error.code).toBe(Status.INTERNAL);
    expect(call.error.details).toContain(details);
    expect(transport.log.slice(2)).toEqual([
      `reset 0 ${ResetCode.MALFORMED}`,
      `stop 0 ${ResetCode.MALFORMED}`,
    ]);
  });

  test.each([
    ['no trailer', () => [message()], 'ended without a trailer'],
    ['half a unit', () => [Uint8Array.of(2, 5, 1)], 'ended without a trailer'],
    ['no bytes at all', () => [], 'ended without a trailer'],
    ['OK without a response', () => [responseBytes({})], 'OK without a response'],
    [
      'a response that is no message',
      () => [responseBytes({ message: Uint8Array.of(0xff) })],
      'could not be decoded',
    ],
  ])('%s: INTERNAL', async (_what, chunks, details) => {
    const { call, transport } = started();
    transport.deliver(0, ...chunks(), 'end');
    await settle();
    expect(call.error).toMatchObject({ code: Status.INTERNAL, maybeExecuted: true });
    expect(call.error.details).toContain(details);
  });

  test('[RPC-6] bytes after the trailer change nothing for the caller, and the stream is given up', async () => {
    const { call, transport } = started();
    transport.deliver(0, responseBytes({ message: echoed(1) }));
    await settle();
    expect(call.value).toEqual({ payload: Uint8Array.of(1) });
    transport.deliver(0, responseBytes({}));
    expect(transport.log.at(-1)).toBe(`stop 0 ${ResetCode.MALFORMED}`);
    const other = started();
    other.transport.deliver(0, Uint8Array.of(...responseBytes({ message: echoed(1) }), 9));
    await settle();
    expect(other.call.value).toEqual({ payload: Uint8Array.of(1) });
    expect(other.transport.log.at(-1)).toBe(`stop 0 ${ResetCode.MALFORMED}`);
  });

  test('[RPC-2] above the limit is refused by its declared length, and the error names side and option', async () => {
    const fixture = new ClientFixture({ maxReceiveMessageBytes: 10 });
    const call = fixture.echo({ retry: false });
    const transport = fixture.connector.ready();
    const writer = new UnitWriter();
    writer.messageHead(11);
    transport.deliver(0, writer.bytes.slice());
    await settle();
    expect(call.error.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(call.error.details).toBe(
      "a message of 11 bytes is above this client's maxReceiveMessageBytes of 10 bytes",
    );
    expect(transport.log.slice(-2)).toEqual([
      `reset 0 ${ResetCode.TOO_LARGE}`,
      `stop 0 ${ResetCode.TOO_LARGE}`,
    ]);
  });
});

describe('a request that cannot be sent', () => {
  test('above the limit fails before anything is sent, and the error names side and option', async () => {
    const fixture = new ClientFixture({ maxSendMessageBytes: 10 });
    const call = fixture.echo({}, new Uint8Array(20));
    await settle();
    expect(call.error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, maybeExecuted: false, attempts: 0 });
    expect(call.error.details).toContain("22 bytes is above this client's maxSendMessageBytes of 10");
    expect(fixture.connector.attempts).toEqual([]);
  });

  test('by default may have 4 MiB', async () => {
    const { call, transport } = started({}, new Uint8Array(4_194_304 - 5));
    expect(transport.request(0).messages[0]).toHaveLength(4_194_304);
    const over = new ClientFixture().echo({}, new Uint8Array(4_194_304 - 4));
    await settle();
    expect(over.error.code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(call.isPending).toBe(true);
  });

  test('that the codec refuses fails with its error as the cause', async () => {
    const fixture = new ClientFixture();
    const promise = fixture.client.add({ amount: 'not a number' });
    await expect(promise).rejects.toMatchObject({ code: Status.INTERNAL, maybeExecuted: false });
    await expect(promise).rejects.toHaveProperty('cause');
  });

  test('because of its metadata fails at once', async () => {
    const fixture = new ClientFixture();
    const call = fixture.echo({ metadata: Metadata({ 'grpc-x': 'y' }) });
    await settle();
    expect(call.error).toMatchObject({ code: Status.INVALID_ARGUMENT, maybeExecuted: false, attempts: 0 });
    expect(fixture.connector.attempts).toEqual([]);
  });

  test('because its metadata were changed while it waited fails before a byte is written', async () => {
    const fixture = new ClientFixture();
    const metadata = Metadata();
    const call = fixture.echo({ metadata });
    metadata.set('grpc-x', 'y');
    const transport = fixture.connector.ready();
    await settle();
    expect(call.error).toMatchObject({ code: Status.INVALID_ARGUMENT, maybeExecuted: false });
    expect(transport.log).toEqual(['open 0', 'reset 0 0', 'stop 0 0']);
  });

  test.each([{ timeoutMs: NaN }, { deadline: new Date(NaN) }, { attemptTimeoutMs: NaN }])(
    'with %j is an INVALID_ARGUMENT',
    async (options) => {
      const call = new ClientFixture().echo(options);
      await settle();
      expect(call.error.code).toBe(Status.INVALID_ARGUMENT);
    },
  );
});

describe('metadata of a call', () => {
  test('travels in the request header', () => {
    const { transport } = started({ metadata: Metadata({ trace: 'x', 'raw-bin': Uint8Array.of(1) }) });
    const { metadata } = transport.request(0).header;
    expect([metadata?.get('trace'), metadata?.get('raw-bin')]).toEqual(['x', Uint8Array.of(1)]);
  });

  test('of the answer comes by onHeader as soon as it is there, and by onTrailer', async () => {
    const told: string[] = [];
    const { call, transport } = started({
      onHeader: (header) => told.push(`header ${String(header.get('a'))}`),
      onTrailer: (trailer) => told.push(`trailer ${String(trailer.get('t'))}`),
    });
    transport.deliver(0, responseBytes({ header: Metadata({ a: 'b' }), trailer: 'none' }));
    expect(told).toEqual(['header b']);
    const trailer = { ...OK_TRAILER, metadata: Metadata({ t: 'u' }) };
    transport.deliver(0, responseBytes({ message: echoed(1), trailer }), 'end');
    await settle();
    expect(told).toEqual(['header b', 'trailer u']);
    expect(call.value).toBeDefined();
  });

  test('is empty when the server sent none; an error without a header has only a trailer', async () => {
    const told: string[] = [];
    const options = {
      onHeader: (header: Metadata) => told.push(`header ${[...header].length}`),
      onTrailer: (trailer: Metadata) => told.push(`trailer ${[...trailer].length}`),
    };
    started(options).transport.answer(0, echoed(1));
    started(options).transport.refuse(0, Status.NOT_FOUND, 'no');
    await settle();
    expect(told).toEqual(['header 0', 'trailer 0', 'trailer 0']);
  });

  test.each(['onHeader', 'onTrailer'])(
    'a callback %s that throws fails the call and nothing else',
    async (name) => {
      const cause = new Error('oops');
      const { call, transport } = started({
        [name]: () => {
          throw cause;
        },
      });
      transport.answer(0, echoed(1));
      await settle();
      expect(call.error).toMatchObject({ code: Status.INTERNAL, cause });
      expect(call.settledCount).toBe(1);
    },
  );
});

describe('request IDs', () => {
  test('[AMO-1] of calls that must not run twice have a client instance and a sequence of their own', () => {
    const fixture = new ClientFixture();
    fixture.echo();
    fixture.add();
    const transport = fixture.connector.ready();
    fixture.echo();
    fixture.add();
    // The first flight first, then what waited for the connection.
    const ids = [0, 2, 4, 6].map((streamId) => {
      const { clientInstance, sequence } = transport.request(streamId).header;
      return `${String(clientInstance[0])}/${sequence}`;
    });
    expect(ids).toEqual(['1/0', '2/0', '1/1', '2/1']);
  });

  test('are given when a call is first sent: what is given up while it waits leaves no gap', () => {
    const fixture = new ClientFixture();
    const { signal, abort } = abortable();
    fixture.echo({ signal });
    fixture.echo();
    abort();
    expect(fixture.connector.ready().request(0).header.sequence).toBe(0);
  });
});

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    abort: () => {
      controller.abort();
    },
  };
}
