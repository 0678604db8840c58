/** Clients that protobuf-ts generates, as they are, over a channel. */
import { RpcError as ProtobufTsError, type RpcInterceptor, type RpcMetadata } from '@protobuf-ts/runtime-rpc';
import { BadRequest, findDetails } from '../../../src/details/index.js';
import { RpcError } from '../../../src/index.js';
import { transportFromChannel, type TransportOptions } from '../../../src/protobuf-ts/index.js';
import { ImageServiceClient } from '../../generated/protobuf-ts/code/image/v1/image.client.js';
import { TestServiceClient } from '../../generated/protobuf-ts/code/test/v1/test.client.js';
import { CHUNK_BYTES, fetchedHash, Served } from './served.js';

const BYTES = Uint8Array.of(0, 1, 2, 253, 254, 255);
const BASE64 = Buffer.from(BYTES).toString('base64');
const ECHO = { payload: BYTES, delayMs: 0, failWithCode: 0, failWithDetails: '' };

let served: Served;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): number => unhandled.push(reason);

beforeAll(() => process.on('unhandledRejection', onUnhandled));
afterAll(() => process.off('unhandledRejection', onUnhandled));
beforeEach(async () => (served = await Served.open()));
afterEach(async () => {
  await served.close();
  expect(unhandled.splice(0)).toEqual([]);
});

function testClient(options?: TransportOptions): TestServiceClient {
  return new TestServiceClient(transportFromChannel(served.channel, options));
}

async function errorOf(call: PromiseLike<unknown>): Promise<ProtobufTsError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProtobufTsError)) throw new Error('it is no RpcError', { cause: error });
  return error;
}

test('an image is fetched', async () => {
  const images = new ImageServiceClient(transportFromChannel(served.channel));
  const { chunks, fetched, told, file } = await fetchedHash({
    getMeta: (name) => images.getMeta({ name }).response,
    getChunk: (name, offset, ifMatch) =>
      images.getChunk({ name, offset, length: CHUNK_BYTES, ifMatch }).response,
  });
  expect([chunks, fetched, told]).toEqual([4, file, file]);
});

test('unary: request, headers, response, status and trailers', async () => {
  const call = await testClient().echo(ECHO, { meta: { 'x-name': 'Ada', 'x-bytes-bin': BASE64 } });
  expect(call.response.payload).toEqual(BYTES);
  expect(call.status).toEqual({ code: 'OK', detail: '' });
  expect(call.request).toBe(ECHO);
  expect(call.requestHeaders).toEqual({ 'x-name': 'Ada', 'x-bytes-bin': BASE64 });
  expect(call.headers).toEqual({ 'header-x-name': 'Ada', 'header-x-bytes-bin': BASE64 });
  expect(call.trailers).toEqual({ 'trailer-x-name': 'Ada', 'trailer-x-bytes-bin': BASE64 });
});

test('several values under one key', async () => {
  const meta = { 'x-name': ['Ada', 'Bob'], 'x-bytes-bin': ['AQ==', 'Ag'] };
  const headers = await testClient().echo(ECHO, { meta }).headers;
  expect(headers).toEqual({ 'header-x-name': 'Ada, Bob', 'header-x-bytes-bin': ['AQ==', 'Ag=='] });
});

test('server streaming: iterated, and then its end', async () => {
  const call = testClient().download({ count: 3, size: 2 }, { meta: { 'x-name': 'Ada' } });
  expect(await call.headers).toEqual({ 'header-x-name': 'Ada' });
  const heard: number[][] = [];
  for await (const { payload } of call.responses) heard.push([...payload]);
  expect(heard).toEqual([
    [0, 0],
    [1, 1],
    [2, 2],
  ]);
  expect(await call.status).toEqual({ code: 'OK', detail: '' });
  expect(await call.trailers).toEqual({ 'trailer-x-name': 'Ada' });
});

test('server streaming: listened to', async () => {
  const call = testClient().download({ count: 3, size: 1 });
  const heard: unknown[] = [];
  call.responses.onMessage(({ payload }) => heard.push(payload[0]));
  call.responses.onComplete(() => heard.push('complete'));
  call.responses.onError((error) => heard.push(error));
  const stop = call.responses.onNext((message) => heard.push(message));
  stop();
  await call;
  expect(heard).toEqual([0, 1, 2, 'complete']);
});

test('who listens or iterates late misses nothing', async () => {
  const client = testClient();
  const listened = client.download({ count: 3, size: 1 });
  const iterated = client.download({ count: 3, size: 1 });
  await Promise.all([listened, iterated]);
  const heard: unknown[] = [];
  listened.responses.onNext((message, _error, isComplete) => heard.push(message?.payload[0] ?? isComplete));
  for await (const { payload } of iterated.responses) heard.push(payload[0]);
  expect(heard).toEqual([0, 1, 2, true, 0, 1, 2]);
});

test('a server waits for messages to be read, beyond a limit', async () => {
  const call = testClient().download({ count: 200, size: 65_536 });
  let isOver = false;
  void call.status.then(() => (isOver = true));
  await call.headers;
  // As many as could be sent meanwhile, if nothing held them up, of a call that is made after it.
  const listened = testClient().download({ count: 200, size: 65_536 });
  listened.responses.onMessage(() => undefined);
  await listened.status;
  expect(isOver).toBe(false);
  let count = 0;
  for await (const { payload } of call.responses) count += payload.length;
  expect(count).toBe(200 * 65_536);
  await call.status;
});

test('client streaming', async () => {
  const call = testClient().upload();
  for (const number of [1, 2, 3]) await call.requests.send({ payload: new Uint8Array(number) });
  await call.requests.complete();
  expect(await call.response).toEqual({ count: 3, size: 6n });
  expect((await call).status.code).toBe('OK');
});

test('duplex: a conversation', async () => {
  const call = testClient().chat();
  const answers = call.responses[Symbol.asyncIterator]();
  for (const number of [1, 2, 3]) {
    await call.requests.send({ payload: Uint8Array.of(number) });
    expect(((await answers.next()).value as { payload: Uint8Array }).payload[0]).toBe(number);
  }
  await call.requests.complete();
  expect((await answers.next()).done).toBe(true);
  expect(await call.status).toEqual({ code: 'OK', detail: '' });
});

test('an error has the name of its code, text, method, trailer, details and cause', async () => {
  const request = { ...ECHO, failWithDetails: 'no payload' };
  const call = testClient().echo(request, { meta: { 'x-name': 'Ada' } });
  const error = await errorOf(call);
  expect(error).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'no payload',
    serviceName: 'test.v1.TestService',
    methodName: 'Echo',
    meta: { 'trailer-x-name': 'Ada' },
  });
  expect(error.cause).toBeInstanceOf(RpcError);
  expect(findDetails(error.cause, BadRequest)[0]?.fieldViolations[0]?.field).toBe('payload');
  for (const part of [call.response, call.status, call.trailers]) expect(await errorOf(part)).toBe(error);
});

test('a failed stream tells its listeners, its readers, and who sends', async () => {
  const call = testClient().chat({ timeout: 50 });
  const heard: unknown[] = [];
  call.responses.onError(({ message }) => heard.push(message));
  const error = await errorOf(call);
  expect(error.code).toBe('DEADLINE_EXCEEDED');
  expect(heard).toEqual([error.message]);
  expect(await errorOf(call.requests.send({ payload: BYTES }))).toBe(error);
  const reading = (async () => {
    for await (const message of call.responses) heard.push(message);
  })();
  expect(await errorOf(reading)).toBe(error);
});

test('nobody awaits anything of calls that fail', async () => {
  const client = testClient({ timeout: 30 });
  const error = await errorOf(client.echo({ ...ECHO, delayMs: 60_000 }).status);
  client.echo({ ...ECHO, delayMs: 60_000 });
  client.download({ count: 0, size: 65_536 });
  void client.upload().requests.send({ payload: BYTES });
  void client.chat().requests.send({ payload: BYTES });
  void client.upload({ meta: { 'x y': 'z' } }).requests.send({ payload: BYTES });
  expect(error.code).toBe('DEADLINE_EXCEEDED');
  await errorOf(client.upload().response);
  await errorOf(client.chat().status);
});

test('meta that cannot be is refused before it is sent', async () => {
  const error = await errorOf(testClient().echo(ECHO, { meta: { 'x-bytes-bin': 'AQI' + 'D?' } }));
  expect(error).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: "metadata 'x-bytes-bin' takes bytes in base64, and its value is not that",
  });
  expect(served.started.get('echo')).toBeUndefined();
});

test('a message that cannot be encoded is an error of its call, or of its send', async () => {
  const client = testClient();
  const wrong = { ...ECHO, delayMs: -1 };
  const message = expect.stringContaining('cannot encode test.v1.EchoRequest: ') as string;
  expect(await errorOf(client.echo(wrong))).toMatchObject({ code: 'INTERNAL', message });
  const call = client.upload();
  const wrongChunk = { payload: undefined as unknown as Uint8Array };
  expect(await errorOf(call.requests.send(wrongChunk))).toMatchObject({ code: 'INTERNAL' });
  await call.requests.complete();
  expect(await call.response).toMatchObject({ count: 0 });
  expect(await errorOf(call.requests.send({ payload: BYTES }))).toMatchObject({
    code: 'FAILED_PRECONDITION',
  });
});

test.each([
  ['milliseconds', () => 200],
  ['an instant', () => new Date(Date.now() + 200)],
])('timeout as %s ends the call, and the server knows of it', async (_what, timeout) => {
  const before = Date.now();
  const error = await errorOf(testClient().echo({ ...ECHO, delayMs: 60_000 }, { timeout: timeout() }));
  expect(error.code).toBe('DEADLINE_EXCEEDED');
  expect(served.deadline?.getTime()).toBeGreaterThanOrEqual(before);
  expect(served.deadline?.getTime()).toBeLessThan(before + 10_000);
  await expect(served.cancelled).resolves.toBe('echo');
});

test('abort cancels a call and its handler', async () => {
  const controller = new AbortController();
  const call = testClient().download({ count: 0, size: 1 }, { abort: controller.signal });
  const reading = (async () => {
    for await (const { payload } of call.responses) if (payload[0] === 3) controller.abort();
  })();
  expect((await errorOf(reading)).code).toBe('CANCELLED');
  expect((await errorOf(call.status)).code).toBe('CANCELLED');
  await expect(served.cancelled).resolves.toBe('download');
});

test('leaving the responses cancels the call and its handler', async () => {
  const call = testClient().download({ count: 0, size: 65_536 });
  for await (const { payload } of call.responses) if (payload[0] === 3) break;
  await expect(served.cancelled).resolves.toBe('download');
  expect((await errorOf(call.status)).code).toBe('CANCELLED');
});

test('interceptors of the transport and of the call', async () => {
  const log: string[] = [];
  const naming = (name: string): RpcInterceptor => ({
    interceptUnary(next, method, input, options) {
      log.push(`${name} ${method.name}`);
      return next(method, input, { ...options, meta: { ...options.meta, [name]: 'was here' } });
    },
    interceptServerStreaming(next, method, input, options) {
      log.push(`${name} ${method.name}`);
      return next(method, input, options);
    },
  });
  const client = testClient({ interceptors: [naming('first')], meta: { 'x-name': 'Ada' } });
  const headers: RpcMetadata = await client.echo(ECHO, { interceptors: [naming('second')] }).headers;
  await client.download({ count: 1, size: 1 });
  expect(log).toEqual(['first Echo', 'second Echo', 'first Download']);
  const was = { 'header-first': 'was here', 'header-second': 'was here' };
  expect(headers).toEqual({ 'header-x-name': 'Ada', ...was });
});

test('what the .proto says of idempotency decides about retries', async () => {
  const client = testClient();
  const call = client.put({ key: 'k', value: 5n });
  expect(await call.response).toEqual({ value: 5n });
  expect(await call.headers).toEqual({ attempt: '2' });
  expect(served.started.get('put')).toBe(2);
  const error = await errorOf(client.add({ key: 'k', amount: 5n }));
  expect(error).toMatchObject({ code: 'UNAVAILABLE', cause: { attempts: 1, maybeExecuted: true } });
  expect(served.started.get('add')).toBe(1);
});

test('call options of the transport are those of its calls, and wrong ones are refused where they are given', async () => {
  const error = await errorOf(testClient({ callOptions: { retry: false } }).put({ key: 'k', value: 5n }));
  expect(error).toMatchObject({ code: 'UNAVAILABLE', cause: { attempts: 1 } });
  expect(() => testClient({ callOptions: { retry: { attempts: 0 } } })).toThrow(RangeError);
});
