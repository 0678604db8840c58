import { Metadata, ServerError, Status } from 'nice-grpc-common';
import { EchoResponse, TestServiceDefinition } from '../../../../generated/test/v1/test.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { UnitType } from '../../../../src/rpc/framing/unit.js';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';
import { settle } from '../../../support/manual-clock.js';
import {
  ADD,
  ECHO,
  echoedBytes,
  echoRequest,
  PUT,
  ServerFixture,
  WALL_TIME,
} from '../../../support/server-fixture.js';
import { CLIENT_INSTANCE, requestBytes } from '../../../support/served-transport.js';

const instanceName = 'ab'.repeat(16);

describe('a unary call', () => {
  test('is answered by one write: message, trailer and end, and no header where none was set', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { message: echoRequest(1, 2, 3) });
    await settle();
    const answer = client.answer(0);
    expect(answer.messages.map(echoedBytes)).toEqual([[1, 2, 3]]);
    expect(answer).toMatchObject({
      header: undefined,
      trailer: { code: Status.OK, details: '', notStarted: false, metadata: undefined },
      writeCount: 1,
      isFinished: true,
    });
    expect(client.log).toEqual([]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('is read however the network cuts it', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.listener.onStreamOpened(0, false);
    for (const byte of requestBytes({ message: echoRequest(7, 8) })) client.deliver(0, Uint8Array.of(byte));
    expect(fixture.contexts).toHaveLength(0);
    client.deliver(0, 'end');
    await settle();
    expect(client.answer(0).messages.map(echoedBytes)).toEqual([[7, 8]]);
  });

  test('an empty message, and an empty answer, are messages', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0);
    await settle();
    expect(client.answer(0)).toMatchObject({ messages: [new Uint8Array()], isFinished: true });
  });

  test('what the handler answers may be partial, and need not be a promise', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: () => ({}) });
    client.request(0, { message: echoRequest(1) });
    expect(client.answer(0)).toMatchObject({ messages: [new Uint8Array()], isFinished: true });
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('a thenable that is no promise is waited for', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({
      echo: () =>
        ({
          then: (resolve: (value: object) => void) => {
            resolve({ payload: Uint8Array.of(5) });
          },
        }) as never,
    });
    client.request(0);
    await settle();
    expect(client.answer(0).messages.map(echoedBytes)).toEqual([[5]]);
  });

  test('a large answer is written as it is, without a copy of its own', async () => {
    const payload = new Uint8Array(100_000).map((_, index) => index);
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: async () => ({ payload }) });
    client.request(0);
    await settle();
    const answer = client.answer(0);
    expect(EchoResponse.decode(answer.messages[0] ?? new Uint8Array()).payload).toEqual(payload);
    expect(answer).toMatchObject({ writeCount: 1, isFinished: true, trailer: { code: Status.OK } });
  });

  test('an implementation may be an instance of a class', async () => {
    const { implementation } = new ServerFixture();
    class TestService {
      readonly #prefix = 9;
      put = implementation.put;
      add = implementation.add;
      download = implementation.download;
      upload = implementation.upload;
      chat = implementation.chat;
      async echo(request: { payload: Uint8Array }): Promise<{ payload: Uint8Array }> {
        return { payload: Uint8Array.of(this.#prefix, ...request.payload) };
      }
    }
    const fixture = new ServerFixture();
    fixture.server.add(TestServiceDefinition, new TestService());
    const client = await fixture.connect();
    client.request(0, { message: echoRequest(1) });
    await settle();
    expect(client.answer(0).messages.map(echoedBytes)).toEqual([[9, 1]]);
  });

  test('calls of one connection end in any order, each on its stream', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    client.request(2, { path: PUT });
    client.request(4, { message: echoRequest(4) });
    await settle();
    expect([0, 2, 4].map((streamId) => client.answer(streamId).isFinished)).toEqual([false, false, true]);
    fixture.puts[1]?.resolve({ value: 2n });
    await settle();
    expect([0, 2].map((streamId) => client.answer(streamId).isFinished)).toEqual([false, true]);
    await fixture.answerPut();
    fixture.puts[0]?.resolve({ value: 1n });
    await settle();
    expect(client.answer(0).isFinished).toBe(true);
  });

  test('its end is told, with what became of it', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT, sequence: 12 });
    await fixture.clock.advance(40);
    await fixture.answerPut();
    expect(fixture.ends).toEqual([
      {
        path: `/${PUT}`,
        peer: client.peer,
        requestId: `${instanceName}-12`,
        code: Status.OK,
        details: '',
        durationMs: 40,
        wasStarted: true,
      },
    ]);
  });
});

describe('the context of a handler', () => {
  test('carries metadata, peer, request ID and deadline', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    const metadata = Metadata({ tenant: 'a', 'trace-bin': Uint8Array.of(1) });
    client.request(0, { metadata, sequence: 7, timeoutMs: 1_500 });
    const [context] = fixture.contexts;
    expect(context?.metadata.get('tenant')).toBe('a');
    expect(context?.metadata.get('trace-bin')).toEqual(Uint8Array.of(1));
    expect(context?.peer).toBe('10.0.0.9:50000');
    expect(context?.requestId).toBe(`${instanceName}-7`);
    expect(context?.deadline).toEqual(new Date(WALL_TIME + 1_500));
  });

  test('has the same request ID for all attempts, and another for each client', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { sequence: 7 });
    client.request(2, { sequence: 7, attempt: 2, ageMs: 50 });
    client.request(4, { sequence: 7, clientInstance: new Uint8Array(16).fill(1) });
    const ids = fixture.contexts.map(({ requestId }) => requestId);
    expect(ids).toEqual([`${instanceName}-7`, `${instanceName}-7`, `${'01'.repeat(16)}-7`]);
  });

  test('without metadata has empty ones', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0);
    const metadata = fixture.contexts[0]?.metadata;
    expect([...(metadata ?? [])]).toEqual([]);
    expect(metadata?.get('a')).toBeUndefined();
    expect(metadata?.has('a')).toBe(false);
  });

  test('may be handed on as a copy: nothing of it is lost', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    const copy = { ...fixture.put.context, user: 'u' };
    const child = Object.create(fixture.put.context) as typeof copy;
    expect(Object.keys(copy).sort()).toEqual([
      'deadline',
      'header',
      'metadata',
      'peer',
      'peerCertificate',
      'requestId',
      'sendHeader',
      'signal',
      'trailer',
      'user',
    ]);
    expect(copy.signal).toBeInstanceOf(AbortSignal);
    expect(child.signal).toBe(copy.signal);
    copy.header.set('a', 'b');
    copy.sendHeader();
    expect(client.answer(0).header?.get('a')).toBe('b');
    client.cancel(0);
    expect(copy.signal.aborted).toBe(true);
  });

  test('sends header and trailer with the answer', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({
      echo: async (_request, context) => {
        context.header.set('h', '1');
        context.trailer.set('t-bin', Uint8Array.of(2));
        return {};
      },
    });
    client.request(0);
    await settle();
    const { header, trailer, writeCount } = client.answer(0);
    expect(header?.get('h')).toBe('1');
    expect(trailer?.metadata?.get('t-bin')).toEqual(Uint8Array.of(2));
    expect(writeCount).toBe(1);
  });

  test('sendHeader sends the header before the answer, once; an empty one too', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    client.request(2, { path: PUT });
    const [first, second] = fixture.puts;
    first?.context.header.set('h', '1');
    first?.context.sendHeader();
    first?.context.header.set('h', '2');
    first?.context.sendHeader();
    second?.context.sendHeader();
    expect(client.answer(0).header?.get('h')).toBe('1');
    expect(client.answer(2).header).toBeUndefined();
    expect([0, 2].map((streamId) => client.answer(streamId).writeCount)).toEqual([1, 1]);
    first?.resolve({ value: 1n });
    await settle();
    expect(client.answer(0)).toMatchObject({ writeCount: 2, isFinished: true });
    expect(client.answer(0).header?.get('h')).toBe('1');
  });

  test('response metadata above the limits fail the call, and are reported', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({
      echo: async (_request, context) => {
        context.trailer.set('t', 'x'.repeat(9_000));
        return {};
      },
      put: async (_request, context) => {
        context.header.set('h', 'x'.repeat(9_000));
        context.sendHeader();
        return {};
      },
    });
    client.request(0);
    client.request(2, { path: PUT });
    await settle();
    for (const [streamId, part] of [
      [0, 'trailer'],
      [2, 'header'],
    ] as const) {
      const { code, details } = client.status(streamId);
      expect(code).toBe(Status.RESOURCE_EXHAUSTED);
      expect(details).toBe(
        `the server's response metadata cannot be sent: ${part} metadata of 9001 bytes is above the server's maxSendMetadataBytes of 8192 bytes`,
      );
      expect(client.answer(streamId)).toMatchObject({ messages: [], isFinished: true });
    }
    expect(fixture.errors).toHaveLength(2);
  });
});

describe('what a handler throws', () => {
  test('a ServerError is the status, with the trailer', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({
      echo: async (_request, context) => {
        context.header.set('h', '1');
        context.trailer.set('reason', 'gone');
        throw new ServerError(Status.NOT_FOUND, 'no cat.jpg here');
      },
    });
    client.request(0);
    await settle();
    const { header, trailer, messages } = client.answer(0);
    expect(trailer).toMatchObject({ code: Status.NOT_FOUND, details: 'no cat.jpg here', notStarted: false });
    expect(trailer?.metadata?.get('reason')).toBe('gone');
    expect(header?.get('h')).toBe('1');
    expect(messages).toEqual([]);
    expect(fixture.errors).toEqual([]);
  });

  test('an AbortError is CANCELLED', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: () => Promise.reject(AbortSignal.abort().reason as Error) });
    client.request(0);
    await settle();
    expect(client.status(0)).toMatchObject({
      code: Status.CANCELLED,
      details: 'The operation was cancelled',
    });
  });

  test.each([
    [
      'thrown at once',
      (): never => {
        throw new Error('secret');
      },
    ],
    ['rejected', () => Promise.reject(new Error('secret'))],
    ['no error at all', () => Promise.reject(undefined as unknown as Error)],
  ])('anything else is UNKNOWN, keeps its message to itself, and is reported: %s', async (_name, echo) => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo });
    client.request(0, { sequence: 3 });
    await settle();
    expect(client.status(0)).toMatchObject({
      code: Status.UNKNOWN,
      details: 'Unknown server error occurred',
      notStarted: false,
    });
    expect(fixture.errors).toMatchObject([{ path: `/${ECHO}`, requestId: `${instanceName}-3` }]);
  });

  test('a ServerError that says OK is not OK', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: () => Promise.reject(new ServerError(Status.OK, 'fine')) });
    client.request(0);
    await settle();
    expect(client.status(0)).toMatchObject({ code: Status.UNKNOWN, details: 'fine' });
    expect(fixture.errors).toHaveLength(1);
  });

  test.each([
    ['nothing', undefined, 'the handler returned no message'],
    ['what its codec cannot encode', { payload: 7 }, expect.any(String)],
  ])('answering %s is UNKNOWN and reported', async (_name, response, message: string) => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: async () => response as never });
    client.request(0);
    await settle();
    expect(client.status(0).code).toBe(Status.UNKNOWN);
    expect(fixture.errors).toMatchObject([{ error: { message } }]);
  });

  test('the next call of the connection is unharmed, and so is a server whose listeners throw', async () => {
    const uncaught: unknown[] = [];
    const fixture = new ServerFixture();
    fixture.clock.soon = (callback) => {
      try {
        callback();
      } catch (error) {
        uncaught.push(error);
      }
    };
    fixture.server.on('handlerError', () => {
      throw new Error("a listener's mistake");
    });
    const client = await fixture.serve({
      put: () => {
        throw new Error('secret');
      },
    });
    client.request(0, { path: PUT });
    client.request(2, { message: echoRequest(1) });
    await settle();
    expect(client.status(0).code).toBe(Status.UNKNOWN);
    expect(client.status(2).code).toBe(Status.OK);
    expect(uncaught).toEqual([new Error("a listener's mistake")]);
  });
});

describe('a call that is refused certainly did not start', () => {
  test.each([
    ['other.v1.Other/Do', '/other.v1.Other/Do: the server does not offer service other.v1.Other'],
    ['test.v1.TestService/Nope', '/test.v1.TestService/Nope: service test.v1.TestService has no such method'],
    ['garbage', '/garbage: the server does not offer service garbage'],
    ['__proto__/toString', '/__proto__/toString: the server does not offer service __proto__'],
  ])('unknown or not served [RPC-4]: %s', async (path, details) => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path });
    expect(client.status(0)).toEqual({
      code: Status.UNIMPLEMENTED,
      details,
      notStarted: true,
      metadata: undefined,
    });
    expect(client.answer(0).isFinished).toBe(true);
    expect(fixture.ends).toMatchObject([{ path: `/${path}`, code: Status.UNIMPLEMENTED, wasStarted: false }]);
  });

  test('a method that the implementation does not have', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve({ echo: undefined as never });
    client.request(0);
    expect(client.status(0)).toMatchObject({
      code: Status.UNIMPLEMENTED,
      details: `/${ECHO}: the server's implementation has no such method`,
      notStarted: true,
    });
  });

  test('one that must not run twice, in a first flight [RPC-11]; others may come in one', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: ADD }, true);
    client.request(2, { path: PUT }, true);
    client.request(4, { path: ECHO }, true);
    client.request(6, { path: ADD }, false);
    await settle();
    expect(client.status(0)).toMatchObject({ code: Status.UNAVAILABLE, notStarted: true });
    expect(client.status(0).details).toContain('cannot be sent before the handshake is complete');
    expect([client.status(4).code, client.status(6).code]).toEqual([Status.OK, Status.OK]);
    expect(fixture.puts).toHaveLength(1);
    expect(fixture.addCount).toBe(1);
  });

  test('one above the limit of running handlers, until one settles', async () => {
    const fixture = new ServerFixture({ maxRunningHandlers: 2 });
    const client = await fixture.serve();
    const other = fixture.acceptor.connect();
    client.request(0, { path: PUT });
    other.request(0, { path: PUT });
    client.request(2, { path: PUT });
    expect(client.status(2)).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details: "2 handlers are running already: the server's maxRunningHandlers",
      notStarted: true,
    });
    // Around 100 ms, by chance: so that those who are refused together do not come again together.
    expect(client.status(2).retryAfterMs).toBeGreaterThanOrEqual(50);
    expect(client.status(2).retryAfterMs).toBeLessThanOrEqual(150);
    await fixture.answerPut();
    client.request(4, { path: PUT });
    expect(fixture.puts).toHaveLength(3);
  });

  test('one more than an address may make in a second, with the time after which it may come again', async () => {
    const fixture = new ServerFixture({ maxCallsPerSecondPerPeer: 2 });
    const client = await fixture.serve();
    for (const streamId of [0, 2, 4]) client.request(streamId, { message: echoRequest(1) });
    await settle();
    expect([0, 2].map((streamId) => client.status(streamId).code)).toEqual([Status.OK, Status.OK]);
    expect(client.status(4)).toEqual({
      code: Status.RESOURCE_EXHAUSTED,
      details: "more than 2 calls a second came from this address: the server's maxCallsPerSecondPerPeer",
      notStarted: true,
      metadata: undefined,
      retryAfterMs: 500,
    });
    await fixture.clock.advance(500);
    client.request(6, { message: echoRequest(1) });
    await settle();
    expect(client.status(6).code).toBe(Status.OK);
  });

  test('one whose message its codec cannot read', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { message: Uint8Array.of(0x0a, 0xff) });
    expect(client.status(0)).toMatchObject({ code: Status.INTERNAL, notStarted: true });
    expect(client.status(0).details).toMatch(/^the server could not decode the request: /);
    expect(fixture.contexts).toEqual([]);
  });

  test('[RPC-2] a message above the limit, on its declared length: nothing of it is waited for', async () => {
    const fixture = new ServerFixture({ maxReceiveMessageBytes: 100 });
    const client = await fixture.serve();
    client.listener.onStreamOpened(0, false);
    client.deliver(0, requestBytes({ message: new Uint8Array(101) }).subarray(0, 60));
    expect(client.status(0)).toEqual({
      code: Status.RESOURCE_EXHAUSTED,
      details:
        'the server refused the request: ' +
        "a message of 101 bytes is above the server's maxReceiveMessageBytes of 100 bytes",
      notStarted: true,
      metadata: undefined,
    });
    expect(client.log).toEqual([`stop 0 ${ResetCode.TOO_LARGE}`]);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('[RPC-2] a second header above the limit of headers: that limit is named, and not that of messages', async () => {
    const client = await new ServerFixture().serve();
    client.listener.onStreamOpened(0, false);
    client.deliver(0, requestBytes({}), Uint8Array.of(UnitType.HEADER, 0x80, 0, 0x40, 0));
    expect(client.status(0)).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details:
        'the server refused the request: a header or trailer of 16384 bytes is above the limit of 16383 bytes',
      notStarted: true,
    });
  });

  test('for one reason, whatever else is wrong with it', async () => {
    const fixture = new ServerFixture({ maxReceiveMessageBytes: 100 });
    const client = await fixture.serve();
    client.request(0, { path: 'test.v1.TestService/Nope', message: new Uint8Array(101) });
    expect(client.status(0).code).toBe(Status.UNIMPLEMENTED);
    expect(client.answer(0).writeCount).toBe(1);
  });

  test('metadata above their limits', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    // Written by hand: our own writer holds the same limits.
    const writer = new UnitWriter();
    writer.beginUnit(1);
    writer.textField(1, ECHO);
    writer.bytesField(3, Uint8Array.of(...CLIENT_INSTANCE, 0));
    for (let index = 0; index < 65; index++) writer.bytesField(0x10, Uint8Array.of(1, 0x61, 0x62));
    writer.endUnit();
    client.listener.onStreamOpened(0, false);
    client.deliver(0, writer.bytes.slice());
    expect(client.status(0)).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details: 'the server refused the request: request metadata has more than 64 entries',
      notStarted: true,
    });
  });

  test('a response above the limit is refused to the client, by side and option', async () => {
    const fixture = new ServerFixture({ maxSendMessageBytes: 10 });
    const client = await fixture.serve();
    client.request(0, { message: echoRequest(1, 2, 3, 4, 5, 6, 7, 8, 9) });
    await settle();
    expect(client.status(0)).toMatchObject({
      code: Status.RESOURCE_EXHAUSTED,
      details: "a response of 11 bytes is above the limit of 10 bytes (the server's maxSendMessageBytes)",
      notStarted: false,
    });
  });
});

describe('bytes that are no call [RPC-1]', () => {
  const good = requestBytes();
  const header = good.subarray(0, good.length - 2);
  test.each<[string, (Uint8Array | 'end')[]]>([
    ['an unknown unit', [Uint8Array.of(9, 0)]],
    ['a trailer', [Uint8Array.of(3, 0)]],
    ['a message before the header', [Uint8Array.of(2, 0)]],
    ['two headers', [header, header]],
    ['two messages', [good, Uint8Array.of(2, 0)]],
    ['no message', [header, 'end']],
    ['nothing', ['end']],
    ['the end in the middle of a third unit', [good, Uint8Array.of(2), 'end']],
    ['the end in the middle of a unit', [good.subarray(0, 20), 'end']],
    ['a header without a request ID', [Uint8Array.of(1, 3, 1, 1, 0x61)]],
    ['a text that is not UTF-8', [Uint8Array.of(1, 3, 1, 1, 0xff)]],
  ])('%s: the stream is reset, and the other calls go on', async (_name, chunks) => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    client.listener.onStreamOpened(2, false);
    client.deliver(2, ...chunks);
    expect(client.log).toEqual([`stop 2 ${ResetCode.MALFORMED}`, `reset 2 ${ResetCode.MALFORMED}`]);
    expect(client.answer(2).writeCount).toBe(0);
    expect(fixture.contexts).toHaveLength(1);
    await fixture.answerPut();
    expect(client.status(0).code).toBe(Status.OK);
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test('[RPC-3] a field that must be understood and is not: UNIMPLEMENTED', async () => {
    const fixture = new ServerFixture();
    const client = await fixture.serve();
    client.listener.onStreamOpened(0, false);
    client.deliver(0, Uint8Array.of(1, 2, 0x90, 0));
    expect(client.status(0)).toMatchObject({ code: Status.UNIMPLEMENTED, notStarted: true });
  });
});
