/**
 * The frame types and the packets in which each is legal (PROTOCOL §6.1). All are below 64, so that the type of a
 * frame is always one byte [FRM-2].
 */
import { PacketSpace } from '../recovery/sent-packet.js';

export const FrameType = {
  PADDING: 0x00,
  PING: 0x01,
  ACK: 0x02,
  RESET_STREAM: 0x04,
  STOP_SENDING: 0x05,
  HANDSHAKE: 0x06,
  NEW_TOKEN: 0x07,
  /** The first of eight: the low three bits are StreamFlag. A decoded frame always carries this one. */
  STREAM: 0x08,
  MAX_DATA: 0x10,
  MAX_STREAM_DATA: 0x11,
  MAX_STREAMS: 0x12,
  DATA_BLOCKED: 0x14,
  STREAM_DATA_BLOCKED: 0x15,
  STREAMS_BLOCKED: 0x16,
  NEW_CONNECTION_ID: 0x18,
  RETIRE_CONNECTION_ID: 0x19,
  PATH_CHALLENGE: 0x1a,
  PATH_RESPONSE: 0x1b,
  CLOSE_TRANSPORT: 0x1c,
  CLOSE_APPLICATION: 0x1d,
  HANDSHAKE_DONE: 0x1e,
  ACK_FREQUENCY: 0x1f,
} as const;

export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** The low bits of a STREAM frame's type (RFC 9000 §19.8). */
export const StreamFlag = { FIN: 0x01, LENGTH: 0x02, OFFSET: 0x04 } as const;

const IN_HELLO = 1 << PacketSpace.HELLO;
const IN_PROTECTED = 1 << PacketSpace.PROTECTED;

/** By type, a bit for each space; 0 where there is no such frame. */
const LEGALITY = legalityTable();

/** Whether a frame of this type byte may stand in a packet of this space [FRM-3]. An unknown type is legal nowhere. */
export function isLegalIn(type: number, space: PacketSpace): boolean {
  return ((LEGALITY[type] ?? 0) & (1 << space)) !== 0;
}

/** Whether the type byte names a frame at all [FRM-1]. */
export function isKnownFrameType(type: number): boolean {
  return (LEGALITY[type] ?? 0) !== 0;
}

function legalityTable(): Uint8Array {
  const table = new Uint8Array(64);
  for (const type of Object.values(FrameType)) table[type] = IN_PROTECTED;
  table.fill(IN_PROTECTED, FrameType.STREAM, FrameType.STREAM + 8);
  const alsoInHello = [
    FrameType.PADDING,
    FrameType.PING,
    FrameType.ACK,
    FrameType.HANDSHAKE,
    FrameType.CLOSE_TRANSPORT,
  ];
  for (const type of alsoInHello) table[type] = IN_HELLO | IN_PROTECTED;
  return table;
}
