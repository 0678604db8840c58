/**
 * What is held for a stream whose reader is slower than its writer: how far a generator runs ahead is counted in bytes, at each
 * message that it gives, and the memory of all buffers in this process, both ends', is looked at on the way. The same over
 * gigabytes and two processes is measured by `npm run streams` in bench.
 */
import { jest } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type Channel,
  type Client,
  createChannel,
  createClient,
  createServer,
  type Server,
} from '../../src/index.js';
import { collectGarbage } from '../support/collect-garbage.js';

jest.setTimeout(60_000);

const TOTAL_BYTES = 64 << 20;
const MESSAGE_BYTES = 64 << 10;

/** What may be under way in one direction: fixed here, so that it does not depend on how fast this machine is. */
const BUFFER_BYTES = 512 << 10;
const transport = {
  streamWindow: BUFFER_BYTES,
  maxStreamWindow: BUFFER_BYTES,
  sendBufferPerStream: BUFFER_BYTES,
  maxSendBufferPerStream: BUFFER_BYTES,
};

/** Outside of these: one that found no room, one that is put together at the other end, one read ahead there, the reader's own. */
const MESSAGES_OUTSIDE = 4;

/** Kept for the next, or for both ends of whatever else is in this process: the pool of chunks, the socket's datagrams. */
const OTHER_BYTES = 12 << 20;

/** The reader sleeps so long for each message: several times what the writer needs for one. */
const READER_MS = 2;

let server: Server;
let channel: Channel;
let client: Client<typeof TestServiceDefinition>;
let count: { written: number; read: number; ahead: number; arrayBuffers: number };

beforeAll(async () => {
  server = createServer({ transport });
  server.add(TestServiceDefinition, {
    echo: (request) => request,
    put: ({ value }) => ({ value }),
    add: ({ amount }) => ({ total: amount }),
    download: () => written(),
    async upload(messages) {
      await readSlowly(messages);
      return { count: 0, size: count.read };
    },
    async *chat(messages) {
      yield* messages;
    },
  });
  channel = createChannel(`udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`, { transport });
  client = createClient(TestServiceDefinition, channel);
});

afterAll(async () => {
  await channel.close();
  await server.shutdown();
});

describe.each([
  ['the responses of a call', 1, () => readSlowly(client.download({}))],
  ['the requests of a call', 1, () => client.upload(written())],
  ['requests whose responses are not read', 2, () => readSlowly(client.chat(written()))],
])('a slow reader of %s', (_, directions, run) => {
  let before: number;

  beforeAll(async () => {
    count = { written: 0, read: 0, ahead: 0, arrayBuffers: 0 };
    before = arrayBuffersInUse();
    await run();
  });

  test('gets all of it', () => {
    expect(count).toMatchObject({ written: TOTAL_BYTES, read: TOTAL_BYTES });
  });

  test('holds up the writer where the buffers of both ends are full', () => {
    // Less would not be worth a test: the writer would never have waited.
    expect(count.ahead).toBeGreaterThan(directions * BUFFER_BYTES);
    expect(count.ahead).toBeLessThanOrEqual(
      directions * (2 * BUFFER_BYTES + MESSAGES_OUTSIDE * MESSAGE_BYTES),
    );
  });

  test('costs no more memory than these', () => {
    expect(count.arrayBuffers - before).toBeLessThan(directions * 2 * BUFFER_BYTES + OTHER_BYTES);
  });
});

async function* written(): AsyncGenerator<{ payload: Uint8Array }> {
  const payload = new Uint8Array(MESSAGE_BYTES).fill(7);
  while (count.written < TOTAL_BYTES) {
    count.written += MESSAGE_BYTES;
    count.ahead = Math.max(count.ahead, count.written - count.read);
    yield { payload };
  }
}

async function readSlowly(messages: AsyncIterable<{ payload: Uint8Array }>): Promise<void> {
  for await (const { payload } of messages) {
    await wait(READER_MS);
    count.read += payload.length;
    if (count.read % (TOTAL_BYTES / LOOKS) === 0)
      count.arrayBuffers = Math.max(count.arrayBuffers, arrayBuffersInUse());
  }
}

/** How often memory is looked at, on the way. */
const LOOKS = 8;

/** Bytes of all array buffers that somebody holds. */
function arrayBuffersInUse(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}
