/** Clients of Connect, as they are generated and made for HTTP, over a channel. */
import { once } from 'node:events';
import {
  Code,
  ConnectError,
  createClient,
  createContextKey,
  createContextValues,
  decodeBinaryHeader,
  encodeBinaryHeader,
  type Interceptor,
} from '@connectrpc/connect';
import { transportFromChannel, type TransportOptions } from '../../../src/connect/index.js';
import { RpcError } from '../../../src/index.js';
import { collectGarbage } from '../../support/collect-garbage.js';
import { BadRequestSchema } from '../../generated/es/google/rpc/error_details_pb.js';
import { ImageService } from '../../generated/es/image/v1/image_pb.js';
import { TestService } from '../../generated/es/test/v1/test_pb.js';
import { CHUNK_BYTES, fetchedHash, Served } from './served.js';

const BYTES = Uint8Array.of(0, 1, 2, 253, 254, 255);

let served: Served;
beforeEach(async () => (served = await Served.open()));
afterEach(() => served.close());

function testClient(options?: TransportOptions) {
  return createClient(TestService, transportFromChannel(served.channel, options));
}

async function* payloads(...numbers: number[]) {
  for (const number of numbers) yield { payload: Uint8Array.of(number) };
}

async function all<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const list: Message[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError)) throw new Error('it is no ConnectError', { cause: error });
  return error;
}

test('an image is fetched', async () => {
  const images = createClient(ImageService, transportFromChannel(served.channel));
  const { chunks, fetched, told, file } = await fetchedHash({
    getMeta: (name) => images.getMeta({ name }),
    getChunk: (name, offset, ifMatch) => images.getChunk({ name, offset, length: CHUNK_BYTES, ifMatch }),
  });
  expect([chunks, fetched, told]).toEqual([4, file, file]);
});

test('methods of all four kinds', async () => {
  const client = testClient();
  expect((await client.echo({ payload: BYTES })).payload).toEqual(BYTES);
  const downloaded = await all(client.download({ count: 3, size: 2 }));
  expect(downloaded.map(({ payload }) => [...payload])).toEqual([
    [0, 0],
    [1, 1],
    [2, 2],
  ]);
  expect(await client.upload(payloads(1, 2, 3))).toMatchObject({ count: 3, size: 3n });
  expect((await all(client.chat(payloads(7, 8)))).map(({ payload }) => payload[0])).toEqual([7, 8]);
});

test('a conversation: each message is answered before the next one is sent', async () => {
  let answered: () => void = () => undefined;
  async function* turns() {
    for (const number of [1, 2, 3]) {
      const answer = new Promise<void>((resolve) => (answered = resolve));
      yield { payload: Uint8Array.of(number) };
      await answer;
    }
  }
  const heard: (number | undefined)[] = [];
  for await (const { payload } of testClient().chat(turns())) {
    heard.push(payload[0]);
    answered();
  }
  expect(heard).toEqual([1, 2, 3]);
});

test.each(['unary', 'streamed'] as const)('header and trailer, %s', async (kind) => {
  const seen: Record<string, Headers> = {};
  const options = {
    headers: { 'X-Name': 'Ada', 'x-bytes-bin': encodeBinaryHeader(BYTES) },
    onHeader: (headers: Headers) => (seen['header'] = headers),
    onTrailer: (headers: Headers) => (seen['trailer'] = headers),
  };
  if (kind === 'unary') await testClient().echo({}, options);
  else await all(testClient().download({ count: 1, size: 1 }, options));
  for (const part of ['header', 'trailer']) {
    expect(seen[part]?.get(`${part}-x-name`)).toBe('Ada');
    expect(decodeBinaryHeader(seen[part]?.get(`${part}-x-bytes-bin`) ?? '')).toEqual(BYTES);
  }
});

test('several bytes under one key are one header, separated by commas', async () => {
  const headers = new Headers();
  for (const byte of [1, 2]) headers.append('x-bytes-bin', encodeBinaryHeader(Uint8Array.of(byte)));
  let header: Headers | undefined;
  await testClient().echo({}, { headers, onHeader: (got) => (header = got) });
  const values = header?.get('header-x-bytes-bin')?.split(', ') ?? [];
  expect(values.map((value) => [...decodeBinaryHeader(value)])).toEqual([[1], [2]]);
});

test('the header is there before any message', async () => {
  let onHeader: () => void = () => undefined;
  const hasHeader = new Promise<void>((resolve) => (onHeader = resolve));
  async function* afterTheHeader() {
    await hasHeader;
    yield { payload: BYTES };
  }
  const answers = await all(testClient().chat(afterTheHeader(), { onHeader, headers: { 'x-name': 'Ada' } }));
  expect(answers.map(({ payload }) => payload)).toEqual([BYTES]);
});

test('an error has its code, text, trailer, details and cause', async () => {
  const error = await errorOf(
    testClient().echo({ failWithDetails: 'no payload' }, { headers: { 'x-name': 'Ada' } }),
  );
  expect(error).toMatchObject({ code: Code.InvalidArgument, rawMessage: 'no payload' });
  expect(error.metadata.get('trailer-x-name')).toBe('Ada');
  expect([...error.metadata.keys()]).toEqual(['trailer-x-name']);
  expect(error.findDetails(BadRequestSchema)).toMatchObject([
    { fieldViolations: [{ field: 'payload', description: 'is empty' }] },
  ]);
  expect(error.cause).toBeInstanceOf(RpcError);
});

test('a header that cannot be is refused before it is sent', async () => {
  const error = await errorOf(testClient().echo({}, { headers: { 'x-bytes-bin': 'not base64!' } }));
  expect(error).toMatchObject({
    code: Code.InvalidArgument,
    rawMessage: "metadata 'x-bytes-bin' takes bytes in base64, and its value is not that",
  });
  expect(served.started.get('echo')).toBeUndefined();
});

test('timeoutMs ends the call, and the server knows of it', async () => {
  const before = Date.now();
  const error = await errorOf(testClient().echo({ delayMs: 60_000 }, { timeoutMs: 200 }));
  expect(error.code).toBe(Code.DeadlineExceeded);
  expect(error.cause).toBeInstanceOf(RpcError);
  expect(served.deadline?.getTime()).toBeGreaterThanOrEqual(before);
  expect(served.deadline?.getTime()).toBeLessThan(before + 10_000);
  await expect(served.cancelled).resolves.toBe('echo');
});

test('a timeoutMs of 0 is none, and so is one that no timer can hold', async () => {
  const client = testClient({ callOptions: { timeoutMs: 1 } });
  for (const timeoutMs of [0, Infinity, 1e12]) {
    expect((await client.echo({ payload: BYTES, delayMs: 20 }, { timeoutMs })).payload).toEqual(BYTES);
  }
});

test('an interceptor that takes too long is told of the deadline too', async () => {
  const never: Interceptor = () => (request) =>
    once(request.signal, 'abort').then(() => Promise.reject(new Error()));
  const error = await errorOf(testClient({ interceptors: [never] }).echo({}, { timeoutMs: 20 }));
  expect(error.code).toBe(Code.DeadlineExceeded);
  expect(served.started.get('echo')).toBeUndefined();
});

test.each(['unary', 'streamed'] as const)('a signal cancels a call and its handler, %s', async (kind) => {
  const controller = new AbortController();
  const { signal } = controller;
  const calls = testClient();
  const call =
    kind === 'unary'
      ? calls.echo({ delayMs: 60_000 }, { signal, onHeader: () => undefined })
      : (async () => {
          for await (const { payload } of calls.download({ size: 1 }, { signal })) {
            if (payload[0] === 3) controller.abort(new Error('enough'));
          }
        })();
  if (kind === 'unary') {
    await untilStarted('echo');
    controller.abort(new Error('enough'));
  }
  expect(await errorOf(call)).toMatchObject({ code: Code.Canceled, rawMessage: 'enough' });
  await expect(served.cancelled).resolves.toBe(kind === 'unary' ? 'echo' : 'download');
});

/** Another call on the same connection has been answered: by then the first one has begun. */
async function untilStarted(method: string): Promise<void> {
  while (!served.started.has(method)) await testClient().chat(payloads())[Symbol.asyncIterator]().next();
}

test('a stream that its reader leaves is cancelled when that is collected', async () => {
  for await (const { payload } of testClient().download({ size: 1 })) {
    if (payload[0] === 3) break;
  }
  let method: string | undefined;
  void served.cancelled.then((name) => (method = name));
  // Connect does not tell that a stream was left: it shows when nobody holds it.
  while (method === undefined) {
    collectGarbage();
    await testClient().echo({});
  }
  expect(method).toBe('download');
});

test('interceptors see the call, its context and its end, and may change its header', async () => {
  const user = createContextKey('nobody');
  const log: unknown[] = [];
  const logging: Interceptor = (next) => async (request) => {
    const { stream, method, url, contextValues } = request;
    request.header.set('x-user', contextValues.get(user));
    const response = await next(request);
    log.push([stream, method.name, new URL(url).pathname, response.header.get('header-x-user')]);
    return response;
  };
  const client = testClient({ interceptors: [logging] });
  const contextValues = createContextValues().set(user, 'Ada');
  await client.echo({}, { contextValues });
  await all(client.download({ count: 1, size: 1 }, { contextValues }));
  expect(log).toEqual([
    [false, 'Echo', '/test.v1.TestService/Echo', 'Ada'],
    [true, 'Download', '/test.v1.TestService/Download', 'Ada'],
  ]);
});

test('what the .proto says of idempotency decides about retries', async () => {
  const client = testClient();
  let header: Headers | undefined;
  const onHeader = (headers: Headers) => (header = headers);
  expect(await client.put({ value: 5n }, { onHeader })).toMatchObject({ value: 5n });
  expect(header?.get('attempt')).toBe('2');
  expect(served.started.get('put')).toBe(2);
  const error = await errorOf(client.add({ amount: 5n }));
  expect(error).toMatchObject({ code: Code.Unavailable, cause: { attempts: 1, maybeExecuted: true } });
  expect(served.started.get('add')).toBe(1);
});

test('call options of the transport are those of its calls, and wrong ones are refused where they are given', async () => {
  const error = await errorOf(testClient({ callOptions: { retry: false } }).put({ value: 5n }));
  expect(error).toMatchObject({ code: Code.Unavailable, cause: { attempts: 1 } });
  expect(() => testClient({ callOptions: { retry: { attempts: 0 } } })).toThrow(RangeError);
});

test('what a request’s own iterable throws ends the call', async () => {
  async function* failing() {
    yield { payload: BYTES };
    throw new Error('no more paper');
  }
  const error = await errorOf(testClient().upload(failing()));
  expect(error).toMatchObject({ code: Code.Unknown, rawMessage: 'no more paper' });
  await expect(served.cancelled).resolves.toBe('upload');
});
