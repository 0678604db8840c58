/** Frames as the bytes they are on the wire, also such as no honest peer would send: what a forged packet is made of. */
import { RangeSet } from '../../src/base/range-set.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { FrameType, StreamFlag } from '../../src/transport/wire/frame-type.js';
import { writeAck, writeNewConnectionId } from '../../src/transport/wire/frame-writer.js';

export interface StreamFrameFields {
  readonly id: number;
  readonly offset?: number;
  readonly data?: Uint8Array | number;
  readonly fin?: boolean;
}

export const frameBytes = {
  ping: (): Uint8Array => numbers(FrameType.PING),

  padding: (count: number): Uint8Array => new Uint8Array(count),

  /** `ranges`: [smallest, largest] of each, in any order, disjoint and with a hole between any two. */
  ack: (...ranges: (readonly [number, number])[]): Uint8Array => {
    const received = new RangeSet();
    for (const [smallest, largest] of ranges) received.add(smallest, largest + 1);
    return written((writer) => writeAck(writer, received, 0));
  },

  /** `data` as a number: so many bytes. Always with offset and length. */
  stream: ({ id, offset = 0, data = 0, fin = false }: StreamFrameFields): Uint8Array => {
    const bytes = typeof data === 'number' ? new Uint8Array(data).fill(0x5a) : data;
    const type = FrameType.STREAM | StreamFlag.OFFSET | StreamFlag.LENGTH | (fin ? StreamFlag.FIN : 0);
    return written((writer) => {
      for (const value of [type, id, offset, bytes.length]) writer.varint(value);
      writer.write(bytes);
    });
  },

  resetStream: (id: number, code: number, finalSize: number): Uint8Array =>
    numbers(FrameType.RESET_STREAM, id, code, finalSize),
  stopSending: (id: number, code: number): Uint8Array => numbers(FrameType.STOP_SENDING, id, code),
  handshake: (offset: number, data: Uint8Array): Uint8Array =>
    written((writer) => {
      for (const value of [FrameType.HANDSHAKE, offset, data.length]) writer.varint(value);
      writer.write(data);
    }),
  maxData: (limit: number): Uint8Array => numbers(FrameType.MAX_DATA, limit),
  maxStreamData: (id: number, limit: number): Uint8Array => numbers(FrameType.MAX_STREAM_DATA, id, limit),
  maxStreams: (limit: number): Uint8Array => numbers(FrameType.MAX_STREAMS, limit),
  dataBlocked: (limit: number): Uint8Array => numbers(FrameType.DATA_BLOCKED, limit),
  streamDataBlocked: (id: number, limit: number): Uint8Array =>
    numbers(FrameType.STREAM_DATA_BLOCKED, id, limit),
  streamsBlocked: (limit: number): Uint8Array => numbers(FrameType.STREAMS_BLOCKED, limit),
  newConnectionId: (sequence: number, retirePriorTo: number, id: Uint8Array): Uint8Array =>
    written((writer) => writeNewConnectionId(writer, sequence, retirePriorTo, id, new Uint8Array(16))),
  retireConnectionId: (sequence: number): Uint8Array => numbers(FrameType.RETIRE_CONNECTION_ID, sequence),
  pathChallenge: (bytes: Uint8Array): Uint8Array => Uint8Array.of(FrameType.PATH_CHALLENGE, ...bytes),
  pathResponse: (bytes: Uint8Array): Uint8Array => Uint8Array.of(FrameType.PATH_RESPONSE, ...bytes),
  handshakeDone: (): Uint8Array => numbers(FrameType.HANDSHAKE_DONE),
};

/** Varints one after the other: what most frames are. */
function numbers(...values: number[]): Uint8Array {
  return written((writer) => {
    for (const value of values) writer.varint(value);
  });
}

function written(write: (writer: ByteWriter) => unknown): Uint8Array {
  const writer = new ByteWriter(SCRATCH);
  write(writer);
  return writer.bytes.slice(0, writer.offset);
}

/** Attacks are made of millions of frames. */
const SCRATCH = new Uint8Array(65_536);
