/** A slow reader holds up its writer through every gateway between them: what is under way is bounded, however much is to come. */
import { setTimeout as wait } from 'node:timers/promises';
import { Status } from '../../../src/index.js';
import { ROUTES, type RouteOptions } from './routes.js';

const TOTAL_BYTES = 8 << 20;
const MESSAGE_BYTES = 16 << 10;

/** What one UDP connection may hold for a stream at either end: fixed, so that it does not depend on this machine's speed. */
const BUFFER_BYTES = 256 << 10;
const transport = {
  streamWindow: BUFFER_BYTES,
  maxStreamWindow: BUFFER_BYTES,
  sendBufferPerStream: BUFFER_BYTES,
  maxSendBufferPerStream: BUFFER_BYTES,
};
const options: RouteOptions = {
  channel: { transport },
  server: { transport },
  // Else it says of the first MiB of a call that it was written, and keeps that for a retry.
  grpcClient: { 'grpc.per_rpc_retry_buffer_size': 0 },
};

/** Of one HTTP/2 connection: the window of a stream (256 KiB of ours, less of grpc-js's), and what Node holds around it. */
const HTTP2_BYTES = 512 << 10;

/** What grpc-js takes in a client or server of its own before it says that it is enough: 16 messages, of whatever size. */
const GRPC_JS_BYTES = 16 * MESSAGE_BYTES;

/** The reader sleeps so long for each message: several times what the writer needs for one. */
const READER_MS = 2;

/** The first message that is not read before `ahead` has come to rest would do; so every one is read slowly. */
describe.each(ROUTES)('$route', ({ open, route }) => {
  const grpcEnds = route === 'gRPC to UDP to gRPC' ? 2 : 1;
  const bound = 2 * BUFFER_BYTES + grpcEnds * (HTTP2_BYTES + GRPC_JS_BYTES);

  test('of responses', async () => {
    const count = { written: 0, read: 0, ahead: 0 };
    const { client } = await open(() => written(count), options);
    const call = client.call('ServerStream', [new Uint8Array()]);
    await readSlowly(call.messages, count);
    expect((await call.end).code).toBe(Status.OK);
    expect(count).toMatchObject({ written: TOTAL_BYTES, read: TOTAL_BYTES });
    expect(count.ahead).toBeGreaterThan(BUFFER_BYTES);
    expect(count.ahead).toBeLessThanOrEqual(bound);
  }, 60_000);

  test('of requests', async () => {
    const count = { written: 0, read: 0, ahead: 0 };
    const { client } = await open(async function* (call) {
      await readSlowly(call.requests, count);
      yield new Uint8Array();
    }, options);
    const call = client.call('ClientStream', written(count));
    for await (const message of call.messages) expect(message).toHaveLength(0);
    expect((await call.end).code).toBe(Status.OK);
    expect(count).toMatchObject({ written: TOTAL_BYTES, read: TOTAL_BYTES });
    expect(count.ahead).toBeGreaterThan(BUFFER_BYTES);
    expect(count.ahead).toBeLessThanOrEqual(bound);
  }, 60_000);
});

interface Count {
  written: number;
  read: number;
  ahead: number;
}

async function* written(count: Count): AsyncGenerator<Uint8Array> {
  const message = new Uint8Array(MESSAGE_BYTES).fill(7);
  while (count.written < TOTAL_BYTES) {
    count.written += MESSAGE_BYTES;
    count.ahead = Math.max(count.ahead, count.written - count.read);
    yield message;
  }
}

async function readSlowly(messages: AsyncIterable<Uint8Array>, count: Count): Promise<void> {
  for await (const message of messages) {
    await wait(READER_MS);
    count.read += message.length;
  }
}
