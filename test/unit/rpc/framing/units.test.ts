import fc from 'fast-check';
import { takeMemory } from '../../../../src/base/owned-memory.js';
import { FramingError } from '../../../../src/rpc/framing/framing-error.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { MAX_FIELDS_BYTES, UnitType, type Unit } from '../../../../src/rpc/framing/unit.js';
import { UnitReader } from '../../../../src/rpc/framing/unit-reader.js';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';

const LIMIT = 200_000;

function messages(...bodies: Uint8Array[]): Uint8Array {
  const writer = new UnitWriter();
  for (const body of bodies) writer.message(body);
  return writer.bytes.slice();
}

function readAll(reader: UnitReader, chunks: Uint8Array[]): Unit[] {
  const units: Unit[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let unit = reader.next(); unit !== undefined; unit = reader.next()) units.push(unit);
  }
  return units;
}

function errorOf(action: () => unknown): FramingError {
  try {
    action();
  } catch (error) {
    if (error instanceof FramingError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('units', () => {
  test('are laid out as PROTOCOL says: type, length as a varint, body', () => {
    const writer = new UnitWriter();
    writer.message(Uint8Array.of(7, 8));
    writer.messageHead(16_384);
    expect([...writer.bytes]).toEqual([2, 2, 7, 8, 2, 0x80, 0, 0x40, 0]);
  });

  test('a large message owns its memory: what else was in its chunk lives on without it', () => {
    const [before, large, after] = [
      new Uint8Array(9_000).fill(1),
      new Uint8Array(30_000).fill(2),
      Uint8Array.of(3),
    ];
    const units = new UnitReader(LIMIT);
    units.push(messages(before, large, after));
    const [first, second] = [units.next(), units.next()];
    expect(first === undefined ? undefined : takeMemory(first.body)).toBeUndefined();
    const memory = second === undefined ? undefined : takeMemory(second.body);
    if (memory === undefined) throw new Error('nobody owns it');
    expect(second?.body).toEqual(large);
    structuredClone(0, { transfer: [memory] });
    expect(second?.body.length).toBe(0);
    expect(first?.body).toEqual(before);
    expect(units.next()?.body).toEqual(after);
    expect(units.isAtBoundary).toBe(true);
  });

  test('a large message that came in parts owns its memory, and small ones share theirs', () => {
    const whole = messages(new Uint8Array(30_000));
    const parts = [whole.subarray(0, 20_000), whole.subarray(20_000)];
    const [unit] = readAll(new UnitReader(LIMIT), parts);
    expect(unit === undefined ? undefined : takeMemory(unit.body)).toBeDefined();
    const chunk = messages(new Uint8Array(5_000), new Uint8Array(1_000));
    for (const { body } of readAll(new UnitReader(LIMIT), [chunk])) {
      expect(body.buffer).toBe(chunk.buffer);
      expect(takeMemory(body)).toBeUndefined();
    }
  });

  test('numbers of every length are RFC 9000 §16 varints', () => {
    const writer = new UnitWriter();
    for (const value of [0, 63, 64, 15_293, 16_383, 16_384, 494_878_333, 2 ** 30, Number.MAX_SAFE_INTEGER]) {
      writer.varint(value);
    }
    const hex = [...writer.bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(hex).toBe('003f40407bbd7fff800040009d7f3e7dc000000040000000c01fffffffffffff');
  });

  test('come out as they went in, however the transport cuts the stream', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 20_000, size: 'max' }), { maxLength: 4 });
    const cuts = fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 20 });
    fc.assert(
      fc.property(bodies, cuts, fc.boolean(), (sent, lengths, byteByByte) => {
        const bytes = messages(...sent);
        const chunks: Uint8Array[] = [];
        let offset = 0;
        if (byteByByte)
          for (; offset < Math.min(40, bytes.length); offset++)
            chunks.push(bytes.subarray(offset, offset + 1));
        for (const length of lengths) {
          chunks.push(bytes.subarray(offset, offset + length));
          offset += length;
        }
        chunks.push(bytes.subarray(offset));
        const reader = new UnitReader(LIMIT);
        const received = readAll(reader, chunks);
        expect(received.map((unit) => unit.type)).toEqual(sent.map(() => UnitType.MESSAGE));
        expect(
          received.every((unit, index) => Buffer.compare(unit.body, sent[index] ?? unit.body) === 0),
        ).toBe(true);
        expect(reader.isAtBoundary).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('whole in one chunk are views of it, others are copies of their own', () => {
    const bytes = messages(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6));
    const [first, second] = readAll(new UnitReader(LIMIT), [bytes.subarray(0, 8), bytes.subarray(8)]);
    expect(first?.body.buffer).toBe(bytes.buffer);
    expect(second?.body.buffer).not.toBe(bytes.buffer);
    expect(second?.body).toEqual(Uint8Array.of(4, 5, 6));
  });

  test('of a Buffer have plain bodies: decoders treat Buffers differently', () => {
    const [unit] = readAll(new UnitReader(LIMIT), [Buffer.from(messages(Uint8Array.of(1, 2)))]);
    expect(Object.getPrototypeOf(unit?.body)).toBe(Uint8Array.prototype);
    expect(unit?.body).toEqual(Uint8Array.of(1, 2));
  });

  test('the reader knows whether the stream may end here', () => {
    const bytes = messages(Uint8Array.of(1, 2, 3));
    for (let length = 1; length < bytes.length; length++) {
      const reader = new UnitReader(LIMIT);
      readAll(reader, [bytes.subarray(0, length)]);
      expect([length, reader.isAtBoundary]).toEqual([length, false]);
    }
  });

  test('[RPC-1] of an unknown type are malformed, from their first byte', () => {
    for (const bytes of [Uint8Array.of(4, 0), Uint8Array.of(0), Uint8Array.of(0xff, 0xff)]) {
      const error = errorOf(() => readAll(new UnitReader(LIMIT), [bytes]));
      expect(error.resetCode).toBe(ResetCode.MALFORMED);
    }
  });

  test('[RPC-2] above the limit are refused by their declared length, before a byte of them is there', () => {
    const writer = new UnitWriter();
    writer.messageHead(LIMIT + 1);
    const error = errorOf(() => readAll(new UnitReader(LIMIT), [writer.bytes]));
    expect(error.resetCode).toBe(ResetCode.TOO_LARGE);
    expect(error.message).toBe('a message of 200001 bytes is above the limit of 200000 bytes');
    writer.clear();
    writer.messageHead(LIMIT);
    expect(readAll(new UnitReader(LIMIT), [writer.bytes])).toEqual([]);
  });

  test('[RPC-2] cost what has come of them, and not what they declare', () => {
    const limit = 4 << 20;
    const writer = new UnitWriter();
    writer.messageHead(limit);
    const readers = Array.from({ length: 100 }, () => new UnitReader(limit));
    const before = process.memoryUsage().arrayBuffers;
    for (const reader of readers) readAll(reader, [writer.bytes]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 10);
    const piece = new Uint8Array(32 << 10);
    for (const reader of readers) readAll(reader, [piece]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(readers.length * piece.length * 4.1);
  });

  test('[RPC-2] headers have the limit of the format, not that of messages', () => {
    const bytes = Uint8Array.of(UnitType.HEADER, 0x80, 0, 0x40, 0);
    expect(errorOf(() => readAll(new UnitReader(LIMIT), [bytes])).message).toContain(
      `${MAX_FIELDS_BYTES} bytes`,
    );
  });

  test('[VAR-2] a length above 2^53-1 is malformed', () => {
    const bytes = Uint8Array.of(UnitType.MESSAGE, 0xc0, 0x20, 0, 0, 0, 0, 0, 0);
    expect(errorOf(() => readAll(new UnitReader(LIMIT), [bytes])).resetCode).toBe(ResetCode.MALFORMED);
    const split = new UnitReader(LIMIT);
    expect(() => readAll(split, [bytes.subarray(0, 3), bytes.subarray(3)])).toThrow('2^53-1');
  });

  test('no bytes at all make the reader throw anything but a FramingError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), (chunks) => {
        try {
          readAll(new UnitReader(1_000), chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(FramingError);
        }
      }),
    );
  });

  test('a header above the limit of the format is not written', () => {
    const writer = new UnitWriter();
    writer.beginUnit(UnitType.HEADER);
    writer.write(new Uint8Array(MAX_FIELDS_BYTES + 1));
    expect(() => {
      writer.endUnit();
    }).toThrow(FramingError);
    expect(writer.length).toBe(0);
  });
});
