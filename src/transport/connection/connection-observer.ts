/**
 * Who looks on while a connection works: qlog, metrics. The core tells plain facts by plain calls and builds nothing for
 * them; with nobody looking on each costs one comparison. What an observer is given belongs to the core: to be read
 * during the call, not kept, never changed. What changes slowly (window, round-trip times, path) is not told change by
 * change: after each step of the connection the observer may look at the players.
 *
 * An observer must not throw: what it throws would be taken for an error of the connection.
 */
import { type Address } from '../path/path.js';
import { type PacketSpace, type SentPacket } from '../recovery/sent-packet.js';
import { type ConnectionClosed } from '../transport-error.js';
import { type TransportParameters } from '../wire/transport-parameters.js';
import { type DropReason } from './connection-stats.js';
import { type Players } from './players.js';
import { type TransportOptions } from './transport-options.js';

export interface ConnectionObserver {
  /** Just before it is sealed: `payload` is the frames in the clear, `bytes` what the sealed packet will have. */
  onPacketSent(
    space: PacketSpace,
    packetNumber: number,
    payload: Uint8Array,
    bytes: number,
    now: number,
  ): void;

  /** Authentic and new; its frames have not been looked at yet. `payload` as for `onPacketSent`. */
  onPacketReceived(
    space: PacketSpace,
    packetNumber: number,
    payload: Uint8Array,
    bytes: number,
    now: number,
  ): void;

  /** A packet, or all of a datagram, of `bytes` that is not used. */
  onPacketDropped(reason: DropReason, bytes: number, now: number): void;

  /** A client follows a RETRY of `bytes`: all that was in flight is given up and sent again, to this ID. */
  onRetry(sourceId: Uint8Array, bytes: number, now: number): void;

  onPacketsLost(packets: readonly SentPacket[], now: number): void;

  /** A PTO in this space; undefined: the time after which what was overtaken is lost. */
  onRecoveryTimeout(probeSpace: PacketSpace | undefined, now: number): void;

  onPeerParameters(parameters: TransportParameters, now: number): void;

  onClosed(closed: ConnectionClosed, now: number): void;

  /** Something came in, went out or was due: the players may have changed. */
  onStep(players: Players, now: number): void;

  /** The connection is forgotten, or whoever drives it has stopped: nothing more is told. */
  onForgotten(now: number): void;
}

/** What is known of a connection when it is made. */
export interface ConnectionFacts {
  readonly role: 'client' | 'server';
  readonly version: number;
  readonly originalDestinationId: Uint8Array;
  /** A server's: the source ID of the RETRY that the client has followed; undefined: of none. */
  readonly retrySourceId: Uint8Array | undefined;
  /** A server's: the client has proved its address by a token. */
  readonly isAddressProven: boolean;
  readonly localId: Uint8Array;
  /** Where its first packets go; a client learns the server's own later. */
  readonly remoteId: Uint8Array;
  readonly remote: Address;
  /** Index of the endpoint's socket. */
  readonly local: number;
  readonly options: TransportOptions;
}

/** Asked once for each connection; undefined leaves it unobserved. */
export type ObserveConnection = (facts: ConnectionFacts, now: number) => ConnectionObserver | undefined;
