import fc from 'fast-check';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { TransportError, TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';
import { decodeFrame } from '../../../../src/transport/wire/frame.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';

function readerOf(...bytes: number[]): ByteReader {
  return new ByteReader(Uint8Array.from(bytes));
}

function codeOf(read: () => unknown): number | undefined {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(TransportError);
    return (error as TransportError).code;
  }
  return undefined;
}

const FRAME_TYPES = Object.values(FrameType);

describe('decodeFrame', () => {
  test('[FRM-3] legality is checked before the frame is read', () => {
    // A STREAM frame in HELLO of which nothing but the type is there.
    expect(codeOf(() => decodeFrame(readerOf(0x08), PacketSpace.HELLO))).toBe(
      TransportErrorCode.PROTOCOL_VIOLATION,
    );
  });

  test('[FRM-5] a run of PADDING is one frame, and what follows it is read', () => {
    const reader = readerOf(0, 0, 0, 1, 0);
    expect(decodeFrame(reader, PacketSpace.HELLO)).toEqual({ type: FrameType.PADDING });
    expect(reader.offset).toBe(3);
    expect(decodeFrame(reader, PacketSpace.HELLO)).toEqual({ type: FrameType.PING });
    expect(decodeFrame(reader, PacketSpace.HELLO)).toEqual({ type: FrameType.PADDING });
    expect(reader.remaining).toBe(0);
  });

  test('[FRM-6] a range count that lies takes no memory', () => {
    // largest 100, delay 0, count 2^30-1, first range 0
    const ack = [0x02, 0x40, 0x64, 0x00, 0xbf, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00];
    expect(codeOf(() => decodeFrame(readerOf(...ack), PacketSpace.HELLO))).toBe(
      TransportErrorCode.FRAME_ENCODING_ERROR,
    );
  });

  test('data is a view of the datagram', () => {
    const bytes = Uint8Array.of(0x0a, 0x04, 0x02, 0x61, 0x62);
    const frame = decodeFrame(new ByteReader(bytes), PacketSpace.PROTECTED);
    if (frame.type !== FrameType.STREAM) throw new Error('not a STREAM frame');
    bytes[3] = 0x7a;
    expect(frame.data).toEqual(Uint8Array.of(0x7a, 0x62));
    expect(frame.data.buffer).toBe(bytes.buffer);
  });

  test('[FRM-12] a packet of arbitrary bytes throws nothing but TransportError, and always gets to its end', () => {
    // Tiny numbers and room enough, so that every type of frame is also met whole.
    const tiny = fc.array(fc.nat(1), { minLength: 40, maxLength: 40 });
    const begunWith = (rest: fc.Arbitrary<Iterable<number>>) =>
      fc
        .tuple(fc.constantFrom(...FRAME_TYPES), rest)
        .map(([type, bytes]) => Uint8Array.from([type, ...bytes]));
    const random = fc.uint8Array({ maxLength: 60 });
    const packets = fc.oneof(random, begunWith(random), begunWith(tiny));
    const seen = new Set<number>();
    const codes = new Set<number | undefined>();
    fc.assert(
      fc.property(packets, fc.constantFrom<PacketSpace>(0, 1), (bytes, space) => {
        const reader = new ByteReader(bytes);
        while (reader.remaining > 0) {
          const before = reader.offset;
          const code = codeOf(() => seen.add(decodeFrame(reader, space).type));
          codes.add(code);
          if (code !== undefined) return;
          expect(reader.offset).toBeGreaterThan(before);
          expect(reader.offset).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: 8_000 },
    );
    expect([...seen].sort((a, b) => a - b)).toEqual([...FRAME_TYPES].sort((a, b) => a - b));
    expect(codes).toEqual(
      new Set([undefined, TransportErrorCode.FRAME_ENCODING_ERROR, TransportErrorCode.PROTOCOL_VIOLATION]),
    );
  });
});
