import fc from 'fast-check';
import { Metadata, Status } from 'nice-grpc-common';
import { FramingError } from '../../../../src/rpc/framing/framing-error.js';
import {
  decodeRequestHeader,
  type RequestHeader,
  writeRequestHeader,
} from '../../../../src/rpc/framing/request-header.js';
import {
  DEFAULT_MAX_METADATA_BYTES,
  METADATA_BYTES_RULE,
  type MetadataLimit,
} from '../../../../src/rpc/framing/metadata-limit.js';
import { decodeResponseHeader, writeResponseHeader } from '../../../../src/rpc/framing/response-header.js';
import {
  decodeTrailer,
  OK_TRAILER,
  type Trailer,
  writeTrailer,
} from '../../../../src/rpc/framing/trailer.js';
import { MAX_DETAILS_BYTES } from '../../../../src/rpc/framing/unit.js';
import { UnitReader } from '../../../../src/rpc/framing/unit-reader.js';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';

const REQUEST: RequestHeader = {
  path: 'a.B/C',
  timeoutMs: 2_000,
  clientInstance: new Uint8Array(16).fill(9),
  sequence: 5,
  attempt: 1,
  ageMs: 0,
  isDeclaredIdempotent: false,
  metadata: undefined,
};

const LIMIT: MetadataLimit = { maxBytes: DEFAULT_MAX_METADATA_BYTES, name: "the test's limit" };

const readRequest = (body: Uint8Array): RequestHeader => decodeRequestHeader(body, LIMIT);
const readResponse = (body: Uint8Array): Metadata | undefined => decodeResponseHeader(body, LIMIT);
const readTrailer = (body: Uint8Array): Trailer => decodeTrailer(body, LIMIT);

/** The body of the one unit that `write` writes. */
function bodyOf(write: (writer: UnitWriter) => void): Uint8Array {
  const writer = new UnitWriter();
  write(writer);
  const reader = new UnitReader(0);
  reader.push(writer.bytes.slice());
  const unit = reader.next();
  expect(reader.isAtBoundary).toBe(true);
  return unit?.body ?? new Uint8Array(0);
}

const requestBody = (header: RequestHeader): Uint8Array =>
  bodyOf((writer) => {
    writeRequestHeader(writer, header, LIMIT);
  });

function statusOf(action: () => unknown): Status {
  try {
    action();
  } catch (error) {
    if (error instanceof FramingError) return error.status;
    throw error;
  }
  return Status.OK;
}

function entriesOf(metadata: Metadata | undefined): unknown {
  return metadata === undefined ? undefined : [...metadata];
}

describe('a request header', () => {
  test('is laid out as PROTOCOL says', () => {
    const metadata = Metadata({ k: 'v', 'x-bin': Uint8Array.of(0xff) });
    const body = requestBody({ ...REQUEST, attempt: 3, ageMs: 70.9, metadata });
    expect([...body]).toEqual([
      ...[0x01, 5, 0x61, 0x2e, 0x42, 0x2f, 0x43],
      ...[0x02, 2, 0x47, 0xd0],
      ...[0x03, 17, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 5],
      ...[0x04, 1, 3],
      ...[0x05, 2, 0x40, 70],
      ...[0x10, 3, 1, 0x6b, 0x76],
      ...[0x10, 7, 5, 0x78, 0x2d, 0x62, 0x69, 0x6e, 0xff],
    ]);
  });

  test('[RPC-17] of an attempt after the first says so of a method that is declared idempotent', () => {
    const fields = (header: Partial<RequestHeader>): number[] => {
      const whole = requestBody({ ...REQUEST, ...header });
      return [...whole.subarray(7 + 4 + 19)];
    };
    const attempt = [0x04, 1, 2, 0x05, 1, 9];
    expect(fields({ attempt: 2, ageMs: 9, isDeclaredIdempotent: true })).toEqual([...attempt, 0x06, 0]);
    expect(fields({ attempt: 2, ageMs: 9 })).toEqual(attempt);
    expect(fields({ isDeclaredIdempotent: true })).toEqual([]);
  });

  test('of a first attempt leaves out what says nothing', () => {
    expect(requestBody({ ...REQUEST, timeoutMs: undefined })).toHaveLength(7 + 19);
  });

  test('comes out as it went in', () => {
    const header = fc.record({
      path: fc.string({ unit: 'grapheme', maxLength: 100 }),
      timeoutMs: fc.option(fc.maxSafeNat(), { nil: undefined }),
      clientInstance: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      sequence: fc.maxSafeNat(),
      attempt: fc.integer({ min: 2, max: 1_000 }),
      ageMs: fc.nat(),
      isDeclaredIdempotent: fc.boolean(),
    });
    fc.assert(
      fc.property(header, (sent) => {
        expect(readRequest(requestBody({ ...sent, metadata: undefined }))).toEqual({
          ...sent,
          metadata: undefined,
        });
      }),
    );
  });

  test('[RPC-5] rounds the remaining time up: a server must not give up before its client', () => {
    expect(readRequest(requestBody({ ...REQUEST, timeoutMs: 0.2 })).timeoutMs).toBe(1);
  });

  test('[RPC-3] skips optional fields that it does not know and refuses required ones', () => {
    const known = requestBody(REQUEST);
    expect(readRequest(Uint8Array.of(...known, 0x7f, 2, 1, 1)).path).toBe('a.B/C');
    expect(statusOf(() => readRequest(Uint8Array.of(...known, 0xff, 0)))).toBe(Status.UNIMPLEMENTED);
  });

  test('[RPC-3] says what its last field of a kind says', () => {
    const twice = Uint8Array.of(...requestBody(REQUEST), 0x01, 1, 0x7a, 0x04, 1, 9);
    expect(readRequest(twice)).toMatchObject({ path: 'z', attempt: 9, sequence: 5 });
  });

  test('[RPC-4] of attempt 0 is malformed', () => {
    const zeroth = Uint8Array.of(...requestBody(REQUEST), 0x04, 1, 0);
    expect(statusOf(() => readRequest(zeroth))).toBe(Status.INTERNAL);
  });

  test('[RPC-4] without a path or a request ID is malformed', () => {
    expect(() => readRequest(Uint8Array.of(0x01, 1, 0x61))).toThrow('no request ID');
    expect(() => readRequest(requestBody(REQUEST).subarray(7))).toThrow('no method path');
  });

  test.each([
    ['a field that is longer than the header', [0x01, 9, 0x61]],
    ['a number that is shorter than its field', [0x02, 2, 1, 1]],
    ['a number that is longer than its field', [0x02, 1, 0x40, 1]],
    ['a length that ends in the middle', [0x01, 0x40]],
    ['a request ID that is too short', [0x03, 3, 1, 1, 1]],
    ['a path that is not UTF-8', [0x01, 1, 0xff]],
    ['a metadata key that is longer than its field', [0x10, 2, 9, 0x61]],
    ['metadata without a key', [0x10, 1, 0]],
    ['a reserved metadata key', [0x10, 8, 6, 0x67, 0x72, 0x70, 0x63, 0x2d, 0x61, 0x76]],
    ['a metadata key in upper case', [0x10, 3, 1, 0x41, 0x61]],
    ['a metadata value with a line end', [0x10, 3, 1, 0x61, 0x0a]],
  ])('[RPC-3] [RPC-7] with %s is malformed', (_what, bytes) => {
    const whole = Uint8Array.of(...requestBody(REQUEST), ...bytes);
    expect(statusOf(() => readRequest(whole))).toBe(Status.INTERNAL);
  });

  test('of any bytes throws nothing but a FramingError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const decode of [readRequest, readResponse, readTrailer]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(FramingError);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('metadata', () => {
  const roundTrip = (metadata: Metadata): Metadata | undefined =>
    readResponse(
      bodyOf((writer) => {
        writeResponseHeader(writer, metadata, LIMIT);
      }),
    );

  test('comes out as it went in, several values and bytes too', () => {
    const metadata = Metadata()
      .append('trace', 'a')
      .append('trace', 'b')
      .append('raw-bin', Uint8Array.of(0, 255))
      .append('raw-bin', Uint8Array.of())
      .set('empty', '')
      .set('long', 'x'.repeat(300));
    expect(entriesOf(roundTrip(metadata))).toEqual(entriesOf(metadata));
  });

  test('that carries nothing is undefined, and costs nothing', () => {
    expect(roundTrip(Metadata())).toBeUndefined();
  });

  test('with keys like those of Object.prototype is only data', () => {
    const received = roundTrip(
      Metadata([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    );
    expect(received?.get('__proto__')).toBe('x');
    expect(({} as { x?: unknown }).x).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty('y');
  });

  test('[RPC-7] above its limits is not written', () => {
    const many = Metadata(Array.from({ length: 65 }, (_, index): [string, string] => [`k${index}`, '']));
    expect(() => roundTrip(many)).toThrow('more than 64 entries');
    const above = Metadata({ first: 'x'.repeat(8_188), last: '12345' });
    expect(() => roundTrip(above)).toThrow(
      "header metadata of 8202 bytes is above the test's limit of 8192 bytes",
    );
    expect(() => roundTrip(Metadata({ k: 'x'.repeat(8_192) }))).toThrow('of 8193 bytes');
    const writer = new UnitWriter();
    const huge = Metadata({ k: 'x'.repeat(1_000_000) });
    expect(() => {
      writeResponseHeader(writer, huge, LIMIT);
    }).toThrow('of 1000001 bytes');
    expect(writer.length).toBeLessThan(10);
    expect(roundTrip(Metadata({ k: 'x'.repeat(8_191) }))?.get('k')).toHaveLength(8_191);
    expect(statusOf(() => roundTrip(Metadata({ 'grpc-x': '1' })))).toBe(Status.INVALID_ARGUMENT);
  });

  test('[RPC-7] above its limits is refused, whoever sent it', () => {
    const entry = [0x10, 3, 1, 0x61, 0x62];
    const body = Uint8Array.from(Array.from({ length: 65 }, () => entry).flat());
    expect(statusOf(() => readResponse(body))).toBe(Status.RESOURCE_EXHAUSTED);
    expect(entriesOf(readResponse(body.subarray(0, 64 * 5)))).toHaveLength(1);
    const big = [0x10, 0x40 | (8_191 >> 8), 8_191 & 0xff, 1, 0x61, ...new Array<number>(8_189).fill(0x62)];
    expect(readResponse(Uint8Array.from(big))?.get('a')).toHaveLength(8_189);
    const full = [...big, ...entry];
    expect(entriesOf(readResponse(Uint8Array.from(full)))).toHaveLength(1);
    const above = Uint8Array.from([...full, 0x10, 2, 1, 0x61]);
    const complaint = (what: string): string =>
      `${what} metadata of 8193 bytes is above the test's limit of 8192 bytes`;
    expect(() => readResponse(above)).toThrow(complaint('header'));
    expect(() => readTrailer(above)).toThrow(complaint('trailer'));
    expect(() => readRequest(Uint8Array.from([...requestBody(REQUEST), ...above]))).toThrow(
      complaint('request'),
    );
  });

  test('[RPC-7] of the largest limit that may be asked for fits, whatever comes with it', () => {
    const limit = { maxBytes: METADATA_BYTES_RULE.max ?? NaN, name: 'the largest limit' };
    // A key from 64 bytes on makes all lengths of its entry two bytes long.
    const metadata = Metadata({ last: 'v'.repeat(limit.maxBytes - 'last'.length - 63 * 64) });
    for (let index = 0; index < 63; index++) metadata.set(`${index}`.padEnd(64, '-'), '');
    const trailer = {
      code: Status.UNAUTHENTICATED,
      details: 'd'.repeat(MAX_DETAILS_BYTES),
      notStarted: true,
      metadata,
      reconnect: true,
      retryAfterMs: Number.MAX_SAFE_INTEGER,
    };
    const header = {
      ...REQUEST,
      path: 'p'.repeat(4_100),
      timeoutMs: Number.MAX_SAFE_INTEGER,
      sequence: Number.MAX_SAFE_INTEGER,
      attempt: Number.MAX_SAFE_INTEGER,
      ageMs: Number.MAX_SAFE_INTEGER,
      isDeclaredIdempotent: true,
      metadata,
    };
    const written = bodyOf((writer) => {
      writeTrailer(writer, trailer, limit);
    });
    expect(entriesOf(decodeTrailer(written, limit).metadata)).toEqual(entriesOf(metadata));
    const request = bodyOf((writer) => {
      writeRequestHeader(writer, header, limit);
    });
    expect(entriesOf(decodeRequestHeader(request, limit).metadata)).toEqual(entriesOf(metadata));
  });

  test('does not keep the memory of the datagram that it came in', () => {
    const body = bodyOf((writer) => {
      writeResponseHeader(writer, Metadata({ 'x-bin': Uint8Array.of(1, 2) }), LIMIT);
    });
    const received = readResponse(body)?.get('x-bin');
    body.fill(0);
    expect(received).toEqual(Uint8Array.of(1, 2));
  });
});

describe('a trailer', () => {
  const bytesOf = (trailer: Trailer): Uint8Array =>
    bodyOf((writer) => {
      writeTrailer(writer, trailer, LIMIT);
    });

  test('is laid out as PROTOCOL says, and OK is empty', () => {
    expect(bytesOf(OK_TRAILER)).toHaveLength(0);
    const trailer = {
      code: Status.NOT_FOUND,
      details: 'no',
      notStarted: true,
      metadata: Metadata({ k: 'v' }),
    };
    expect([...bytesOf(trailer)]).toEqual([1, 1, 5, 2, 2, 0x6e, 0x6f, 3, 0, 0x10, 3, 1, 0x6b, 0x76]);
  });

  test('comes out as it went in', () => {
    const sent = { code: Status.UNAVAILABLE, details: 'später ☂', notStarted: true, metadata: undefined };
    expect(readTrailer(bytesOf(sent))).toEqual(sent);
    expect(readTrailer(bytesOf({ ...sent, reconnect: true }))).toEqual({ ...sent, reconnect: true });
    expect([...bytesOf({ ...OK_TRAILER, reconnect: true })]).toEqual([4, 0]);
    expect(readTrailer(bytesOf(OK_TRAILER))).toBe(OK_TRAILER);
  });

  test('[RPC-14] says how long to wait before another attempt, or that there is to be none', () => {
    const refused = { ...OK_TRAILER, code: Status.RESOURCE_EXHAUSTED };
    expect([...bytesOf({ ...refused, retryAfterMs: 249.2 })]).toEqual([1, 1, 8, 6, 2, 0x40, 250]);
    expect([...bytesOf({ ...refused, retryAfterMs: Infinity })]).toEqual([1, 1, 8, 7, 0]);
    for (const retryAfterMs of [0, 250, Infinity]) {
      const sent = { ...refused, retryAfterMs };
      expect(readTrailer(bytesOf(sent))).toEqual(sent);
    }
    expect(readTrailer(Uint8Array.of(7, 0, 6, 1, 9)).retryAfterMs).toBe(Infinity);
    expect(readTrailer(Uint8Array.of(1, 1, 8)).retryAfterMs).toBeUndefined();
  });

  test('with a status that this version does not know is UNKNOWN', () => {
    expect(readTrailer(Uint8Array.of(1, 1, 17)).code).toBe(Status.UNKNOWN);
    expect(readTrailer(Uint8Array.of(1, 1, 16)).code).toBe(Status.UNAUTHENTICATED);
  });

  test('cuts details that are too long between two characters, so that it always fits', () => {
    const { details } = readTrailer(
      bytesOf({ ...OK_TRAILER, code: Status.INTERNAL, details: 'é'.repeat(5_000) }),
    );
    expect(details).toBe('é'.repeat(MAX_DETAILS_BYTES / 2));
    const odd = readTrailer(bytesOf({ ...OK_TRAILER, details: `x${'😀'.repeat(2_000)}` })).details;
    expect(odd).toBe(`x${'😀'.repeat((MAX_DETAILS_BYTES - 4) / 4)}`);
  });

  const DETAILS = 'grpc-status-details-bin';

  test('[RPC-16] has status details in a field of their own, and among its metadata for who reads it', () => {
    const metadata = Metadata({ k: 'v', [DETAILS]: Uint8Array.of(8, 5) });
    const body = bytesOf({ ...OK_TRAILER, metadata });
    expect([...body]).toEqual([0x10, 3, 1, 0x6b, 0x76, 5, 2, 8, 5]);
    const received = readTrailer(body).metadata;
    body.fill(0);
    expect(received?.get(DETAILS)).toEqual(Uint8Array.of(8, 5));
    expect(received?.get('k')).toBe('v');
  });

  test('[RPC-16] says what the last of several status details says', () => {
    const several = Metadata().append(DETAILS, Uint8Array.of(1)).append(DETAILS, Uint8Array.of(2));
    expect([...bytesOf({ ...OK_TRAILER, metadata: several })]).toEqual([5, 1, 2]);
    expect(readTrailer(Uint8Array.of(5, 1, 1, 5, 1, 2)).metadata?.getAll(DETAILS)).toEqual([
      Uint8Array.of(2),
    ]);
  });

  test('[RPC-16] [RPC-7] counts status details as metadata, whoever sends them', () => {
    const room = 8_192 - DETAILS.length;
    const withBytes = (size: number) => ({
      ...OK_TRAILER,
      metadata: Metadata({ [DETAILS]: new Uint8Array(size) }),
    });
    expect(readTrailer(bytesOf(withBytes(room))).metadata?.get(DETAILS)).toHaveLength(room);
    const complaint = "trailer metadata of 8193 bytes is above the test's limit of 8192 bytes";
    expect(() => bytesOf(withBytes(room + 1))).toThrow(complaint);
    const size = room + 1;
    const tooBig = [5, 0x40 | (size >> 8), size & 0xff, ...new Uint8Array(size)];
    expect(statusOf(() => readTrailer(Uint8Array.from(tooBig)))).toBe(Status.RESOURCE_EXHAUSTED);
    expect(() => readTrailer(Uint8Array.from(tooBig))).toThrow(complaint);
  });

  test('[RPC-7] [RPC-16] takes no other reserved key, and a header not even this one', () => {
    const bad = { ...OK_TRAILER, metadata: Metadata({ 'grpc-message': 'x' }) };
    expect(statusOf(() => bytesOf(bad))).toBe(Status.INVALID_ARGUMENT);
    const inHeader = (): unknown =>
      bodyOf((writer) => {
        writeResponseHeader(writer, Metadata({ [DETAILS]: Uint8Array.of(1) }), LIMIT);
      });
    expect(statusOf(inHeader)).toBe(Status.INVALID_ARGUMENT);
    const key = [...new TextEncoder().encode(DETAILS)];
    const asEntry = Uint8Array.of(0x10, key.length + 2, key.length, ...key, 1);
    expect(statusOf(() => readTrailer(asEntry))).toBe(Status.INTERNAL);
  });
});
