/**
 * Who takes which frame: the table of the conductor. Frames were checked against their packet when they were decoded;
 * what their content breaks is thrown by the player as TransportError.
 */
import { type Address } from '../path/path.js';
import { PacketSpace, type SentFrame, type SentPacket } from '../recovery/sent-packet.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { type AckFrame, type CloseFrame, type Frame } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { type Migration } from './migration.js';
import { type PacketSpaceState } from './packet-space-state.js';
import { type Players } from './players.js';

/** What the conductor itself must decide. */
export interface FrameHandler {
  readonly migration: Migration;
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
  readonly remote: Address;
  readonly local: number;
  readonly datagramBytes: number;
  /** Of the keys that opened it. */
  readonly keyGeneration: number;
  /** Nothing in it yet but what looks around (RFC 9000 §9.1). */
  isProbing: boolean;
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
  packet.isProbing &&= isProbing(frame.type);
  switch (frame.type) {
    case FrameType.STREAM:
      streams.onStreamFrame(frame.streamId, frame.offset, frame.data, frame.fin, packet.isFirstFlight);
      return true;
    case FrameType.ACK:
      if (packet.state.space === PacketSpace.PROTECTED)
        players.keyPhases.checkAck(packet.keyGeneration, frame.largest);
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
      dispatchRare(frame, packet, players, handler, now);
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

function dispatchRare(
  frame: RareFrame,
  packet: ArrivedPacket,
  players: Players,
  { migration }: FrameHandler,
  now: number,
): void {
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
      if (players.remoteIds.onNewConnectionId(frame)) players.paths.replaceRetiredIds();
      return;
    case FrameType.RETIRE_CONNECTION_ID:
      players.localIds.onRetire(frame.sequence, packet.destinationId);
      return;
    case FrameType.NEW_TOKEN:
      onNewToken(frame.token, players);
      return;
    case FrameType.ACK_FREQUENCY:
      packet.state.acks.onAckFrequency(frame);
      return;
    case FrameType.PATH_CHALLENGE:
      migration.onChallenge(frame.bytes, packet, now);
      return;
    case FrameType.PATH_RESPONSE:
      migration.onResponse(frame.bytes, now);
      return;
  }
}

/** [FRM-14] */
function onNewToken(token: Uint8Array, { role, tokens }: Players): void {
  if (role === 'server') {
    throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'NEW_TOKEN from a client');
  }
  tokens.keep(token.slice());
}

function isProbing(type: FrameType): boolean {
  return (
    type === FrameType.PADDING ||
    type === FrameType.NEW_CONNECTION_ID ||
    type === FrameType.PATH_CHALLENGE ||
    type === FrameType.PATH_RESPONSE
  );
}

function onAck(
  frame: AckFrame,
  state: PacketSpaceState,
  players: Players,
  handler: FrameHandler,
  now: number,
): void {
  const { recovery, pathMtu, role } = players;
  const outcome = recovery.onAck(state.space, frame.largest, frame.ranges, frame.delayMicros / 1_000, now);
  // [HSK-6] Who opens our PROTECTED packets has all of our hello. That it knows our ID says less: an ACK has that too.
  if (role === 'server' && state.space === PacketSpace.PROTECTED && outcome.delivered.length > 0) {
    handler.discardHello();
  }
  for (const packet of outcome.delivered) {
    pathMtu.onDelivered(packet);
    for (const sent of packet.frames) onDelivered(sent, state, players);
  }
  onPacketsLost(outcome.lost, players, now);
}

export function onPacketsLost(packets: readonly SentPacket[], players: Players, now: number): void {
  if (packets.length === 0) return;
  players.observer?.onPacketsLost(packets, now);
  for (const packet of packets) {
    // A probe that was too large is no fault of the path's.
    if (packet.isMtuProbe !== true) players.stats.packetsLost++;
    players.pathMtu.onLost(packet, now);
  }
  writeAgain(packets, players);
}

/** [REC-3] What the packets carried is written again, as far as it still matters. */
export function writeAgain(packets: readonly SentPacket[], players: Players): void {
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
    case 'ackFrequency':
    case 'newToken':
      return;
    case 'newConnectionId':
      players.localIds.onDelivered(frame.sequence);
      return;
    case 'retireConnectionId':
      players.remoteIds.onDelivered(frame.sequence);
      return;
    case 'path':
      players.paths.onFrameSettled();
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
    case 'newToken':
      players.isTokenPending = true;
      return;
    case 'ackFrequency':
      players.ackFrequency.onLost(frame.sequence);
      return;
    case 'newConnectionId':
      players.localIds.onLost(frame.sequence);
      return;
    case 'retireConnectionId':
      players.remoteIds.onLost(frame.sequence);
      return;
    case 'path':
      players.paths.onFrameSettled();
      return;
    default:
      players.streams.onLost(frame);
  }
}

export function spaceState(players: Players, space: PacketSpace): PacketSpaceState {
  return space === PacketSpace.HELLO ? players.hello : players.protected;
}
