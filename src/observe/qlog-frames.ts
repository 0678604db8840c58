/**
 * The frames of a packet as qlog words them (draft-ietf-quic-qlog-quic-events-03 §8.13). Frames that QUIC has too bear
 * QUIC's names, so that its tools understand them: HANDSHAKE is its CRYPTO. Data is told by its length, never by its
 * bytes: a log is read by people whom the calls do not concern.
 */
import { type PacketSpace } from '../transport/recovery/sent-packet.js';
import { TransportErrorCode } from '../transport/transport-error.js';
import { ByteReader } from '../transport/wire/byte-reader.js';
import { decodeFrame, type Frame } from '../transport/wire/frame.js';
import { FrameType } from '../transport/wire/frame-type.js';

export interface QlogFrame {
  readonly frame_type: string;
  readonly [name: string]: unknown;
}

/** Whatever the payload is: what cannot be read ends the list as `unknown`. */
export function qlogFrames(payload: Uint8Array, space: PacketSpace): QlogFrame[] {
  const reader = new ByteReader(payload);
  const frames: QlogFrame[] = [];
  while (reader.remaining > 0) {
    const start = reader.offset;
    try {
      const frame = decodeFrame(reader, space);
      frames.push(qlogFrame(frame, reader.offset - start));
    } catch {
      frames.push({
        frame_type: 'unknown',
        raw_frame_type: payload[start],
        raw_length: payload.length - start,
      });
      break;
    }
  }
  return frames;
}

/** The error codes that qlog knows by name; others are told as numbers. */
export function qlogErrorCode(code: number): string | number {
  return ERROR_NAMES.get(code) ?? code;
}

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

function qlogFrame(frame: Frame, bytes: number): QlogFrame {
  switch (frame.type) {
    case FrameType.PADDING:
      return { frame_type: 'padding', payload_length: bytes };
    case FrameType.PING:
      return { frame_type: 'ping' };
    case FrameType.ACK:
      return {
        frame_type: 'ack',
        ack_delay: frame.delayMicros / 1_000,
        acked_ranges: ackedRanges(frame.ranges),
      };
    case FrameType.HANDSHAKE:
      return { frame_type: 'crypto', offset: frame.offset, length: frame.data.length };
    case FrameType.STREAM: {
      const { streamId, offset, data, fin } = frame;
      const stream = { frame_type: 'stream', stream_id: streamId, offset, length: data.length };
      return fin ? { ...stream, fin } : stream;
    }
    case FrameType.HANDSHAKE_DONE:
      return { frame_type: 'handshake_done' };
    default:
      return rareFrame(frame);
  }
}

type RareFrame = Exclude<
  Frame,
  {
    type:
      | typeof FrameType.PADDING
      | typeof FrameType.PING
      | typeof FrameType.ACK
      | typeof FrameType.HANDSHAKE
      | typeof FrameType.STREAM
      | typeof FrameType.HANDSHAKE_DONE;
  }
>;

function rareFrame(frame: RareFrame): QlogFrame {
  switch (frame.type) {
    case FrameType.RESET_STREAM: {
      const { streamId, code, finalSize } = frame;
      return { frame_type: 'reset_stream', stream_id: streamId, error_code: code, final_size: finalSize };
    }
    case FrameType.STOP_SENDING:
      return { frame_type: 'stop_sending', stream_id: frame.streamId, error_code: frame.code };
    case FrameType.MAX_DATA:
      return { frame_type: 'max_data', maximum: frame.limit };
    case FrameType.MAX_STREAM_DATA:
      return { frame_type: 'max_stream_data', stream_id: frame.streamId, maximum: frame.limit };
    case FrameType.MAX_STREAMS:
      return { frame_type: 'max_streams', stream_type: 'bidirectional', maximum: frame.limit };
    case FrameType.DATA_BLOCKED:
      return { frame_type: 'data_blocked', limit: frame.limit };
    case FrameType.STREAM_DATA_BLOCKED:
      return { frame_type: 'stream_data_blocked', stream_id: frame.streamId, limit: frame.limit };
    case FrameType.STREAMS_BLOCKED:
      return { frame_type: 'streams_blocked', stream_type: 'bidirectional', limit: frame.limit };
    case FrameType.NEW_CONNECTION_ID: {
      const { sequence, retirePriorTo, connectionId } = frame;
      // Without the reset token: who has it can end the connection.
      return {
        frame_type: 'new_connection_id',
        sequence_number: sequence,
        retire_prior_to: retirePriorTo,
        connection_id: hex(connectionId),
      };
    }
    case FrameType.NEW_TOKEN:
      // Without its bytes: who has them can use them.
      return { frame_type: 'new_token', token: { raw: { length: frame.token.length } } };
    case FrameType.ACK_FREQUENCY: {
      const { sequence, ackThreshold, reorderingThreshold } = frame;
      return {
        frame_type: 'ack_frequency',
        sequence_number: sequence,
        ack_eliciting_threshold: ackThreshold,
        reordering_threshold: reorderingThreshold,
      };
    }
    case FrameType.RETIRE_CONNECTION_ID:
      return { frame_type: 'retire_connection_id', sequence_number: frame.sequence };
    case FrameType.PATH_CHALLENGE:
      return { frame_type: 'path_challenge', data: hex(frame.bytes) };
    case FrameType.PATH_RESPONSE:
      return { frame_type: 'path_response', data: hex(frame.bytes) };
    case FrameType.CLOSE_TRANSPORT:
    case FrameType.CLOSE_APPLICATION: {
      const { type, code, reason } = frame;
      const isTransport = type === FrameType.CLOSE_TRANSPORT;
      return {
        frame_type: 'connection_close',
        error_space: isTransport ? 'transport' : 'application',
        error_code: isTransport ? qlogErrorCode(code) : code,
        raw_error_code: code,
        reason,
      };
    }
    default:
      return { frame_type: 'unknown', raw_frame_type: (frame as Frame).type };
  }
}

/** `[smallest, largest]`, or `[number]` where they are the same. */
function ackedRanges(flat: readonly number[]): number[][] {
  const ranges: number[][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const smallest = flat[i] ?? 0;
    const largest = flat[i + 1] ?? 0;
    ranges.push(smallest === largest ? [smallest] : [smallest, largest]);
  }
  return ranges;
}

const ERROR_NAMES: ReadonlyMap<number, string> = new Map([
  [TransportErrorCode.NO_ERROR, 'no_error'],
  [TransportErrorCode.INTERNAL_ERROR, 'internal_error'],
  [TransportErrorCode.CONNECTION_REFUSED, 'connection_refused'],
  [TransportErrorCode.FLOW_CONTROL_ERROR, 'flow_control_error'],
  [TransportErrorCode.STREAM_LIMIT_ERROR, 'stream_limit_error'],
  [TransportErrorCode.STREAM_STATE_ERROR, 'stream_state_error'],
  [TransportErrorCode.FINAL_SIZE_ERROR, 'final_size_error'],
  [TransportErrorCode.FRAME_ENCODING_ERROR, 'frame_encoding_error'],
  [TransportErrorCode.TRANSPORT_PARAMETER_ERROR, 'transport_parameter_error'],
  [TransportErrorCode.CONNECTION_ID_LIMIT_ERROR, 'connection_id_limit_error'],
  [TransportErrorCode.PROTOCOL_VIOLATION, 'protocol_violation'],
  [TransportErrorCode.HANDSHAKE_BUFFER_EXCEEDED, 'crypto_buffer_exceeded'],
]);
