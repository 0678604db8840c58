/**
 * Packets between two StreamSets, without a connection around them: room to write frames into, and a way to hand what
 * was written to the other side through the real encoding.
 */
import { type PacketBuilder } from '../../src/transport/connection/packet-builder.js';
import { PacketSpace, type SentFrame } from '../../src/transport/recovery/sent-packet.js';
import { type StreamSet } from '../../src/transport/stream/stream-set.js';
import { ByteReader } from '../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { decodeFrame, type Frame } from '../../src/transport/wire/frame.js';
import { FrameType } from '../../src/transport/wire/frame-type.js';

export class StreamPacket implements PacketBuilder {
  readonly space = PacketSpace.PROTECTED;
  readonly writer: ByteWriter;
  readonly frames: SentFrame[] = [];
  isAckEliciting = false;

  constructor(room: number) {
    this.writer = new ByteWriter(new Uint8Array(room));
  }

  get length(): number {
    return this.writer.offset;
  }

  /** A copy each time: what a receiver keeps is never what the sender wrote into. */
  decode(): Frame[] {
    const reader = new ByteReader(this.writer.bytes.slice(0, this.length));
    const frames: Frame[] = [];
    while (reader.remaining > 0) frames.push(decodeFrame(reader, this.space));
    return frames;
  }
}

/** What `set` has to send now, in one packet. */
export function packetOf(set: StreamSet, room = 1_200, isLast = true, now = 0): StreamPacket {
  const packet = new StreamPacket(room);
  set.writeControl(packet, now);
  set.writeStreams(packet, isLast);
  return packet;
}

export function receive(set: StreamSet, packet: StreamPacket, isFirstFlight = false): void {
  for (const frame of packet.decode()) receiveFrame(set, frame, isFirstFlight);
}

export function acknowledge(set: StreamSet, packet: StreamPacket): void {
  for (const frame of packet.frames) set.onDelivered(frame);
}

export function lose(set: StreamSet, packet: StreamPacket): void {
  for (const frame of packet.frames) set.onLost(frame);
}

function receiveFrame(set: StreamSet, frame: Frame, isFirstFlight: boolean): void {
  switch (frame.type) {
    case FrameType.STREAM:
      set.onStreamFrame(frame.streamId, frame.offset, frame.data, frame.fin, isFirstFlight);
      return;
    case FrameType.RESET_STREAM:
      set.onResetStream(frame.streamId, frame.code, frame.finalSize, isFirstFlight);
      return;
    case FrameType.STOP_SENDING:
      set.onStopSending(frame.streamId, frame.code, isFirstFlight);
      return;
    case FrameType.MAX_DATA:
      set.onMaxData(frame.limit);
      return;
    case FrameType.MAX_STREAM_DATA:
      set.onMaxStreamData(frame.streamId, frame.limit, isFirstFlight);
      return;
    case FrameType.MAX_STREAMS:
      set.onMaxStreams(frame.limit);
      return;
    case FrameType.DATA_BLOCKED:
      set.onDataBlocked(frame.limit);
      return;
    case FrameType.STREAM_DATA_BLOCKED:
      set.onStreamDataBlocked(frame.streamId, frame.limit, isFirstFlight);
      return;
    case FrameType.STREAMS_BLOCKED:
      set.onStreamsBlocked(frame.limit);
      return;
    default:
      throw new Error(`no frame of a StreamSet: ${frame.type}`);
  }
}

/** `length` bytes that differ by position, so that a shifted or repeated range shows. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 17 + seed) & 0xff;
  return bytes;
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
