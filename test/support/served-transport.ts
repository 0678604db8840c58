/**
 * A client's connection as a server sees it, played by hand: the test says what the client sends and does, and reads
 * what the server answered. Events are delivered when the test says so, never from within a call.
 */
import { type Metadata } from 'nice-grpc-common';
import { type RequestHeader, writeRequestHeader } from '../../src/rpc/framing/request-header.js';
import { decodeResponseHeader } from '../../src/rpc/framing/response-header.js';
import { decodeTrailer, type Trailer } from '../../src/rpc/framing/trailer.js';
import { UnitType } from '../../src/rpc/framing/unit.js';
import { UnitReader } from '../../src/rpc/framing/unit-reader.js';
import { UnitWriter } from '../../src/rpc/framing/unit-writer.js';
import {
  type Acceptor,
  type Listening,
  NO_PACKET_COUNTS,
  NO_TRANSPORT_STATS,
  type StreamListener,
  type StreamTransport,
  type TransportStats,
} from '../../src/rpc/stream-transport.js';
import { ANY_METADATA } from './any-metadata.js';

export interface Answer {
  readonly header: Metadata | undefined;
  readonly messages: readonly Uint8Array[];
  readonly trailer: Trailer | undefined;
  /** In how many calls of `writeStream` it was written. */
  readonly writeCount: number;
  readonly isFinished: boolean;
}

export class ServedTransport implements StreamTransport {
  readonly peer = '10.0.0.9:50000';
  readonly isSecure = false;
  readonly canSend = true;
  readonly isHandshakeComplete = true;
  readonly isReady = true;
  readonly peerIncarnation = undefined;
  /** Of the stream that the server may open; undefined as from a client that takes none. */
  serverStreamId: number | undefined = 1;
  openStreamCount = 0;
  readonly packetCounts = NO_PACKET_COUNTS;
  /** How many bytes one write takes at most. */
  room = Infinity;
  /** Laid over what `stats` says. */
  measured: Partial<TransportStats> = {};
  /** `reset 0 3`, `stop 0 3`, `close 1`, in order. */
  readonly log: string[] = [];
  #listener: StreamListener | undefined;
  readonly #written = new Map<number, { bytes: number[]; count: number; isFinished: boolean }>();
  readonly #incoming = new Map<number, (Uint8Array | 'end')[]>();

  openStream(): number | undefined {
    const streamId = this.serverStreamId;
    this.serverStreamId = undefined;
    return streamId;
  }

  writeStream(streamId: number, pieces: readonly Uint8Array[], fin: boolean): number {
    const written = this.#written.get(streamId) ?? { bytes: [], count: 0, isFinished: false };
    this.#written.set(streamId, written);
    if (written.isFinished) throw new Error('written behind the end');
    let size = 0;
    let taken = 0;
    for (const piece of pieces) {
      size += piece.length;
      const part = piece.subarray(0, Math.max(0, this.room - taken));
      for (const byte of part) written.bytes.push(byte);
      taken += part.length;
    }
    written.count += 1;
    written.isFinished = fin && taken === size;
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

  close(code: number): void {
    this.log.push(`close ${code}`);
  }

  stats(): TransportStats {
    return { ...NO_TRANSPORT_STATS, ...this.measured };
  }

  // What the test does.

  get listener(): StreamListener {
    if (this.#listener === undefined) throw new Error('no server has accepted this connection');
    return this.#listener;
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
  }

  /** A new stream with everything that the client sends on it. */
  request(streamId: number, request: RequestInit = {}, isFirstFlight = false): void {
    this.listener.onStreamOpened(streamId, isFirstFlight);
    this.deliver(streamId, requestBytes(request), 'end');
  }

  deliver(streamId: number, ...chunks: (Uint8Array | 'end')[]): void {
    const incoming = this.#incoming.get(streamId) ?? [];
    incoming.push(...chunks);
    this.#incoming.set(streamId, incoming);
    this.listener.onStreamReadable(streamId);
  }

  /** As clients do: they end both halves. */
  cancel(streamId: number, code = 0): void {
    this.listener.onStreamReset(streamId, code);
    this.listener.onStreamStopped(streamId, code);
  }

  /** There is room again for one write of at most `room` bytes. */
  makeRoom(streamId: number, room: number): void {
    this.room = room;
    this.listener.onStreamWritable(streamId);
  }

  lose(): void {
    this.listener.onClosed({ by: 'idle', code: 0, isApplication: false, reason: 'no packet for 30 s' });
  }

  /** What the server has written to a stream so far. */
  answer(streamId: number): Answer {
    const written = this.#written.get(streamId);
    const reader = new UnitReader(100_000_000);
    reader.push(Uint8Array.from(written?.bytes ?? []));
    let header: Metadata | undefined;
    let trailer: Trailer | undefined;
    const messages: Uint8Array[] = [];
    for (let unit = reader.next(); unit !== undefined; unit = reader.next()) {
      if (unit.type === UnitType.HEADER) header = decodeResponseHeader(unit.body, ANY_METADATA);
      else if (unit.type === UnitType.MESSAGE) messages.push(unit.body);
      else trailer = decodeTrailer(unit.body, ANY_METADATA);
    }
    const { count = 0, isFinished = false } = written ?? {};
    return { header, messages, trailer, writeCount: count, isFinished };
  }

  /** The status that it ended with. */
  status(streamId: number): Trailer {
    const { trailer } = this.answer(streamId);
    if (trailer === undefined) throw new Error(`stream ${streamId} has no trailer yet`);
    return trailer;
  }
}

export interface RequestInit extends Partial<RequestHeader> {
  readonly message?: Uint8Array | undefined;
}

export const CLIENT_INSTANCE = new Uint8Array(16).fill(0xab);

export function requestBytes({ message, ...header }: RequestInit = {}): Uint8Array {
  const writer = new UnitWriter();
  const defaults = {
    path: 'test.v1.TestService/Echo',
    timeoutMs: 30_000,
    clientInstance: CLIENT_INSTANCE,
    sequence: 0,
    attempt: 1,
    ageMs: 0,
    isDeclaredIdempotent: false,
    metadata: undefined,
  };
  writeRequestHeader(writer, { ...defaults, ...header }, ANY_METADATA);
  writer.message(message ?? new Uint8Array());
  return writer.bytes.slice();
}

export class ScriptedAcceptor implements Acceptor {
  /** `listen`, `refuse`, `close`, in order. */
  readonly log: string[] = [];
  /** What `listen` waits for. */
  opened: Promise<void> = Promise.resolve();
  closeError: Error | undefined;
  readonly drops: Record<string, number> = {};
  #accept: ((transport: StreamTransport) => StreamListener) | undefined;

  async listen(address: string, accept: (transport: StreamTransport) => StreamListener): Promise<Listening> {
    this.log.push(`listen ${address}`);
    await this.opened;
    this.#accept = accept;
    return {
      port: 5005,
      addresses: ['udp://127.0.0.1:5005'],
      drops: this.drops,
      refuseNew: () => {
        this.log.push('refuse');
      },
      close: async () => {
        this.log.push('close');
        if (this.closeError !== undefined) throw this.closeError;
      },
    };
  }

  /** A client has connected. */
  connect(transport = new ServedTransport()): ServedTransport {
    if (this.#accept === undefined) throw new Error('nobody listens');
    transport.listen(this.#accept(transport));
    return transport;
  }
}
