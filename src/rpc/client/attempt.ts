/**
 * One attempt of a call: waits in the channel until there is a stream, writes the request to it, and cuts what comes
 * back into header, messages and trailer for its owner, the call. It knows nothing of kinds of methods: it reads on for
 * as long as its owner wants a message, and writes what it is given. It owns its stream: whatever happens, both halves
 * end, and the owner is told of one end, or of none after it has cancelled.
 */
import { type Metadata, Status } from 'nice-grpc-common';
import { FramingError, malformed } from '../framing/framing-error.js';
import { type MetadataLimit } from '../framing/metadata-limit.js';
import { ResetCode } from '../framing/reset-code.js';
import { decodeResponseHeader } from '../framing/response-header.js';
import { decodeTrailer, type Trailer } from '../framing/trailer.js';
import { UnitType, type Unit } from '../framing/unit.js';
import { UnitReader } from '../framing/unit-reader.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { type AttemptRecord, beginRecord, endRecord, type RecordStart } from '../attempt-record.js';
import { type PickedCall } from '../balancing/policy.js';
import { type ClientConnection } from './client-connection.js';
import { NOT_QUEUED } from '../../base/deadline-heap.js';
import { restOf, sizeOf } from '../pieces.js';
import { type StreamTransport } from '../stream-transport.js';
import { type TimerItem, type TimerQueue } from '../timer-queue.js';
import { type WaitingList } from './waiting-list.js';

/** The one of several servers that has an attempt, and wants to know how it fares there. */
export interface AttemptServer {
  /** The first of its answer is there. */
  onAnswerBegun(attempt: Attempt): void;
  /** It is over, with this status; undefined: in a way that says nothing of the server. */
  onAttemptOver(attempt: Attempt, code: Status | undefined): void;
}

export interface AttemptOwner extends PickedCall {
  /** Another server may have the call instead, and will be given it when this attempt fails with UNAVAILABLE. */
  readonly mayMove: boolean;
  /** The channel keeps the attempt through failed connections. */
  readonly waitForReady: boolean;
  readonly maxReceiveMessageBytes: number;
  readonly receiveMetadataLimit: MetadataLimit;
  readonly attemptTimeoutMs: number | undefined;

  /** Messages of the request follow one by one, by `writePieces`; else `writeRequest` gives the whole request. */
  readonly streamsRequest: boolean;
  /** What comes after the header is read only while this is true; `readOn` when it has become so. */
  readonly wantsMessage: boolean;

  /**
   * The stream is there: appends the header, and the message too when it is small. Returns a message that is to follow
   * as a piece of its own. Throws FramingError.
   */
  writeRequest(writer: UnitWriter, now: number): Uint8Array | undefined;
  /** All that was written so far was taken: there is room for the next message of a streamed request. */
  onAttemptWritable(attempt: Attempt): void;
  /** The server reads no more of a streamed request. */
  onAttemptStopped(attempt: Attempt): void;

  onAttemptHeader(metadata: Metadata | undefined): void;
  /** However it has ended, also by `cancel`. Once, before anything is done about it. */
  onAttemptOver(attempt: Attempt, code: Status, details: string): void;
  /** Throws FramingError for a message that it does not expect. */
  onAttemptMessage(attempt: Attempt, body: Uint8Array): void;
  /** The server's word, whatever the status. Last. */
  onAttemptEnd(attempt: Attempt, trailer: Trailer): void;
  /** No word of the server. Last. */
  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void;
}

export interface AttemptFailure {
  readonly code: Status;
  readonly details: string;
  /**
   * What has ended it, where that is no word of the server about it and decides what may follow: it took longer than
   * attemptTimeoutMs; its connection has ended; the only server that may have it again is gone.
   */
  readonly endedBy?: 'timeout' | 'connection' | 'restart';
  /** The server's: when it wants another attempt; Infinity: not at all. */
  readonly retryAfterMs?: number | undefined;
  /** The server certainly started nothing of it. */
  readonly notStarted?: boolean | undefined;
  readonly cause?: unknown;
}

export class Attempt implements TimerItem {
  readonly owner: AttemptOwner;
  /** From 1. */
  readonly number: number;
  /** The only incarnation of the server that may have it [AMO-3]; undefined: any. */
  incarnation: string | undefined;
  /** The one of several that it was given. Of the balancer; undefined where there is one server. */
  server: AttemptServer | undefined;
  /** The only one that may have it, beside `incarnation`. */
  pinnedTo: AttemptServer | undefined;
  /** Those that have the call or have failed it: better another one. */
  avoided: readonly AttemptServer[] | undefined;
  /** When it got its stream. */
  openedAt = 0;
  /** Must not ride in a first flight: it waits until the handshake is complete [RPC-11]. */
  readonly needsHandshake: boolean;
  /** Of the list in which it waits, which alone writes them. */
  waitingIn: WaitingList | undefined;
  previousWaiting: Attempt | undefined;
  nextWaiting: Attempt | undefined;
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  /** False while it is certain that the server has started nothing for this attempt [AMO-3]. */
  maybeExecuted = false;

  readonly #begunAt: number;
  #start: RecordStart | undefined;
  #connection: ClientConnection | undefined;
  #streamId = -1;
  #timers: TimerQueue | undefined;
  #reader: UnitReader | undefined;
  /** What the transport had no room for. */
  #unsent: Uint8Array[] | undefined;
  /** Our half ends with what was written. */
  #isRequestOver = false;
  /** The owner has been told of the end, or has cancelled. */
  #isOver = false;
  #hasHeader = false;
  #isAnswered = false;

  constructor(owner: AttemptOwner, needsHandshake: boolean, number: number, now: number) {
    this.owner = owner;
    this.needsHandshake = needsHandshake;
    this.number = number;
    this.#begunAt = now;
  }

  /** It has no stream yet, and may get one. */
  get isWaiting(): boolean {
    return this.waitingIn !== undefined;
  }

  /** -1: it has not had one. */
  get streamId(): number {
    return this.#streamId;
  }

  /** It has had a stream. */
  get wasSent(): boolean {
    return this.#start !== undefined;
  }

  /** The incarnation of the server that it went to, as far as that is known. */
  get servedBy(): string | undefined {
    return this.#start?.transport.peerIncarnation;
  }

  /** What is told of it when it ends like this. */
  record(code: Status, details: string, now: number): AttemptRecord {
    const { number: attempt, maybeExecuted } = this;
    return endRecord(this.#start, { attempt, code, details, maybeExecuted }, this.#begunAt, now);
  }

  /** The channel has found a stream for it. */
  open(
    connection: ClientConnection,
    streamId: number,
    writer: UnitWriter,
    timers: TimerQueue,
    now: number,
  ): void {
    this.#connection = connection;
    this.#streamId = streamId;
    this.#start = beginRecord(connection.transport);
    this.openedAt = now;
    const { attemptTimeoutMs } = this.owner;
    if (attemptTimeoutMs !== undefined && attemptTimeoutMs < Infinity) {
      this.#timers = timers;
      this.dueAt = now + attemptTimeoutMs;
      timers.add(this, now);
    }
    writer.clear();
    let body: Uint8Array | undefined;
    try {
      body = this.owner.writeRequest(writer, now);
    } catch (error) {
      this.#release(ResetCode.CANCELLED);
      this.#fail(failureOf(error));
      return;
    }
    const { streamsRequest } = this.owner;
    this.#write(body === undefined ? [writer.bytes] : [writer.bytes, body], !streamsRequest, 1);
    if (streamsRequest && this.mayWrite) this.owner.onAttemptWritable(this);
  }

  /** It has a stream whose request is not over, and all that was written was taken. */
  get mayWrite(): boolean {
    return this.#connection !== undefined && this.#unsent === undefined && !this.#isRequestOver;
  }

  /**
   * The next piece of a streamed request: whole units, which may be used again when it returns. While `mayWrite`; when
   * not everything was taken `onAttemptWritable` follows. `isLast` ends the request.
   */
  writePieces(pieces: readonly Uint8Array[], isLast: boolean): void {
    this.#write(pieces, isLast, pieces.length);
  }

  /** attemptTimeoutMs is for the beginning of an answer: it has begun. */
  endTimeout(): void {
    this.#timers?.remove(this);
  }

  /** The owner wants a message again. */
  readOn(): void {
    this.onReadable();
  }

  /** What it rides on; undefined before it has a stream, and after. */
  get transport(): StreamTransport | undefined {
    return this.#connection?.transport;
  }

  onWritable(): void {
    const unsent = this.#unsent;
    if (unsent === undefined) return;
    this.#unsent = undefined;
    this.#write(unsent, this.#isRequestOver, 0);
    if (this.mayWrite) this.owner.onAttemptWritable(this);
  }

  onReadable(): void {
    const connection = this.#connection;
    // The connection may be given up by what the owner does with a unit.
    while (connection !== undefined && this.#connection === connection) {
      if (!this.#isOver && this.#reader !== undefined && !this.#readUnits(this.#reader)) return;
      const chunk = connection.transport.readStream(this.#streamId);
      if (chunk === undefined) return;
      if (chunk === 'end') this.#onEnd();
      else if (this.#isOver) this.#release(ResetCode.MALFORMED);
      else this.#push(chunk);
    }
  }

  /** The server has given up its half. */
  onReset(code: number): void {
    this.#detach();
    if (code === ResetCode.REFUSED) this.maybeExecuted = false;
    this.#fail(failureOfReset(code));
  }

  /** The server does not read any more; its answer may still come. */
  onStopped(code: number): void {
    this.#unsent = undefined;
    this.#isRequestOver = true;
    this.#connection?.transport.resetStream(this.#streamId, code);
    if (this.owner.streamsRequest) this.owner.onAttemptStopped(this);
  }

  onConnectionClosed(failure: AttemptFailure): void {
    this.#connection = undefined;
    if (failure.notStarted === true) this.maybeExecuted = false;
    this.#fail(failure);
  }

  /** Nothing is heard of its connection, and there are other servers. */
  onMoved(failure: AttemptFailure): void {
    this.#release(ResetCode.CANCELLED);
    this.#fail(failure);
  }

  /** [RPC-15] The server says that it has not started it and will not. */
  onGoneAway(failure: AttemptFailure): void {
    this.#release(ResetCode.CANCELLED);
    this.maybeExecuted = false;
    this.#fail(failure);
  }

  /** It never got a stream. */
  onNoStream(failure: AttemptFailure): void {
    this.#fail(failure);
  }

  /** attemptTimeoutMs is over. */
  onDue(): void {
    this.#release(ResetCode.DEADLINE);
    const details = `no answer within the attempt's ${String(this.owner.attemptTimeoutMs)} ms`;
    this.#fail({ code: Status.DEADLINE_EXCEEDED, details, endedBy: 'timeout' });
  }

  /** The owner wants no more of it; it is told nothing further. */
  cancel(code: ResetCode): void {
    if (this.#isOver) return;
    this.#end(code === ResetCode.DEADLINE ? Status.DEADLINE_EXCEEDED : Status.CANCELLED, GIVEN_UP);
    this.#release(code);
    const isUnanswered = code === ResetCode.DEADLINE && this.wasSent && !this.#isAnswered;
    this.server?.onAttemptOver(this, isUnanswered ? Status.DEADLINE_EXCEEDED : undefined);
  }

  /** Of the pieces the first `reusedCount` may lie in memory that is used again. */
  #write(pieces: readonly Uint8Array[], isLast: boolean, reusedCount: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#isRequestOver = isLast;
    const taken = connection.transport.writeStream(this.#streamId, pieces, isLast);
    if (taken > 0) this.maybeExecuted = true;
    if (taken < sizeOf(pieces)) this.#unsent = restOf(pieces, taken, reusedCount);
  }

  #push(chunk: Uint8Array): void {
    const reader = (this.#reader ??= new UnitReader(this.owner.maxReceiveMessageBytes, LIMIT_NAME));
    reader.push(chunk);
  }

  /** False when it is not to be read on, for now or for ever. */
  #readUnits(reader: UnitReader): boolean {
    try {
      // The header is told as soon as it is there; a message waits for the one who wants it.
      while (!this.#hasHeader || this.owner.wantsMessage) {
        const unit = reader.next();
        if (unit === undefined) return true;
        this.#onUnit(unit);
        if (!this.#isOver) continue;
        // [RPC-6] A trailer is the last unit: what comes behind it is not ours to read.
        if (!reader.isAtBoundary) this.#release(ResetCode.MALFORMED);
        return true;
      }
    } catch (error) {
      this.#release(error instanceof FramingError ? error.resetCode : ResetCode.INTERNAL);
      this.#fail(failureOf(error));
    }
    return false;
  }

  #onUnit(unit: Unit): void {
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      // What is refused at once is no quick answer.
      if (unit.type !== UnitType.TRAILER) this.server?.onAnswerBegun(this);
    }
    switch (unit.type) {
      case UnitType.HEADER:
        if (this.#hasHeader) throw malformed('the server sent a header that is not the first unit');
        this.#hasHeader = true;
        this.owner.onAttemptHeader(decodeResponseHeader(unit.body, this.owner.receiveMetadataLimit));
        return;
      case UnitType.MESSAGE:
        if (!this.#hasHeader) {
          this.#hasHeader = true;
          this.owner.onAttemptHeader(undefined);
          if (this.#isOver) return;
        }
        this.owner.onAttemptMessage(this, unit.body);
        return;
      case UnitType.TRAILER:
        this.#onTrailer(decodeTrailer(unit.body, this.owner.receiveMetadataLimit));
    }
  }

  #onTrailer(trailer: Trailer): void {
    if (trailer.notStarted) this.maybeExecuted = false;
    this.#end(trailer.code, trailer.details);
    // [RPC-6] It answered without waiting for all of the request.
    this.#giveUpRequest();
    this.server?.onAttemptOver(this, trailer.notStarted ? undefined : trailer.code);
    // Before the owner makes another attempt, which is better made on the next connection.
    if (trailer.reconnect === true) this.#connection?.onServerLeaving();
    this.owner.onAttemptEnd(this, trailer);
  }

  #onEnd(): void {
    this.#detach();
    if (!this.#isOver) this.#fail({ code: Status.INTERNAL, details: 'the answer ended without a trailer' });
  }

  #fail(failure: AttemptFailure): void {
    if (this.#isOver) return;
    this.#end(failure.code, failure.details);
    this.server?.onAttemptOver(this, verdictOf(failure, this.wasSent));
    this.owner.onAttemptFailed(this, failure);
  }

  #end(code: Status, details: string): void {
    this.#isOver = true;
    this.#timers?.remove(this);
    this.owner.onAttemptOver(this, code, details);
  }

  /** Ends both halves of the stream, if it still has one. */
  #release(code: ResetCode): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.transport.resetStream(this.#streamId, code);
    connection.transport.stopStream(this.#streamId, code);
    this.#unsent = undefined;
    this.#forget(connection);
  }

  /** The server's half has ended; ends ours, unless all of it is on its way. */
  #detach(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#giveUpRequest();
    this.#forget(connection);
  }

  /** Ends our half, unless all of it is on its way. */
  #giveUpRequest(): void {
    if (this.#unsent === undefined && this.#isRequestOver) return;
    this.#unsent = undefined;
    this.#isRequestOver = true;
    this.#connection?.transport.resetStream(this.#streamId, ResetCode.CANCELLED);
  }

  #forget(connection: ClientConnection): void {
    this.#connection = undefined;
    connection.remove(this.#streamId);
  }
}

const GIVEN_UP = 'given up: the call had no more use for it';
const LIMIT_NAME = "this client's maxReceiveMessageBytes";

/** That a connection has ended is seen by its state; what was never sent, or not started, says nothing. */
function verdictOf({ code, endedBy, notStarted }: AttemptFailure, wasSent: boolean): Status | undefined {
  return !wasSent || notStarted === true || endedBy === 'connection' ? undefined : code;
}

/** Of what was thrown where a request was written. */
export function failureOf(error: unknown): AttemptFailure {
  if (error instanceof FramingError) return { code: error.status, details: error.message, cause: error };
  return {
    code: Status.INTERNAL,
    details: error instanceof Error ? error.message : String(error),
    cause: error,
  };
}

function failureOfReset(code: number): AttemptFailure {
  switch (code) {
    case ResetCode.CANCELLED:
      return { code: Status.CANCELLED, details: 'the server cancelled the call' };
    case ResetCode.REFUSED:
      return { code: Status.UNAVAILABLE, details: 'the server refused the call before it started' };
    case ResetCode.DEADLINE:
      return { code: Status.DEADLINE_EXCEEDED, details: "the call's time is over, says the server" };
    case ResetCode.TOO_LARGE:
      return { code: Status.RESOURCE_EXHAUSTED, details: 'the request is above a limit of the server' };
    case ResetCode.MALFORMED:
      return { code: Status.INTERNAL, details: 'the server could not read the request' };
    default:
      return { code: Status.INTERNAL, details: `the server gave the call up with code ${code}` };
  }
}
