/**
 * All streams of a connection: opens, finds and retires them, and chooses which writes next.
 */
import { type StreamEvent } from '../connection/connection-event.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { type SentFrame } from '../recovery/sent-packet.js';
import { type ChunkPool } from './chunk-pool.js';
import { type PeerLimits, type StreamLimits } from './stream-limits.js';

export interface StreamSetOptions {
  readonly role: 'client' | 'server';
  readonly limits: StreamLimits;
  readonly emit: (event: StreamEvent) => void;
  /** Shared by the connections of an endpoint; default: one of its own. */
  readonly pool?: ChunkPool | undefined;
}

export class StreamSet {
  constructor(_options: StreamSetOptions) {}

  /** Streams that are not retired. */
  get openCount(): number {
    throw notYet();
  }

  /** Bytes taken from the application and not yet acknowledged. */
  get bufferedBytes(): number {
    throw notYet();
  }

  get hasFramesToSend(): boolean {
    throw notYet();
  }

  /** Throws TransportError when what was already sent is above them. */
  onPeerLimits(_limits: PeerLimits): void {
    throw notYet();
  }

  open(): number | undefined {
    throw notYet();
  }

  write(_id: number, _pieces: readonly Uint8Array[], _fin: boolean): number {
    throw notYet();
  }

  read(_id: number): Uint8Array | 'end' | undefined {
    throw notYet();
  }

  reset(_id: number, _code: number): void {
    throw notYet();
  }

  stop(_id: number, _code: number): void {
    throw notYet();
  }

  onStreamFrame(
    _id: number,
    _offset: number,
    _data: Uint8Array,
    _fin: boolean,
    _isFirstFlight: boolean,
  ): void {
    throw notYet();
  }

  onResetStream(_id: number, _code: number, _finalSize: number, _isFirstFlight = false): void {
    throw notYet();
  }

  onStopSending(_id: number, _code: number, _isFirstFlight = false): void {
    throw notYet();
  }

  onMaxData(_limit: number): void {
    throw notYet();
  }

  onMaxStreamData(_id: number, _limit: number, _isFirstFlight = false): void {
    throw notYet();
  }

  onMaxStreams(_limit: number): void {
    throw notYet();
  }

  onDataBlocked(_limit: number): void {
    throw notYet();
  }

  onStreamDataBlocked(_id: number, _limit: number, _isFirstFlight = false): void {
    throw notYet();
  }

  onStreamsBlocked(_limit: number): void {
    throw notYet();
  }

  /** RESET_STREAM, STOP_SENDING, MAX_…, …_BLOCKED: as many as there is room for. */
  writeControl(_builder: PacketBuilder): void {
    throw notYet();
  }

  /** `isLast`: nothing, not even PADDING, follows in the packet, so a frame that fills it goes without a length. */
  writeStreams(_builder: PacketBuilder, _isLast = false): void {
    throw notYet();
  }

  onDelivered(_frame: SentFrame): void {
    throw notYet();
  }

  onLost(_frame: SentFrame): void {
    throw notYet();
  }

  /** Drops everything, without an event. */
  closeAll(): void {
    throw notYet();
  }
}

function notYet(): Error {
  return new Error('not yet');
}
