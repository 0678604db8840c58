import fc from 'fast-check';
import { Status } from 'nice-grpc-common';
import { GatewayError } from '../../../src/gateway/grpc-status.js';
import { collectGarbage } from '../../support/collect-garbage.js';
import { MessageReader, type MessageReaderOptions } from '../../../src/gateway/message-reader.js';

function reader(options: Partial<MessageReaderOptions> = {}): MessageReader {
  return new MessageReader({
    what: 'the request',
    maxBytes: 1_000,
    limitName: 'the limit',
    encoding: undefined,
    compressedStatus: Status.UNIMPLEMENTED,
    ...options,
  });
}

function framed(message: Uint8Array): Uint8Array {
  const { length } = message;
  return Uint8Array.of(0, 0, 0, length >> 8, length & 255, ...message);
}

function failure(action: () => unknown): GatewayError {
  try {
    action();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('messages come out as they went in, however their bytes are cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const bytes = Uint8Array.from(sent.flatMap((message) => [...framed(message)]));
      const read = reader();
      let turn = 0;
      const received: Uint8Array[] = [];
      for (let offset = 0; offset < bytes.length;) {
        const end = offset + (cuts[turn++ % cuts.length] ?? 0) + (turn % cuts.length === 0 ? 1 : 0);
        read.push(bytes.subarray(offset, end));
        offset = end;
        for (let message = read.next(); message !== undefined; message = read.next()) {
          received.push(Uint8Array.from(message));
        }
      }
      read.end();
      expect(received).toEqual(sent);
    }),
  );
});

test('a length above the limit is refused before anything of the message has come', () => {
  const read = reader();
  read.push(Uint8Array.of(0, 0, 0, 3, 233));
  expect(failure(() => read.next())).toMatchObject({
    code: Status.RESOURCE_EXHAUSTED,
    details: 'the request: a message of 1001 bytes is above the limit of 1000 bytes (the limit)',
  });
  const lying = reader();
  lying.push(Uint8Array.of(0, 255, 255, 255, 255));
  expect(failure(() => lying.next()).details).toContain('4294967295 bytes');
});

test('a message of just the limit is none too large', () => {
  const read = reader();
  read.push(framed(new Uint8Array(1_000)));
  expect(read.next()).toHaveLength(1_000);
});

test.each([
  ['in a prefix', [0, 0, 0]],
  ['in a message', [0, 0, 0, 0, 3, 1, 2]],
])('an end %s is INTERNAL', (_, bytes) => {
  const read = reader();
  read.push(Uint8Array.from(bytes));
  expect(read.next()).toBeUndefined();
  expect(
    failure(() => {
      read.end();
    }),
  ).toMatchObject({ code: Status.INTERNAL, details: 'the request ends in the middle of a message' });
});

test.each([
  ['that it names', 'gzip', 1, Status.UNIMPLEMENTED, 'the request is compressed (gzip)'],
  ['that it does not name', undefined, 1, Status.INTERNAL, 'no grpc-encoding'],
  ['that is none', 'identity', 1, Status.INTERNAL, 'no grpc-encoding'],
  ['of which nobody knows', undefined, 2, Status.INTERNAL, 'unknown flag 2'],
])('a message that is compressed in a way %s is refused', (_, encoding, flag, code, details) => {
  const read = reader({ encoding });
  read.push(Uint8Array.of(flag, 0, 0, 0, 0));
  const error = failure(() => read.next());
  expect(error.code).toBe(code);
  expect(error.details).toContain(details);
});

test('an encoding does no harm to messages that are not compressed', () => {
  const read = reader({ encoding: 'gzip' });
  read.push(framed(Uint8Array.of(1)));
  expect(read.next()).toEqual(Uint8Array.of(1));
});

test('of a message that comes byte by byte no more is held than four times what has come', () => {
  const read = reader({ maxBytes: 1 << 22 });
  read.push(Uint8Array.of(0, 0, 64, 0, 0));
  expect(read.next()).toBeUndefined();
  collectGarbage();
  const before = process.memoryUsage();
  for (let i = 0; i < 200_000; i++) {
    read.push(Uint8Array.of(i));
    read.next();
  }
  collectGarbage();
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThanOrEqual(4 * 200_000 + SLACK_BYTES);
  expect(after.heapUsed - before.heapUsed).toBeLessThan(SLACK_BYTES);
  // And the rest is still waited for.
  expect(read.next()).toBeUndefined();
});

/** What else the process does. */
const SLACK_BYTES = 1 << 20;
