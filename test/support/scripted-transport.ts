/**
 * A connection, and the way to one, that a test plays by hand: it records what the rpc floor asks of it, and the test
 * says what the server and the network do. The events are delivered when the test says so, never from within a call.
 */
import { type Metadata, type Status } from 'nice-grpc-common';
import { decodeRequestHeader, type RequestHeader } from '../../src/rpc/framing/request-header.js';
import { writeResponseHeader } from '../../src/rpc/framing/response-header.js';
import { OK_TRAILER, type Trailer, writeTrailer } from '../../src/rpc/framing/trailer.js';
import { UnitType } from '../../src/rpc/framing/unit.js';
import { UnitReader } from '../../src/rpc/framing/unit-reader.js';
import { UnitWriter } from '../../src/rpc/framing/unit-writer.js';
import {
  type ConnectAttempt,
  type ConnectHandler,
  type ConnectHints,
  type Connector,
  NO_TRANSPORT_STATS,
  type StreamListener,
  type StreamTransport,
  type TransportStats,
} from '../../src/rpc/stream-transport.js';
import { type ConnectionClosed } from '../../src/transport/transport-error.js';
import { ANY_METADATA } from './any-metadata.js';

export interface SentRequest {
  readonly header: RequestHeader;
  readonly messages: readonly Uint8Array[];
  readonly isFinished: boolean;
}

export class ScriptedTransport implements StreamTransport {
  readonly peer = '10.0.0.5:7000';
  isSecure = false;
  /** False of TLS, until the handshake is complete. */
  canSend = true;
  isHandshakeComplete = false;
  isReady = false;
  /** The test sets another one for another server. */
  peerIncarnation: string | undefined = '0123456789abcdef';
  openStreamCount = 0;
  /** How many streams may be open; the test raises it and calls `listener.onStreamsAvailable`. */
  streamLimit = Infinity;
  /** How many bytes one write takes at most. */
  room = Infinity;
  datagramsReceived = 0;
  readonly packetCounts = { packetsSent: 0, packetsReceived: 0, packetsLost: 0 };
  /** Laid over what `stats` says. */
  measured: Partial<TransportStats> = {};
  /** `open 0`, `write 0 25 fin`, `reset 0 3`, `stop 0 3`, `close 0 reason`, in order. */
  readonly log: string[] = [];
  #listener: StreamListener | undefined;
  #opened = 0;
  readonly #written = new Map<number, number[]>();
  readonly #finished = new Set<number>();
  readonly #incoming = new Map<number, (Uint8Array | 'end')[]>();

  openStream(): number | undefined {
    if (this.#opened >= this.streamLimit) return undefined;
    const streamId = 2 * this.#opened++;
    this.#written.set(streamId, []);
    this.log.push(`open ${streamId}`);
    return streamId;
  }

  writeStream(streamId: number, pieces: readonly Uint8Array[], fin: boolean): number {
    const written = this.#written.get(streamId) ?? [];
    let size = 0;
    let taken = 0;
    for (const piece of pieces) {
      size += piece.length;
      const part = piece.subarray(0, Math.max(0, this.room - taken));
      for (const byte of part) written.push(byte);
      taken += part.length;
    }
    const isFinished = fin && taken === size;
    if (isFinished) this.#finished.add(streamId);
    this.log.push(`write ${streamId} ${taken}${isFinished ? ' fin' : ''}`);
    return taken;
  }

  readStream(streamId: number): Uint8Array | 'end' | undefined {
    return this.#incoming.get(streamId)?.shift();
  }

  resetStream(streamId: number, code: number): void {
    this.log.push(`reset ${streamId} ${code}`);
  }

  stopStream(streamId: number, code: number): void {
    this.log.push(`stop ${streamId} ${code}`);
  }

  close(code: number, reason: string): void {
    this.log.push(`close ${code} ${reason}`);
  }

  stats(): TransportStats {
    return { ...NO_TRANSPORT_STATS, datagramsReceived: this.datagramsReceived, ...this.measured };
  }

  // What the test does.

  get listener(): StreamListener {
    if (this.#listener === undefined) throw new Error('nobody listens to this transport yet');
    return this.#listener;
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
  }

  completeHandshake(): void {
    this.canSend = true;
    this.isHandshakeComplete = true;
    this.listener.onHandshakeComplete?.();
  }

  becomeReady(): void {
    if (!this.isHandshakeComplete) this.completeHandshake();
    this.isReady = true;
    this.listener.onReady();
  }

  /** Chunks as they come from the network, then perhaps the end. */
  deliver(streamId: number, ...chunks: (Uint8Array | 'end')[]): void {
    const incoming = this.#incoming.get(streamId) ?? [];
    incoming.push(...chunks);
    this.#incoming.set(streamId, incoming);
    this.listener.onStreamReadable(streamId);
  }

  answer(streamId: number, message: Uint8Array): void {
    this.deliver(streamId, responseBytes({ message }), 'end');
  }

  refuse(streamId: number, code: Status, details: string, more: Partial<Trailer> = {}): void {
    this.deliver(streamId, responseBytes({ trailer: { ...OK_TRAILER, code, details, ...more } }), 'end');
  }

  becomeSuspect(): void {
    this.listener.onSuspect?.('nothing received for 10000 ms, 8 probes in a row unanswered');
  }

  recover(): void {
    this.listener.onRecovered?.();
  }

  closeWith(reason: string, by: ConnectionClosed['by'] = 'peer'): void {
    this.listener.onClosed({ by, code: 0, isApplication: false, reason });
  }

  get streamCount(): number {
    return this.#opened;
  }

  /** What was written to a stream, read as a server does. */
  request(streamId: number): SentRequest {
    const reader = new UnitReader(100_000_000);
    reader.push(Uint8Array.from(this.#written.get(streamId) ?? []));
    let header: RequestHeader | undefined;
    const messages: Uint8Array[] = [];
    for (let unit = reader.next(); unit !== undefined; unit = reader.next()) {
      if (unit.type === UnitType.HEADER) header = decodeRequestHeader(unit.body, ANY_METADATA);
      else messages.push(unit.body);
    }
    if (header === undefined) throw new Error(`no request header on stream ${streamId}`);
    return { header, messages, isFinished: this.#finished.has(streamId) };
  }
}

export class ScriptedConnector implements Connector {
  readonly target = 'udp://10.0.0.5:7000';
  /** One for each time that the channel wanted a connection. */
  readonly attempts: {
    readonly handler: ConnectHandler;
    readonly hints: ConnectHints | undefined;
    isCancelled: boolean;
  }[] = [];
  closeCount = 0;
  /** What `close` rejects with. */
  closeError: Error | undefined;

  connect(handler: ConnectHandler, hints?: ConnectHints): ConnectAttempt {
    const attempt = { handler, hints, isCancelled: false };
    this.attempts.push(attempt);
    return {
      cancel() {
        attempt.isCancelled = true;
      },
    };
  }

  async close(): Promise<void> {
    this.closeCount += 1;
    if (this.closeError !== undefined) throw this.closeError;
  }

  // What the test does, to the newest attempt.

  connected(transport = new ScriptedTransport()): ScriptedTransport {
    transport.listen(this.#newest().onTransport(transport));
    return transport;
  }

  ready(transport = new ScriptedTransport()): ScriptedTransport {
    this.connected(transport);
    transport.becomeReady();
    return transport;
  }

  failed(reason: string): void {
    this.#newest().onFailed({ reason });
  }

  #newest(): ConnectHandler {
    const newest = this.attempts.at(-1);
    if (newest === undefined) throw new Error('the channel has not asked for a connection');
    return newest.handler;
  }
}

/** What a server writes: header, message and trailer, each if given; the trailer is OK by itself. */
export function responseBytes(response: {
  header?: Metadata;
  message?: Uint8Array;
  trailer?: Trailer | 'none';
}): Uint8Array {
  const writer = new UnitWriter();
  if (response.header !== undefined) writeResponseHeader(writer, response.header, ANY_METADATA);
  if (response.message !== undefined) writer.message(response.message);
  if (response.trailer !== 'none') writeTrailer(writer, response.trailer ?? OK_TRAILER, ANY_METADATA);
  return writer.bytes.slice();
}
