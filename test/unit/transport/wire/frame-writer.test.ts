import fc from 'fast-check';
import { RangeSet } from '../../../../src/base/range-set.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import { MAX_STREAM_COUNT, decodeFrame, type Frame } from '../../../../src/transport/wire/frame.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import * as frames from '../../../../src/transport/wire/frame-writer.js';

const varint = fc.oneof(fc.nat(70), fc.nat(70_000), fc.maxSafeNat());
const streamCount = fc.integer({ min: 0, max: MAX_STREAM_COUNT });
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

type Write = (writer: ByteWriter) => boolean;
interface Sample {
  readonly frame: Frame;
  readonly write: Write;
}

/** One arbitrary for every frame that is written whole: what is written, and what must be read. */
const samples: readonly fc.Arbitrary<Sample>[] = [
  fc.constant({ frame: { type: FrameType.PING }, write: frames.writePing }),
  fc.constant({ frame: { type: FrameType.HANDSHAKE_DONE }, write: frames.writeHandshakeDone }),
  fc.tuple(varint, varint, varint).map(([streamId, code, finalSize]) => ({
    frame: { type: FrameType.RESET_STREAM, streamId, code, finalSize },
    write: (writer) => frames.writeResetStream(writer, streamId, code, finalSize),
  })),
  fc.tuple(varint, varint).map(([streamId, code]) => ({
    frame: { type: FrameType.STOP_SENDING, streamId, code },
    write: (writer) => frames.writeStopSending(writer, streamId, code),
  })),
  varint.map((limit) => ({
    frame: { type: FrameType.MAX_DATA, limit },
    write: (writer) => frames.writeMaxData(writer, limit),
  })),
  fc.tuple(varint, varint).map(([streamId, limit]) => ({
    frame: { type: FrameType.MAX_STREAM_DATA, streamId, limit },
    write: (writer) => frames.writeMaxStreamData(writer, streamId, limit),
  })),
  streamCount.map((limit) => ({
    frame: { type: FrameType.MAX_STREAMS, limit },
    write: (writer) => frames.writeMaxStreams(writer, limit),
  })),
  varint.map((limit) => ({
    frame: { type: FrameType.DATA_BLOCKED, limit },
    write: (writer) => frames.writeDataBlocked(writer, limit),
  })),
  fc.tuple(varint, varint).map(([streamId, limit]) => ({
    frame: { type: FrameType.STREAM_DATA_BLOCKED, streamId, limit },
    write: (writer) => frames.writeStreamDataBlocked(writer, streamId, limit),
  })),
  streamCount.map((limit) => ({
    frame: { type: FrameType.STREAMS_BLOCKED, limit },
    write: (writer) => frames.writeStreamsBlocked(writer, limit),
  })),
  fc
    .tuple(varint, varint, fc.uint8Array({ minLength: 1, maxLength: 20 }), bytesOf(16))
    .map(([one, other, connectionId, resetToken]) => {
      const sequence = Math.max(one, other);
      const retirePriorTo = Math.min(one, other);
      return {
        frame: { type: FrameType.NEW_CONNECTION_ID, sequence, retirePriorTo, connectionId, resetToken },
        write: (writer) =>
          frames.writeNewConnectionId(writer, sequence, retirePriorTo, connectionId, resetToken),
      };
    }),
  varint.map((sequence) => ({
    frame: { type: FrameType.RETIRE_CONNECTION_ID, sequence },
    write: (writer) => frames.writeRetireConnectionId(writer, sequence),
  })),
  fc.tuple(varint, varint, varint).map(([sequence, one, other]) => {
    const [ackThreshold, reorderingThreshold] = [Math.max(one, 1), Math.max(other, 1)];
    return {
      frame: { type: FrameType.ACK_FREQUENCY, sequence, ackThreshold, reorderingThreshold },
      write: (writer) => frames.writeAckFrequency(writer, sequence, ackThreshold, reorderingThreshold),
    };
  }),
  bytesOf(8).map((bytes) => ({
    frame: { type: FrameType.PATH_CHALLENGE, bytes },
    write: (writer) => frames.writePathChallenge(writer, bytes),
  })),
  bytesOf(8).map((bytes) => ({
    frame: { type: FrameType.PATH_RESPONSE, bytes },
    write: (writer) => frames.writePathResponse(writer, bytes),
  })),
  fc
    .tuple(
      fc.constantFrom(FrameType.CLOSE_TRANSPORT, FrameType.CLOSE_APPLICATION),
      varint,
      fc.string({ unit: 'grapheme', maxLength: 20 }),
    )
    .map(([type, code, reason]) => ({
      frame: { type, code, reason },
      write: (writer) => frames.writeClose(writer, type, code, reason),
    })),
];

const anySample: fc.Arbitrary<Sample> = fc.oneof(...samples);

function newWriter(length = 1_500): ByteWriter {
  return new ByteWriter(new Uint8Array(length).fill(0xee));
}

function decodeAll(writer: ByteWriter): Frame[] {
  const reader = new ByteReader(writer.bytes, 0, writer.offset);
  const decoded: Frame[] = [];
  while (reader.remaining > 0) decoded.push(decodeFrame(reader, PacketSpace.PROTECTED));
  return decoded;
}

function receivedOf(ranges: readonly (readonly [number, number])[]): RangeSet {
  const set = new RangeSet();
  for (const [start, end] of ranges) set.add(start, end);
  return set;
}

/** As an ACK frame has them: inclusive, the newest first. */
function ackRanges(set: RangeSet, count = set.size): number[] {
  const ranges: number[] = [];
  for (let i = set.size - 1; i >= set.size - count; i--) ranges.push(set.start(i), set.end(i) - 1);
  return ranges;
}

const received = fc
  .array(
    fc
      .tuple(fc.oneof(fc.nat(300), fc.nat(2 ** 40)), fc.nat(100))
      .map(([start, more]) => [start, start + 1 + more] as const),
    { minLength: 1, maxLength: 80 },
  )
  .map(receivedOf);

describe('frames written and read', () => {
  test('several frames in one packet are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(anySample, { maxLength: 8 }), (list) => {
        const writer = newWriter(4_000);
        for (const { write } of list) expect(write(writer)).toBe(true);
        expect(decodeAll(writer)).toEqual(list.map(({ frame }) => frame));
      }),
      { numRuns: 1_000 },
    );
  });

  test('a frame that just fits is written, and with one byte less nothing is', () => {
    // A close would cut its reason instead: see below.
    const fixed = anySample.filter(({ frame }) => !('reason' in frame));
    fc.assert(
      fc.property(fixed, ({ write }) => {
        const probe = newWriter();
        write(probe);
        const tight = newWriter(probe.offset);
        expect(write(tight)).toBe(true);
        expect(tight.bytes).toEqual(probe.bytes.subarray(0, probe.offset));
        const short = newWriter(probe.offset - 1);
        expect(write(short)).toBe(false);
        expect(short.offset).toBe(0);
        expect(short.bytes.every((byte) => byte === 0xee)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('ACK', () => {
  test('[FRM-6] the ranges are read as they were received, the newest first', () => {
    fc.assert(
      fc.property(received, varint, (set, delayMicros) => {
        const writer = newWriter();
        expect(frames.writeAck(writer, set, delayMicros)).toBe(set.size);
        expect(decodeAll(writer)).toEqual([
          { type: FrameType.ACK, largest: set.last, delayMicros, ranges: ackRanges(set) },
        ]);
      }),
      { numRuns: 500 },
    );
  });

  test('[FRM-6] with less room the oldest ranges are left out, and no more of them than needed', () => {
    fc.assert(
      fc.property(received, fc.nat(200), (set, room) => {
        const writer = newWriter(room);
        const count = frames.writeAck(writer, set, 100);
        if (count === 0) {
          expect(writer.offset).toBe(0);
          // The longest possible head of an ACK: type, largest of 8, delay, count and first range.
          expect(room).toBeLessThan(1 + 8 + 2 + 2 + 2);
          return;
        }
        expect(decodeAll(writer)).toMatchObject([{ largest: set.last, ranges: ackRanges(set, count) }]);
        // One more would have taken at most 8 bytes for the gap and 2 for the length, and the count one more.
        if (count < set.size) expect(writer.remaining).toBeLessThan(11);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a fraction of a microsecond is cut off', () => {
    const writer = newWriter();
    frames.writeAck(writer, receivedOf([[0, 1]]), 99.9);
    expect(decodeAll(writer)).toMatchObject([{ delayMicros: 99 }]);
  });
});

describe('STREAM and HANDSHAKE', () => {
  const position = fc
    .tuple(varint, fc.oneof(fc.constant(0), varint), fc.uint8Array({ maxLength: 300 }), fc.boolean())
    .filter(([, offset, data]) => offset + data.length <= Number.MAX_SAFE_INTEGER);

  test('[FRM-7] STREAM with a length is read back and takes exactly its overhead and data', () => {
    fc.assert(
      fc.property(position, ([streamId, offset, data, fin]) => {
        const writer = newWriter();
        frames.writeStreamHeader(writer, streamId, offset, data.length, fin, true);
        writer.write(data);
        expect(writer.offset).toBe(frames.streamFrameOverhead(streamId, offset, data.length) + data.length);
        frames.writePing(writer);
        expect(decodeAll(writer)).toEqual([
          { type: FrameType.STREAM, streamId, offset, data, fin },
          { type: FrameType.PING },
        ]);
      }),
    );
  });

  test('[FRM-7] STREAM without a length runs to the end of the packet', () => {
    fc.assert(
      fc.property(position, ([streamId, offset, data, fin]) => {
        const writer = newWriter();
        frames.writePing(writer);
        frames.writeStreamHeader(writer, streamId, offset, data.length, fin, false);
        writer.write(data);
        expect(decodeAll(writer)).toEqual([
          { type: FrameType.PING },
          { type: FrameType.STREAM, streamId, offset, data, fin },
        ]);
      }),
    );
  });

  test('HANDSHAKE is read back and takes exactly its overhead and data', () => {
    fc.assert(
      fc.property(position, ([, offset, data]) => {
        const writer = newWriter();
        frames.writeHandshakeHeader(writer, offset, data.length);
        writer.write(data);
        expect(writer.offset).toBe(frames.handshakeFrameOverhead(offset, data.length) + data.length);
        expect(decodeAll(writer)).toEqual([{ type: FrameType.HANDSHAKE, offset, data }]);
      }),
    );
  });
});

describe('PADDING and CLOSE', () => {
  test('[FRM-5] padding is zeros, and no more than asked for', () => {
    const writer = newWriter(10);
    frames.writePadding(writer, 4);
    expect(writer.offset).toBe(4);
    expect([...writer.bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0xee]);
    expect(() => {
      frames.writePadding(writer, 7);
    }).toThrow('assertion');
  });

  test('[FRM-10] a reason is cut to the room and to 256 bytes, at a whole character', () => {
    const reason = 'é'.repeat(300);
    const room = newWriter(1 + 1 + 2 + 7);
    expect(frames.writeClose(room, FrameType.CLOSE_TRANSPORT, 1, reason)).toBe(true);
    expect(decodeAll(room)).toEqual([{ type: FrameType.CLOSE_TRANSPORT, code: 1, reason: 'ééé' }]);
    const wide = newWriter();
    frames.writeClose(wide, FrameType.CLOSE_APPLICATION, 1, reason);
    expect(decodeAll(wide)).toMatchObject([{ reason: 'é'.repeat(128) }]);
    expect(frames.writeClose(newWriter(3), FrameType.CLOSE_TRANSPORT, 1, reason)).toBe(false);
  });
});
