/**
 * What the rooms of one connection share: the players that the conductor plays with, and the few facts all of them
 * read. Made once by the connection; nothing here decides anything.
 */
import { type Pacer } from '../congestion/pacer.js';
import { type Path } from '../path/path.js';
import { type HandshakeStream } from '../protection/handshake-stream.js';
import { type Recovery } from '../recovery/recovery.js';
import { type StreamSet } from '../stream/stream-set.js';
import { type ConnectionStats } from './connection-stats.js';
import { type IdleTimer } from './idle-timer.js';
import { type PacketSpaceState } from './packet-space-state.js';
import { type TransportOptions } from './transport-options.js';

export interface Players {
  readonly role: 'client' | 'server';
  readonly version: number;
  readonly options: TransportOptions;
  /** Ours: the peer's packets are addressed to it. */
  readonly localId: Uint8Array;
  /** The client's first, random destination. */
  readonly originalDestinationId: Uint8Array;
  /** Where our packets are addressed to; a client learns the server's own from its first packet. */
  remoteId: Uint8Array;
  readonly path: Path;
  readonly hello: PacketSpaceState;
  readonly protected: PacketSpaceState;
  readonly recovery: Recovery;
  readonly pacer: Pacer;
  readonly streams: StreamSet;
  readonly handshakeStream: HandshakeStream;
  readonly idle: IdleTimer;
  readonly stats: ConnectionStats;
  /** Our side of the handshake is complete and, for a client, the server has said so too. */
  isConfirmed: boolean;
  isHandshakeDonePending: boolean;
  /** [DGM-2] Of a datagram that we send: no more than every path carries until the peer has said what it takes. */
  maxDatagramSize: number;
  isPingPending: boolean;
}
