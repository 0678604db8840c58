/** A server that passes on what it has no definition of: as bytes, and twice only where the client's definition allows it. */
import { ServerError, Status } from 'nice-grpc-common';
import { type UnknownMethodHandler } from '../../../../src/rpc/server/service-registry.js';
import { settle } from '../../../support/manual-clock.js';
import { ECHO, echoRequest, ServerFixture } from '../../../support/server-fixture.js';
import { type ServedTransport } from '../../../support/served-transport.js';

const ELSEWHERE = 'far.v1.Away/Do';
const again = { path: ELSEWHERE, attempt: 2, ageMs: 10 } as const;

async function serve(handler: UnknownMethodHandler): Promise<ServedTransport> {
  const fixture = new ServerFixture();
  fixture.server.addUnknownMethodHandler(handler);
  return fixture.serve();
}

/** Answers each message with itself. */
async function* mirror(path: string, request: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(path);
  yield* request;
}

test('is given the path and the bytes of a method that no service has', async () => {
  const client = await serve(mirror);
  client.request(0, { path: ELSEWHERE, message: Uint8Array.of(1, 2, 3) });
  await settle();
  const [path, ...messages] = client.answer(0).messages;
  expect(new TextDecoder().decode(path)).toBe(ELSEWHERE);
  expect(messages).toEqual([Uint8Array.of(1, 2, 3)]);
  expect(client.status(0).code).toBe(Status.OK);
});

test('a method that the server has is its own', async () => {
  const client = await serve(mirror);
  client.request(0, { path: ECHO, message: echoRequest(7) });
  await settle();
  expect(client.answer(0).messages).toEqual([echoRequest(7)]);
});

/** How often the handler was started, by what comes as attempt 1 and as attempt 2. */
async function starts(
  first: Parameters<ServedTransport['request']>[1] & { readonly isFirstFlight?: boolean },
  second: Parameters<ServedTransport['request']>[1],
  failure: object = {},
): Promise<{ readonly count: number; readonly statuses: readonly Status[] }> {
  let count = 0;

  const client = await serve(async function* () {
    count++;
    throw Object.assign(new ServerError(Status.UNAVAILABLE, 'nobody there'), failure);
  });
  client.request(0, { path: ELSEWHERE, ...first }, first.isFirstFlight);
  await settle();
  client.request(4, { ...again, ...second });
  await settle();
  return { count, statuses: [client.status(0).code, client.status(4).code] };
}

test('[RPC-17] a call is undeclared, and runs once, unless its client says otherwise', async () => {
  expect(await starts({}, {})).toEqual({ count: 1, statuses: [Status.UNAVAILABLE, Status.ABORTED] });
});

test('[RPC-17] a later attempt of a method that its client has as idempotent runs again', async () => {
  const declared = { isDeclaredIdempotent: true };
  expect((await starts({}, declared)).count).toBe(2);
});

test('[RPC-17] what comes in a first flight may run twice, or its client would not have sent it there', async () => {
  const { statuses } = await starts({ isFirstFlight: true }, {});
  expect(statuses[0]).toBe(Status.UNAVAILABLE);
  expect((await starts({ isFirstFlight: true }, { isDeclaredIdempotent: true })).count).toBe(2);
});

test('[AMO-3] a handler that could not pass the call on answers as if it had not started, and the next attempt starts', async () => {
  const client = await serve(() => {
    throw Object.assign(new ServerError(Status.UNAVAILABLE, 'nobody there'), { notStarted: true });
  });
  client.request(0, { path: ELSEWHERE });
  await settle();
  expect(client.status(0)).toMatchObject({ code: Status.UNAVAILABLE, notStarted: true });
  expect((await starts({}, {}, { notStarted: true })).count).toBe(2);
});

test('there is one handler of unknown methods, and it is there before the server listens', async () => {
  const fixture = new ServerFixture();
  fixture.server.addUnknownMethodHandler(mirror);
  expect(() => {
    fixture.server.addUnknownMethodHandler(mirror);
  }).toThrow('unknown methods have a handler already');
  await fixture.connect();
  expect(() => {
    fixture.server.addUnknownMethodHandler(mirror);
  }).toThrow('before listen()');
});
