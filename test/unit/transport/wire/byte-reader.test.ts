import fc from 'fast-check';
import { TransportError, TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';

const READS = {
  u8: (reader: ByteReader) => reader.u8(),
  u16: (reader: ByteReader) => reader.u16(),
  u32: (reader: ByteReader) => reader.u32(),
  varint: (reader: ByteReader) => reader.varint(),
  view: (reader: ByteReader) => reader.view(3),
  skip: (reader: ByteReader) => {
    reader.skip(3);
  },
};

const READ_NAMES = Object.keys(READS) as (keyof typeof READS)[];

const encodingError = expect.objectContaining({
  name: 'TransportError',
  code: TransportErrorCode.FRAME_ENCODING_ERROR,
}) as Error;

describe('ByteReader', () => {
  test('integers are big-endian and unsigned', () => {
    const reader = new ByteReader(Uint8Array.of(0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0x01));
    expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([0xff, 0xfefd, 0xfcfbfaf9]);
    expect(reader.remaining).toBe(1);
  });

  test('it reads within offset and end only', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5), 1, 3);
    expect([reader.u8(), reader.u8(), reader.remaining]).toEqual([2, 3, 0]);
    expect(() => reader.u8()).toThrow(TransportError);
  });

  test('a view shares the memory and is a plain Uint8Array, also over a Buffer', () => {
    const bytes = Buffer.from([1, 2, 3, 4]);
    const reader = new ByteReader(bytes, 1);
    const view = reader.view(2);
    expect(Object.getPrototypeOf(view)).toBe(Uint8Array.prototype);
    bytes[1] = 9;
    expect(view).toEqual(Uint8Array.of(9, 3));
    expect(reader.offset).toBe(3);
  });

  test('skip moves on', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4));
    reader.skip(3);
    expect(reader.u8()).toBe(4);
  });

  test.each(READ_NAMES)('%s of input that ends early is FRAME_ENCODING_ERROR and reads nothing', (name) => {
    // Zero bytes, or for those that need more a first byte that promises eight.
    const short = name === 'u8' ? new Uint8Array(0) : Uint8Array.of(0xc0);
    const reader = new ByteReader(short);
    expect(() => READS[name](reader)).toThrow(encodingError);
    expect(reader.offset).toBe(0);
  });

  test.each([
    [0x40, 1],
    [0x80, 3],
    [0xc0, 7],
  ])('a varint that begins with %d is read only when %d more bytes are there', (first, more) => {
    const whole = new Uint8Array(1 + more).fill(0, 1);
    whole[0] = first;
    expect(new ByteReader(whole).varint()).toBe(0);
    expect(() => new ByteReader(whole, 0, more).varint()).toThrow(TransportError);
  });

  test('[VAR-2] an integer above 2^53-1 is FRAME_ENCODING_ERROR', () => {
    const largest = Uint8Array.of(0xc0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect(new ByteReader(largest).varint()).toBe(Number.MAX_SAFE_INTEGER);
    const above = Uint8Array.of(0xc0, 0x20, 0, 0, 0, 0, 0, 0);
    expect(() => new ByteReader(above).varint()).toThrow(encodingError);
  });

  test('any reads of any bytes throw nothing but TransportError and stay within the bytes', () => {
    const reads = fc.array(fc.constantFrom(...READ_NAMES), { maxLength: 20 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), reads, (bytes, names) => {
        const reader = new ByteReader(bytes);
        for (const name of names) {
          try {
            READS[name](reader);
          } catch (error) {
            expect(error).toBeInstanceOf(TransportError);
          }
          expect(reader.offset).toBeLessThanOrEqual(bytes.length);
        }
      }),
    );
  });
});
