/** Clients that ts-proto generates itself, as they are, over a channel. */
import { ImageServiceClientImpl } from '../../../generated/image/v1/image.js';
import { TestServiceClientImpl, TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { BadRequest, findDetails } from '../../../src/details/index.js';
import { RpcError, rpcFromChannel, type RpcAdapterOptions, Status } from '../../../src/index.js';
import { CHUNK_BYTES, fetchedHash, Served } from './served.js';

const BYTES = Uint8Array.of(0, 1, 2, 253, 254, 255);
const ECHO = { payload: BYTES, delayMs: 0, failWithCode: 0, failWithDetails: '' };

let served: Served;
beforeEach(async () => (served = await Served.open()));
afterEach(() => served.close());

function testClient(options?: RpcAdapterOptions): TestServiceClientImpl {
  return new TestServiceClientImpl(rpcFromChannel(served.channel, options));
}

async function* payloads(...numbers: number[]) {
  for (const number of numbers) yield { payload: Uint8Array.of(number) };
}

async function errorOf(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error('it is no RpcError', { cause: error });
  return error;
}

test('an image is fetched', async () => {
  const images = new ImageServiceClientImpl(rpcFromChannel(served.channel));
  const { chunks, fetched, told, file } = await fetchedHash({
    getMeta: (name) => images.getMeta({ name }),
    getChunk: (name, offset, ifMatch) => images.getChunk({ name, offset, length: CHUNK_BYTES, ifMatch }),
  });
  expect([chunks, fetched, told]).toEqual([4, file, file]);
});

test('methods of all four kinds', async () => {
  const client = testClient();
  expect((await client.echo(ECHO)).payload).toEqual(BYTES);
  const heard: (number | undefined)[] = [];
  for await (const { payload } of client.download({ count: 3, size: 1 })) heard.push(payload[0]);
  expect(await client.upload(payloads(1, 2, 3))).toEqual({ count: 3, size: 3n });
  for await (const { payload } of client.chat(payloads(7, 8))) heard.push(payload[0]);
  expect(heard).toEqual([0, 1, 2, 7, 8]);
});

test('an error has its code, text and details', async () => {
  const error = await errorOf(testClient().echo({ ...ECHO, failWithDetails: 'no payload' }));
  expect(error).toMatchObject({ code: Status.INVALID_ARGUMENT, details: 'no payload' });
  expect(findDetails(error, BadRequest)[0]?.fieldViolations[0]?.field).toBe('payload');
});

test('timeoutMs of the adapter ends a call, and its handler', async () => {
  const client = testClient({ callOptions: { timeoutMs: 200 } });
  expect(await errorOf(client.echo({ ...ECHO, delayMs: 60_000 }))).toMatchObject({
    code: Status.DEADLINE_EXCEEDED,
  });
  await expect(served.cancelled).resolves.toBe('echo');
});

test('a signal cancels a call and its handler', async () => {
  const controller = new AbortController();
  const reading = (async () => {
    for await (const { payload } of testClient().download({ count: 0, size: 1 }, controller.signal)) {
      if (payload[0] === 3) controller.abort();
    }
  })();
  expect(await errorOf(reading)).toMatchObject({ code: Status.CANCELLED, name: 'AbortError' });
  await expect(served.cancelled).resolves.toBe('download');
});

test('with the definitions, what the .proto says of idempotency decides about retries', async () => {
  const client = testClient({ definitions: [TestServiceDefinition] });
  expect(await client.put({ key: 'k', value: 5n })).toEqual({ value: 5n });
  expect(served.started.get('put')).toBe(2);
  expect(await errorOf(client.add({ key: 'k', amount: 5n }))).toMatchObject({ attempts: 1 });
  expect(served.started.get('add')).toBe(1);
});

test('without them no call is made twice', async () => {
  expect(await errorOf(testClient().put({ key: 'k', value: 5n }))).toMatchObject({
    code: Status.UNAVAILABLE,
    attempts: 1,
  });
  expect(served.started.get('put')).toBe(1);
});

test('leaving a stream cancels the call and its handler', async () => {
  for await (const { payload } of testClient().download({ count: 0, size: 1 })) {
    if (payload[0] === 3) break;
  }
  await expect(served.cancelled).resolves.toBe('download');
});
