import fc from 'fast-check';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import { varintLength } from '../../../../src/transport/wire/varint.js';

const varint = fc.oneof(
  fc.constantFrom(
    0,
    63,
    64,
    16_383,
    16_384,
    2 ** 30 - 1,
    2 ** 30,
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
  ),
  fc.integer({ min: 0, max: 70_000 }),
  fc.maxSafeNat(),
);

function writerOf(length: number): ByteWriter {
  return new ByteWriter(new Uint8Array(length).fill(0xee));
}

describe('ByteWriter', () => {
  test('integers are big-endian', () => {
    const writer = writerOf(8);
    writer.u8(0xff);
    writer.u16(0xfefd);
    writer.u32(0xfcfbfaf9);
    expect(writer.bytes).toEqual(Uint8Array.of(0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xee));
    expect([writer.offset, writer.remaining]).toEqual([7, 1]);
  });

  test('[VAR-1] a varint is written in its shortest form and read back', () => {
    fc.assert(
      fc.property(varint, (value) => {
        const writer = writerOf(8);
        writer.varint(value);
        expect(writer.offset).toBe(varintLength(value));
        expect(new ByteReader(writer.bytes).varint()).toBe(value);
      }),
      { numRuns: 1_000 },
    );
  });

  test('varint2 always takes two bytes', () => {
    const writer = writerOf(4);
    writer.varint2(0);
    writer.varint2(16_383);
    expect(writer.bytes).toEqual(Uint8Array.of(0x40, 0x00, 0x7f, 0xff));
  });

  test('write copies', () => {
    const writer = writerOf(3);
    const source = Uint8Array.of(1, 2);
    writer.write(source);
    source[0] = 9;
    expect(writer.bytes).toEqual(Uint8Array.of(1, 2, 0xee));
  });

  test('it writes nothing from its end on, and the end can be moved', () => {
    const writer = new ByteWriter(new Uint8Array(4), 1, 2);
    writer.u8(7);
    expect(() => {
      writer.u8(8);
    }).toThrow('assertion');
    writer.end = 3;
    writer.u8(8);
    expect(writer.bytes).toEqual(Uint8Array.of(0, 7, 8, 0));
  });

  test.each<[string, (writer: ByteWriter) => void]>([
    [
      'u16',
      (writer) => {
        writer.u16(1);
      },
    ],
    [
      'u32',
      (writer) => {
        writer.u32(1);
      },
    ],
    [
      'varint',
      (writer) => {
        writer.varint(64);
      },
    ],
    [
      'varint2',
      (writer) => {
        writer.varint2(1);
      },
    ],
    [
      'write',
      (writer) => {
        writer.write(new Uint8Array(2));
      },
    ],
  ])('%s without room is our bug and moves nothing', (_, write) => {
    const writer = writerOf(1);
    expect(() => {
      write(writer);
    }).toThrow('assertion');
    expect(writer.offset).toBe(0);
  });

  test.each([-1, Number.NaN, Number.MAX_SAFE_INTEGER + 1])('a varint of %d is our bug', (value) => {
    expect(() => {
      writerOf(8).varint(value);
    }).toThrow('assertion');
  });
});
