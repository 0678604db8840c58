/**
 * One connection of an in-memory pair: two ends and the streams between them. A stream is two halves, each a queue of
 * chunks with a writer and a reader; bytes go into the queue at once and the reader is told at the end of the turn.
 * A stream gives its credit back when the server's side of it is over: request read to its end, reset or stopped, and
 * answer finished or reset. That is when it retires in the core too, but for the acknowledgement.
 */
import { assert } from '../base/assert.js';
import { type Clock } from '../base/clock.js';
import { RingQueue } from '../base/ring-queue.js';
import { type ConnectionClosed } from '../transport/transport-error.js';
import { sizeOf } from './pieces.js';
import {
  NO_PACKET_COUNTS,
  NO_TRANSPORT_STATS,
  type StreamListener,
  type StreamTransport,
  type TransportStats,
} from './stream-transport.js';

export interface InMemoryLimits {
  readonly maxStreams: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly chunkBytes: number;
}

/** Makes a connection of two new ends. `onClosed` is called once when it has ended. */
export function joinEnds(
  client: InMemoryEnd,
  server: InMemoryEnd,
  limits: InMemoryLimits,
  onClosed: () => void,
): void {
  const connection: Connection = { client, server, limits, onClosed, streams: new Map(), openCount: 0 };
  client.join(connection, server);
  server.join(connection, client);
}

interface Connection {
  readonly client: InMemoryEnd;
  readonly server: InMemoryEnd;
  readonly limits: InMemoryLimits;
  readonly onClosed: () => void;
  readonly streams: Map<number, Stream>;
  /** Streams that count against the limit. */
  openCount: number;
}

export class InMemoryEnd implements StreamTransport {
  readonly peer: string;
  readonly isSecure = false;
  readonly packetCounts = NO_PACKET_COUNTS;
  readonly #clock: Clock;
  readonly #serverIncarnation: string | undefined;
  readonly #isClient: boolean;
  #connection: Connection | undefined;
  #other: InMemoryEnd | undefined;
  #listener: StreamListener | undefined;
  #isReady = false;
  #closed: ConnectionClosed | undefined;
  #hasClosed = false;
  #isDeliveryAsked = false;
  /** What the listener has not been told yet, three numbers each: kind, stream ID, value. */
  #events: number[] = [];
  /** The next that this end opens. */
  #nextStreamId: number;
  /** Of the streams that this end opens those below were announced to the other. */
  #nextUnannouncedId: number;
  #isWaitingForStreams = false;
  /** Bytes that we wrote and the other end has not read. */
  #bytesUnread = 0;
  /** Our halves whose writer waits for room. */
  readonly #blocked = new Set<Half>();

  /** `serverIncarnation`: of the other end, for that of a client. */
  constructor(clock: Clock, peer: string, serverIncarnation?: string) {
    this.#clock = clock;
    this.peer = peer;
    this.#serverIncarnation = serverIncarnation;
    this.#isClient = serverIncarnation !== undefined;
    this.#nextStreamId = this.#isClient ? 0 : 1;
    this.#nextUnannouncedId = this.#nextStreamId;
  }

  join(connection: Connection, other: InMemoryEnd): void {
    this.#connection = connection;
    this.#other = other;
  }

  listen(listener: StreamListener): void {
    this.#listener = listener;
    this.#push(EventKind.READY, 0, 0);
  }

  get canSend(): boolean {
    return true;
  }

  get isHandshakeComplete(): boolean {
    return this.#isReady;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get peerIncarnation(): string | undefined {
    return this.#isReady ? this.#serverIncarnation : undefined;
  }

  get openStreamCount(): number {
    const { openCount, streams } = this.#connected();
    return openCount + (streams.has(SERVER_STREAM_ID) ? 1 : 0);
  }

  openStream(): number | undefined {
    const connection = this.#connected();
    if (this.#hasClosed) return undefined;
    if (!this.#isClient) {
      // [STR-10]
      if (this.#nextStreamId > SERVER_STREAM_ID) return undefined;
    } else if (connection.openCount < connection.limits.maxStreams) {
      connection.openCount++;
    } else {
      this.#isWaitingForStreams = true;
      return undefined;
    }
    const streamId = this.#nextStreamId;
    this.#nextStreamId += STREAM_ID_STEP;
    connection.streams.set(streamId, new Stream(streamId));
    return streamId;
  }

  writeStream(streamId: number, pieces: readonly Uint8Array[], fin: boolean): number {
    const stream = this.#stream(streamId);
    const size = sizeOf(pieces);
    // Nobody will read it: taken and dropped, as the core does, so that no writer waits for room.
    if (this.#hasClosed || stream === undefined) return size;
    const half = this.#sending(stream);
    assert(!half.isFinished, 'nothing is written behind the end of a stream');
    if (half.resetCode !== undefined) return size;
    this.#announce(streamId);
    const taken = half.isStopped ? size : Math.min(size, this.#room(half));
    if (taken > 0 && !half.isStopped) this.#copy(half, pieces, taken);
    if (taken < size) {
      this.#blocked.add(half);
    } else if (fin) {
      half.isFinished = true;
      this.#retireIfOver(stream);
    }
    if ((taken > 0 || half.isFinished) && !half.isStopped) this.#tellReader(half);
    return taken;
  }

  readStream(streamId: number): Uint8Array | 'end' | undefined {
    const stream = this.#stream(streamId);
    if (this.#hasClosed || stream === undefined) return undefined;
    const half = this.#receiving(stream);
    if (half.isStopped || half.resetCode !== undefined || half.isEndRead) return undefined;
    half.isReaderTold = false;
    const chunk = half.chunks.shift();
    if (chunk !== undefined) {
      half.unreadBytes -= chunk.length;
      this.#peer().#onRead(chunk.length);
      return chunk;
    }
    if (!half.isFinished) return undefined;
    half.isEndRead = true;
    this.#retireIfOver(stream);
    return 'end';
  }

  resetStream(streamId: number, code: number): void {
    const stream = this.#stream(streamId);
    if (this.#hasClosed || stream === undefined) return;
    const half = this.#sending(stream);
    if (half.resetCode !== undefined || half.isEndRead || (half.isFinished && half.isStopped)) return;
    this.#announce(streamId);
    half.resetCode = code;
    this.#drop(half, this);
    if (!half.isStopped) this.#peer().#push(EventKind.RESET, streamId, code);
    this.#retireIfOver(stream);
  }

  stopStream(streamId: number, code: number): void {
    const stream = this.#stream(streamId);
    if (this.#hasClosed || stream === undefined) return;
    const half = this.#receiving(stream);
    if (half.isStopped || half.isEndRead || half.resetCode !== undefined) return;
    this.#announce(streamId);
    half.isStopped = true;
    this.#drop(half, this.#peer());
    if (!half.isFinished) this.#peer().#push(EventKind.STOPPED, streamId, code);
    this.#retireIfOver(stream);
  }

  close(code: number, reason: string): void {
    if (this.#hasClosed || this.#closed !== undefined) return;
    const other = this.#peer();
    this.#hasClosed = true;
    // What we were still to be told is passed over; what the other end was to be told comes first.
    this.#closed = { by: 'local', code, isApplication: true, reason };
    this.#push(EventKind.CLOSED, 0, 0);
    other.#closed = { by: 'peer', code, isApplication: true, reason };
    other.#push(EventKind.CLOSED, 0, 0);
    this.#connected().onClosed();
  }

  stats(): TransportStats {
    return NO_TRANSPORT_STATS;
  }

  #push(kind: number, streamId: number, value: number): void {
    this.#events.push(kind, streamId, value);
    if (this.#isDeliveryAsked) return;
    this.#isDeliveryAsked = true;
    this.#clock.atEndOfTurn(this.#deliver);
  }

  readonly #deliver = (): void => {
    this.#isDeliveryAsked = false;
    const events = this.#events;
    this.#events = [];
    for (let index = 0; index < events.length; index += 3) {
      this.#dispatch(events[index], events[index + 1] ?? 0, events[index + 2] ?? 0);
    }
  };

  #dispatch(kind: number | undefined, streamId: number, value: number): void {
    const listener = this.#listener;
    if (listener === undefined || (this.#hasClosed && kind !== EventKind.CLOSED)) return;
    switch (kind) {
      case EventKind.READY:
        this.#isReady = true;
        if (this.#isClient) listener.onHandshakeComplete?.();
        listener.onReady();
        break;
      case EventKind.STREAMS_AVAILABLE:
        listener.onStreamsAvailable();
        break;
      case EventKind.OPENED:
        listener.onStreamOpened(streamId, value === 1);
        break;
      case EventKind.READABLE:
        listener.onStreamReadable(streamId);
        break;
      case EventKind.WRITABLE:
        listener.onStreamWritable(streamId);
        break;
      case EventKind.RESET:
        listener.onStreamReset(streamId, value);
        break;
      case EventKind.STOPPED:
        listener.onStreamStopped(streamId, value);
        break;
      default:
        assert(this.#closed !== undefined, 'how it closed is known');
        this.#hasClosed = true;
        this.#listener = undefined;
        listener.onClosed(this.#closed);
    }
  }

  /** The other end hears of a stream, and of those opened before it, when the first of it is sent. */
  #announce(streamId: number): void {
    if (this.#isClient !== isOfClient(streamId)) return;
    for (; this.#nextUnannouncedId <= streamId; this.#nextUnannouncedId += STREAM_ID_STEP) {
      this.#peer().#push(EventKind.OPENED, this.#nextUnannouncedId, this.#isReady || !this.#isClient ? 0 : 1);
    }
  }

  #room(half: Half): number {
    const { limits } = this.#connected();
    return Math.max(
      0,
      Math.min(limits.streamWindowBytes - half.unreadBytes, limits.connectionWindowBytes - this.#bytesUnread),
    );
  }

  /** The first `taken` bytes of the pieces, in chunks of their own. */
  #copy(half: Half, pieces: readonly Uint8Array[], taken: number): void {
    const { chunkBytes } = this.#connected().limits;
    half.unreadBytes += taken;
    this.#bytesUnread += taken;
    let rest = taken;
    let chunk = new Uint8Array(Math.min(rest, chunkBytes));
    let filled = 0;
    for (const piece of pieces) {
      for (let offset = 0; offset < piece.length && rest > 0;) {
        const length = Math.min(piece.length - offset, chunk.length - filled);
        chunk.set(piece.subarray(offset, offset + length), filled);
        offset += length;
        filled += length;
        rest -= length;
        if (filled < chunk.length) continue;
        half.chunks.push(chunk);
        if (rest > 0) chunk = new Uint8Array(Math.min(rest, chunkBytes));
        filled = 0;
      }
    }
  }

  #tellReader(half: Half): void {
    if (half.isReaderTold) return;
    half.isReaderTold = true;
    this.#peer().#push(EventKind.READABLE, half.streamId, 0);
  }

  /** The other end has read, or dropped, bytes of ours. */
  #onRead(bytes: number): void {
    this.#bytesUnread -= bytes;
    for (const half of this.#blocked) {
      // As windows on a network are: opened again when half of it is free, not at each byte.
      const { limits } = this.#connected();
      if (half.unreadBytes > limits.streamWindowBytes / 2 || this.#room(half) === 0) continue;
      this.#blocked.delete(half);
      this.#push(EventKind.WRITABLE, half.streamId, 0);
    }
  }

  #drop(half: Half, writer: InMemoryEnd): void {
    const bytes = half.unreadBytes;
    half.chunks.clear();
    half.unreadBytes = 0;
    writer.#blocked.delete(half);
    writer.#onRead(bytes);
  }

  #retireIfOver(stream: Stream): void {
    const connection = this.#connected();
    const { toServer, toClient } = stream;
    const isSettled = toServer.isOver && (toClient.isFinished || toClient.resetCode !== undefined);
    if (isSettled && !stream.isRetired && isOfClient(stream.id)) {
      stream.isRetired = true;
      connection.openCount--;
      connection.client.#offerStreams();
    }
    if (toServer.isOver && toClient.isOver) connection.streams.delete(stream.id);
  }

  #offerStreams(): void {
    if (!this.#isWaitingForStreams) return;
    this.#isWaitingForStreams = false;
    this.#push(EventKind.STREAMS_AVAILABLE, 0, 0);
  }

  #stream(streamId: number): Stream | undefined {
    return this.#connected().streams.get(streamId);
  }

  #sending(stream: Stream): Half {
    return this.#isClient ? stream.toServer : stream.toClient;
  }

  #receiving(stream: Stream): Half {
    return this.#isClient ? stream.toClient : stream.toServer;
  }

  #connected(): Connection {
    assert(this.#connection !== undefined, 'the end was joined');
    return this.#connection;
  }

  #peer(): InMemoryEnd {
    assert(this.#other !== undefined, 'the end was joined');
    return this.#other;
  }
}

class Stream {
  readonly id: number;
  readonly toServer: Half;
  readonly toClient: Half;
  isRetired = false;

  constructor(id: number) {
    this.id = id;
    this.toServer = new Half(id);
    this.toClient = new Half(id);
  }
}

class Half {
  readonly streamId: number;
  readonly chunks = new RingQueue<Uint8Array>();
  unreadBytes = 0;
  isFinished = false;
  isEndRead = false;
  isStopped = false;
  isReaderTold = false;
  resetCode: number | undefined;

  constructor(streamId: number) {
    this.streamId = streamId;
  }

  /** Nothing of it will reach its reader any more. */
  get isOver(): boolean {
    return this.isEndRead || this.resetCode !== undefined || (this.isStopped && this.isFinished);
  }
}

const EventKind = {
  READY: 0,
  STREAMS_AVAILABLE: 1,
  OPENED: 2,
  READABLE: 3,
  WRITABLE: 4,
  RESET: 5,
  STOPPED: 6,
  CLOSED: 7,
} as const;

/** IDs of the streams that a client opens are even. */
const STREAM_ID_STEP = 2;
/** Of the only stream that a server may open. */
const SERVER_STREAM_ID = 1;

function isOfClient(streamId: number): boolean {
  return streamId % STREAM_ID_STEP === 0;
}
