/**
 * Who takes which frame: the table of the conductor. Frames were checked against their packet when they were decoded;
 * what their content breaks is thrown by the player as TransportError.
 */
import { PacketSpace, type SentFrame, type SentPacket } from '../recovery/sent-packet.js';
import { type AckFrame, type CloseFrame, type Frame, type NewConnectionIdFrame } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { type PacketSpaceState } from './packet-space-state.js';
import { type Players } from './players.js';

/** What the conductor itself must decide. */
export interface FrameHandler {
  onHandshakeBytes(now: number): void;
  onHandshakeDone(): void;
  discardHello(): void;
  onClose(frame: CloseFrame, now: number): void;
}

/** The packet that a frame came in. */
export interface ArrivedPacket {
  readonly state: PacketSpaceState;
  readonly isFirstFlight: boolean;
  readonly destinationId: Uint8Array;
}

/** Returns whether the frame is ack-eliciting. */
export function dispatchFrame(
  frame: Frame,
  packet: ArrivedPacket,
  players: Players,
  handler: FrameHandler,
  now: number,
): boolean {
  const { streams } = players;
  switch (frame.type) {
    case FrameType.STREAM:
      streams.onStreamFrame(frame.streamId, frame.offset, frame.data, frame.fin, packet.isFirstFlight);
      return true;
    case FrameType.ACK:
      onAck(frame, packet.state, players, handler, now);
      return false;
    case FrameType.PADDING:
      return false;
    case FrameType.PING:
      return true;
    case FrameType.HANDSHAKE:
      players.handshakeStream.onFrame(frame.offset, frame.data);
      handler.onHandshakeBytes(now);
      return true;
    case FrameType.HANDSHAKE_DONE:
      handler.onHandshakeDone();
      return true;
    case FrameType.CLOSE_TRANSPORT:
    case FrameType.CLOSE_APPLICATION:
      handler.onClose(frame, now);
      return false;
    default:
      dispatchRare(frame, packet, players);
      return true;
  }
}

type RareFrame = Exclude<
  Frame,
  {
    type:
      | typeof FrameType.STREAM
      | typeof FrameType.ACK
      | typeof FrameType.PADDING
      | typeof FrameType.PING
      | typeof FrameType.HANDSHAKE
      | typeof FrameType.HANDSHAKE_DONE
      | typeof FrameType.CLOSE_TRANSPORT
      | typeof FrameType.CLOSE_APPLICATION;
  }
>;

function dispatchRare(frame: RareFrame, packet: ArrivedPacket, players: Players): void {
  const { streams } = players;
  const { isFirstFlight } = packet;
  switch (frame.type) {
    case FrameType.RESET_STREAM:
      streams.onResetStream(frame.streamId, frame.code, frame.finalSize, isFirstFlight);
      return;
    case FrameType.STOP_SENDING:
      streams.onStopSending(frame.streamId, frame.code, isFirstFlight);
      return;
    case FrameType.MAX_DATA:
      streams.onMaxData(frame.limit);
      return;
    case FrameType.MAX_STREAM_DATA:
      streams.onMaxStreamData(frame.streamId, frame.limit, isFirstFlight);
      return;
    case FrameType.MAX_STREAMS:
      streams.onMaxStreams(frame.limit);
      return;
    case FrameType.DATA_BLOCKED:
      streams.onDataBlocked(frame.limit);
      return;
    case FrameType.STREAM_DATA_BLOCKED:
      streams.onStreamDataBlocked(frame.streamId, frame.limit, isFirstFlight);
      return;
    case FrameType.STREAMS_BLOCKED:
      streams.onStreamsBlocked(frame.limit);
      return;
    case FrameType.NEW_CONNECTION_ID:
      onNewConnectionId(frame, players);
      return;
    case FrameType.RETIRE_CONNECTION_ID:
      players.localIds.onRetire(frame.sequence, packet.destinationId);
      return;
    case FrameType.PATH_CHALLENGE:
    case FrameType.PATH_RESPONSE:
      // [MIG-5] This version does not migrate: neither side may ask for it.
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `frame 0x${frame.type.toString(16)} without migration`,
      );
  }
}

function onNewConnectionId(frame: NewConnectionIdFrame, { remoteIds, path }: Players): void {
  remoteIds.onNewConnectionId(frame);
  if (path.destination.isRetired) path.destination = remoteIds.take() ?? remoteIds.first;
}

function onAck(
  frame: AckFrame,
  state: PacketSpaceState,
  players: Players,
  handler: FrameHandler,
  now: number,
): void {
  const { recovery, stats, role } = players;
  const outcome = recovery.onAck(state.space, frame.largest, frame.ranges, frame.delayMicros / 1_000, now);
  // [HSK-6] Who opens our PROTECTED packets has all of our hello. That it knows our ID says less: an ACK has that too.
  if (role === 'server' && state.space === PacketSpace.PROTECTED && outcome.delivered.length > 0) {
    handler.discardHello();
  }
  for (const packet of outcome.delivered) {
    for (const sent of packet.frames) onDelivered(sent, state, players);
  }
  stats.packetsLost += outcome.lost.length;
  if (outcome.lost.length > 0) players.observer?.onPacketsLost(outcome.lost, now);
  onPacketsLost(outcome.lost, players);
}

/** [REC-3] What the packets carried is written again, as far as it still matters. */
export function onPacketsLost(packets: readonly SentPacket[], players: Players): void {
  for (const packet of packets) {
    for (const sent of packet.frames) onLost(sent, players);
  }
}

function onDelivered(frame: SentFrame, state: PacketSpaceState, players: Players): void {
  switch (frame.kind) {
    case 'ack':
      state.acks.onAckDelivered(frame.largestAcked);
      return;
    case 'handshake':
      players.handshakeStream.onDelivered(frame.offset, frame.length);
      return;
    case 'ping':
    case 'handshakeDone':
      return;
    case 'newConnectionId':
      players.localIds.onDelivered(frame.sequence);
      return;
    case 'retireConnectionId':
      players.remoteIds.onDelivered(frame.sequence);
      return;
    default:
      players.streams.onDelivered(frame);
  }
}

function onLost(frame: SentFrame, players: Players): void {
  switch (frame.kind) {
    case 'ack':
    case 'ping':
      return;
    case 'handshake':
      players.handshakeStream.onLost(frame.offset, frame.length);
      return;
    case 'handshakeDone':
      // The peer's first PROTECTED packet to our own ID proves nothing of it: only an ACK does.
      players.isHandshakeDonePending = true;
      return;
    case 'newConnectionId':
      players.localIds.onLost(frame.sequence);
      return;
    case 'retireConnectionId':
      players.remoteIds.onLost(frame.sequence);
      return;
    default:
      players.streams.onLost(frame);
  }
}

export function spaceState(players: Players, space: PacketSpace): PacketSpaceState {
  return space === PacketSpace.HELLO ? players.hello : players.protected;
}
