/**
 * The frames as values, and how they are read (PROTOCOL §6). Checks here are those that the bytes alone decide; what
 * depends on the state of a connection (limits, final sizes, packets never sent) is for the player that takes the
 * frame. Byte fields are views of the datagram. Writing is in frame-writer.ts.
 */
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { type PacketSpace } from '../recovery/sent-packet.js';
import { type ByteReader } from './byte-reader.js';
import { FrameType, StreamFlag, isKnownFrameType, isLegalIn } from './frame-type.js';
import { MAX_VARINT } from './varint.js';

export interface PaddingFrame {
  readonly type: typeof FrameType.PADDING;
}

export interface PingFrame {
  readonly type: typeof FrameType.PING;
}

export interface AckFrame {
  readonly type: typeof FrameType.ACK;
  readonly largest: number;
  readonly delayMicros: number;
  /** smallest and largest (inclusive) of each range in turn, the newest range first. */
  readonly ranges: readonly number[];
}

export interface ResetStreamFrame {
  readonly type: typeof FrameType.RESET_STREAM;
  readonly streamId: number;
  readonly code: number;
  readonly finalSize: number;
}

export interface StopSendingFrame {
  readonly type: typeof FrameType.STOP_SENDING;
  readonly streamId: number;
  readonly code: number;
}

export interface HandshakeFrame {
  readonly type: typeof FrameType.HANDSHAKE;
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface NewTokenFrame {
  readonly type: typeof FrameType.NEW_TOKEN;
  /** For the hello of another connection; never empty. */
  readonly token: Uint8Array;
}

export interface StreamFrame {
  readonly type: typeof FrameType.STREAM;
  readonly streamId: number;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly fin: boolean;
}

export interface MaxDataFrame {
  readonly type: typeof FrameType.MAX_DATA;
  readonly limit: number;
}

export interface MaxStreamDataFrame {
  readonly type: typeof FrameType.MAX_STREAM_DATA;
  readonly streamId: number;
  readonly limit: number;
}

export interface MaxStreamsFrame {
  readonly type: typeof FrameType.MAX_STREAMS;
  /** How many streams, not an ID. */
  readonly limit: number;
}

export interface DataBlockedFrame {
  readonly type: typeof FrameType.DATA_BLOCKED;
  readonly limit: number;
}

export interface StreamDataBlockedFrame {
  readonly type: typeof FrameType.STREAM_DATA_BLOCKED;
  readonly streamId: number;
  readonly limit: number;
}

export interface StreamsBlockedFrame {
  readonly type: typeof FrameType.STREAMS_BLOCKED;
  readonly limit: number;
}

export interface NewConnectionIdFrame {
  readonly type: typeof FrameType.NEW_CONNECTION_ID;
  readonly sequence: number;
  readonly retirePriorTo: number;
  readonly connectionId: Uint8Array;
  /** RESET_TOKEN_BYTES long. */
  readonly resetToken: Uint8Array;
}

export interface RetireConnectionIdFrame {
  readonly type: typeof FrameType.RETIRE_CONNECTION_ID;
  readonly sequence: number;
}

export interface PathFrame {
  readonly type: typeof FrameType.PATH_CHALLENGE | typeof FrameType.PATH_RESPONSE;
  /** PATH_BYTES long. */
  readonly bytes: Uint8Array;
}

export interface CloseFrame {
  readonly type: typeof FrameType.CLOSE_TRANSPORT | typeof FrameType.CLOSE_APPLICATION;
  readonly code: number;
  readonly reason: string;
}

export interface HandshakeDoneFrame {
  readonly type: typeof FrameType.HANDSHAKE_DONE;
}

export interface AckFrequencyFrame {
  readonly type: typeof FrameType.ACK_FREQUENCY;
  readonly sequence: number;
  /** Both at least 1. */
  readonly ackThreshold: number;
  readonly reorderingThreshold: number;
}

export type Frame =
  | PaddingFrame
  | PingFrame
  | AckFrame
  | ResetStreamFrame
  | StopSendingFrame
  | HandshakeFrame
  | NewTokenFrame
  | StreamFrame
  | MaxDataFrame
  | MaxStreamDataFrame
  | MaxStreamsFrame
  | DataBlockedFrame
  | StreamDataBlockedFrame
  | StreamsBlockedFrame
  | NewConnectionIdFrame
  | RetireConnectionIdFrame
  | PathFrame
  | CloseFrame
  | HandshakeDoneFrame
  | AckFrequencyFrame;

export const RESET_TOKEN_BYTES = 16;
export const PATH_BYTES = 8;
export const MAX_CONNECTION_ID_BYTES = 20;

/** With more the last stream ID would not be a safe integer [FRM-8]. */
export const MAX_STREAM_COUNT = 2 ** 52;

const PADDING: PaddingFrame = { type: FrameType.PADDING };
const PING: PingFrame = { type: FrameType.PING };
const HANDSHAKE_DONE: HandshakeDoneFrame = { type: FrameType.HANDSHAKE_DONE };

/**
 * Reads the next frame of a packet of this space. Throws TransportError, and nothing else: FRAME_ENCODING_ERROR for
 * bytes that are no frame [FRM-1] [FRM-12], PROTOCOL_VIOLATION for a frame that is not legal here [FRM-3].
 * A run of PADDING is one frame.
 */
export function decodeFrame(reader: ByteReader, space: PacketSpace): Frame {
  // One byte, never a varint: a longer form of the same number is an unknown type [FRM-2].
  const type = reader.u8();
  if (!isLegalIn(type, space)) throw illegalType(type);
  if (type >= FrameType.STREAM && type < FrameType.STREAM + 8) return decodeStream(reader, type);
  if (type === FrameType.ACK) return decodeAck(reader);
  return decodeRare(reader, type as RareType);
}

/** [FRM-7] [FRM-8] */
function decodeStream(reader: ByteReader, type: number): StreamFrame {
  const streamId = reader.varint();
  const offset = (type & StreamFlag.OFFSET) === 0 ? 0 : reader.varint();
  const length = (type & StreamFlag.LENGTH) === 0 ? reader.remaining : reader.varint();
  if (offset + length > MAX_VARINT) throw malformed('stream data beyond 2^53-1');
  const data = reader.view(length);
  return { type: FrameType.STREAM, streamId, offset, data, fin: (type & StreamFlag.FIN) !== 0 };
}

/** [FRM-6] */
function decodeAck(reader: ByteReader): AckFrame {
  const largest = reader.varint();
  const delayMicros = reader.varint();
  const rangeCount = reader.varint();
  let smallest = largest - reader.varint();
  if (smallest < 0) throw malformed('ACK range below 0');
  // It grows with the bytes that are read, never with the count, which may lie.
  const ranges: number[] = [smallest, largest];
  for (let i = 0; i < rangeCount; i++) {
    const rangeLargest = smallest - reader.varint() - 2;
    smallest = rangeLargest - reader.varint();
    if (smallest < 0) throw malformed('ACK range below 0');
    ranges.push(smallest, rangeLargest);
  }
  return { type: FrameType.ACK, largest, delayMicros, ranges };
}

type RareType = Exclude<FrameType, typeof FrameType.STREAM | typeof FrameType.ACK>;

function decodeRare(reader: ByteReader, type: RareType): Frame {
  switch (type) {
    case FrameType.PADDING:
      return decodePadding(reader);
    case FrameType.PING:
      return PING;
    case FrameType.RESET_STREAM:
      return { type, streamId: reader.varint(), code: reader.varint(), finalSize: reader.varint() };
    case FrameType.STOP_SENDING:
      return { type, streamId: reader.varint(), code: reader.varint() };
    case FrameType.HANDSHAKE:
      return decodeHandshake(reader);
    case FrameType.NEW_TOKEN:
      return decodeNewToken(reader);
    case FrameType.MAX_DATA:
    case FrameType.DATA_BLOCKED:
      return { type, limit: reader.varint() };
    case FrameType.MAX_STREAM_DATA:
    case FrameType.STREAM_DATA_BLOCKED:
      return { type, streamId: reader.varint(), limit: reader.varint() };
    case FrameType.MAX_STREAMS:
    case FrameType.STREAMS_BLOCKED:
      return { type, limit: streamCount(reader) };
    case FrameType.NEW_CONNECTION_ID:
      return decodeNewConnectionId(reader);
    case FrameType.RETIRE_CONNECTION_ID:
      return { type, sequence: reader.varint() };
    case FrameType.PATH_CHALLENGE:
    case FrameType.PATH_RESPONSE:
      return { type, bytes: reader.view(PATH_BYTES) };
    case FrameType.CLOSE_TRANSPORT:
    case FrameType.CLOSE_APPLICATION:
      return decodeClose(reader, type);
    case FrameType.HANDSHAKE_DONE:
      return HANDSHAKE_DONE;
    case FrameType.ACK_FREQUENCY:
      return decodeAckFrequency(reader);
  }
}

/** Takes the zeros behind it along: hellos are padded by a thousand of them [FRM-5]. */
function decodePadding(reader: ByteReader): PaddingFrame {
  const { bytes, end } = reader;
  let { offset } = reader;
  while (offset < end && bytes[offset] === FrameType.PADDING) offset++;
  reader.offset = offset;
  return PADDING;
}

function decodeHandshake(reader: ByteReader): HandshakeFrame {
  const offset = reader.varint();
  const length = reader.varint();
  if (offset + length > MAX_VARINT) throw malformed('handshake data beyond 2^53-1');
  return { type: FrameType.HANDSHAKE, offset, data: reader.view(length) };
}

/** [FRM-14] */
function decodeNewToken(reader: ByteReader): NewTokenFrame {
  const token = reader.view(reader.varint());
  if (token.length === 0) throw malformed('an empty token');
  return { type: FrameType.NEW_TOKEN, token };
}

function streamCount(reader: ByteReader): number {
  const count = reader.varint();
  if (count > MAX_STREAM_COUNT) throw malformed('more than 2^52 streams');
  return count;
}

/** [FRM-9] */
function decodeNewConnectionId(reader: ByteReader): NewConnectionIdFrame {
  const sequence = reader.varint();
  const retirePriorTo = reader.varint();
  if (retirePriorTo > sequence) throw malformed('retire prior to above the sequence');
  const length = reader.u8();
  if (length < 1 || length > MAX_CONNECTION_ID_BYTES) throw malformed('connection ID not of 1 to 20 bytes');
  const connectionId = reader.view(length);
  const resetToken = reader.view(RESET_TOKEN_BYTES);
  return { type: FrameType.NEW_CONNECTION_ID, sequence, retirePriorTo, connectionId, resetToken };
}

function decodeClose(reader: ByteReader, type: CloseFrame['type']): CloseFrame {
  const code = reader.varint();
  const reason = reader.view(reader.varint());
  // Not fatal: a reason is for people, and what is no UTF-8 in it is replaced [FRM-10].
  return { type, code, reason: new TextDecoder('utf-8', { ignoreBOM: true }).decode(reason) };
}

/** [FRM-13] */
function decodeAckFrequency(reader: ByteReader): AckFrequencyFrame {
  const sequence = reader.varint();
  const ackThreshold = reader.varint();
  const reorderingThreshold = reader.varint();
  if (ackThreshold === 0 || reorderingThreshold === 0) throw malformed('an ACK for no packet');
  return { type: FrameType.ACK_FREQUENCY, sequence, ackThreshold, reorderingThreshold };
}

function illegalType(type: number): TransportError {
  if (isKnownFrameType(type)) {
    return new TransportError(
      TransportErrorCode.PROTOCOL_VIOLATION,
      `frame 0x${type.toString(16)} not legal in this packet`,
    );
  }
  return malformed(`unknown frame type 0x${type.toString(16)}`);
}

function malformed(message: string): TransportError {
  return new TransportError(TransportErrorCode.FRAME_ENCODING_ERROR, message);
}
