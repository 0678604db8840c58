/**
 * A connection as the rpc floor holds it: the same verbs without `now`, and every call of one asks for a flush. All
 * that is written in one turn of the event loop so leaves together.
 */
import { type Clock } from '../../base/clock.js';
import { type Connection } from '../connection/connection.js';
import { type PeerCertificate } from '../protection/handshake.js';
import {
  type PacketCounts,
  type StreamListener,
  type StreamTransport,
  type TransportStats,
} from '../stream-transport.js';
import { ProtocolVersion } from '../wire/version.js';

/** The pump, as far as a transport needs it. */
export interface FlushRequests {
  requestFlush(connection: Connection): void;
  /** For what may always wait for the end of the turn. */
  requestLateFlush(connection: Connection): void;
  /** So many bytes were taken. */
  onWritten(transport: ConnectionTransport, bytes: number): void;
}

export class ConnectionTransport implements StreamTransport {
  readonly connection: Connection;
  /** Who is told of its events; set by whoever took the transport. */
  listener: StreamListener | undefined;
  /** How it gets another socket; set by a driver that can. */
  onRebind: (() => void) | undefined;
  /** Kept by the pump: written since its last flush, and not sent since then. */
  writtenBytes = 0;
  /** Kept by the pump: which flush that was. */
  writtenSince = 0;
  readonly #clock: Clock;
  readonly #flushes: FlushRequests;
  #peerIncarnation: string | undefined;

  constructor(connection: Connection, clock: Clock, flushes: FlushRequests) {
    this.connection = connection;
    this.#clock = clock;
    this.#flushes = flushes;
  }

  get peer(): string {
    const { ip, port } = this.connection.path.remote;
    return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
  }

  get isSecure(): boolean {
    return this.connection.version === ProtocolVersion.TLS;
  }

  get canSend(): boolean {
    return this.connection.canSend;
  }

  get isHandshakeComplete(): boolean {
    return this.connection.isHandshakeComplete;
  }

  get isReady(): boolean {
    return this.connection.isReady;
  }

  get peerIncarnation(): string | undefined {
    return (this.#peerIncarnation ??= hexOf(this.connection.peerParameters?.incarnation));
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.connection.peerCertificate;
  }

  get openStreamCount(): number {
    return this.connection.openStreamCount;
  }

  get packetCounts(): PacketCounts {
    return this.connection.stats;
  }

  openStream(): number | undefined {
    return this.connection.openStream();
  }

  writeStream(streamId: number, pieces: readonly Uint8Array[], fin: boolean): number {
    const taken = this.connection.writeStream(streamId, pieces, fin);
    this.#flushes.onWritten(this, taken);
    return taken;
  }

  readStream(streamId: number): Uint8Array | 'end' | undefined {
    const bytes = this.connection.readStream(streamId);
    // Reading returns credit, which the peer must be told; one packet tells what all reads of the turn returned.
    if (bytes !== undefined) this.#flushes.requestLateFlush(this.connection);
    return bytes;
  }

  resetStream(streamId: number, code: number): void {
    this.connection.resetStream(streamId, code);
    this.#flushes.requestFlush(this.connection);
  }

  stopStream(streamId: number, code: number): void {
    this.connection.stopStream(streamId, code);
    this.#flushes.requestFlush(this.connection);
  }

  rebind(): void {
    this.onRebind?.();
  }

  close(code: number, reason: string): void {
    this.connection.close(code, reason, this.#clock.now());
    this.#flushes.requestFlush(this.connection);
  }

  /** Ends it without a word to the peer. */
  abandon(by: 'refused' | 'versionMismatch', reason: string): void {
    this.connection.abandon(by, reason, this.#clock.now());
    this.#flushes.requestFlush(this.connection);
  }

  stats(): TransportStats {
    return this.connection.transportStats(this.#clock.now());
  }
}

function hexOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
