/**
 * One connection of a channel: which attempt has which stream, and the transport's events carried to it. When it is
 * ready, suspect, has room or ends, the channel is told, and decides. Once retired it takes no new calls and closes
 * itself with its last one.
 */
import { Status } from 'nice-grpc-common';
import { IdMap } from '../../base/id-map.js';
import { FramingError } from '../framing/framing-error.js';
import { type GoAway, GoAwayReader } from '../framing/go-away.js';
import { CloseCode, ResetCode } from '../framing/reset-code.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { ConnectionReport } from '../connection-report.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import { type StreamListener, type StreamTransport } from '../stream-transport.js';
import { type ConnectionClosed, TransportErrorCode } from '../../transport/transport-error.js';
import { type Attempt, type AttemptFailure } from './attempt.js';
import { type TimerQueue } from '../timer-queue.js';

export interface ConnectionOwner {
  readonly environment: RpcEnvironment;
  readonly writer: UnitWriter;
  readonly timers: TimerQueue;
  /** What could not be sent before can be sent now. */
  onHandshakeComplete(connection: ClientConnection): void;
  onConnectionReady(connection: ClientConnection): void;
  onConnectionSuspect(connection: ClientConnection, reason: string): void;
  onConnectionRecovered(connection: ClientConnection): void;
  /** The server wants further calls on another one. */
  onConnectionLeaving(connection: ClientConnection): void;
  onStreamsAvailable(connection: ClientConnection): void;
  onConnectionClosed(connection: ClientConnection, closed: ConnectionClosed): void;
}

/** Nothing was heard of it; the server wants it; another one turned out to be the better. */
export type Retirement = 'suspect' | 'leaving' | 'replaced';

export class ClientConnection implements StreamListener {
  readonly transport: StreamTransport;
  isReady = false;
  readonly #owner: ConnectionOwner;
  readonly #report: ConnectionReport;
  readonly #attempts = new IdMap<Attempt>();
  #retirement: Retirement | undefined;
  #isClosing = false;
  #goAway: { readonly streamId: number; readonly reader: GoAwayReader } | undefined;

  constructor(owner: ConnectionOwner, transport: StreamTransport) {
    this.#owner = owner;
    this.transport = transport;
    this.#report = new ConnectionReport(owner.environment, 'client', transport);
  }

  /** False when the peer's limit of streams is reached. */
  start(attempt: Attempt, now: number): boolean {
    if (attempt.incarnation !== undefined && attempt.incarnation !== this.transport.peerIncarnation) {
      attempt.onNoStream(RESTARTED);
      return true;
    }
    const streamId = this.transport.openStream();
    if (streamId === undefined) return false;
    this.#attempts.set(streamId, attempt);
    attempt.open(this, streamId, this.#owner.writer, this.#owner.timers, now);
    return true;
  }

  /** The attempt is done with its stream. */
  remove(streamId: number): void {
    this.#attempts.delete(streamId);
    this.#closeIfUnused();
  }

  /** No new calls: it closes with the last of those it has. */
  retire(why: Retirement): void {
    this.#retirement = why;
    this.#closeIfUnused();
  }

  /** Back in use, if it was retired only because nothing was heard of it. False if not. */
  unretire(): boolean {
    if (this.#retirement !== 'suspect' || this.#isClosing) return false;
    this.#retirement = undefined;
    return true;
  }

  /** Those of its attempts that another server may have instead, and will. */
  moveAttempts(reason: string): void {
    for (const attempt of this.#attempts.values()) {
      if (!attempt.owner.mayMove) continue;
      attempt.onMoved({ code: Status.UNAVAILABLE, details: reason, endedBy: 'connection' });
    }
  }

  onServerLeaving(): void {
    this.#owner.onConnectionLeaving(this);
  }

  /** The channel has let go of it: those who still have streams are told, and then the connection is closed. */
  close(reason: string): void {
    this.#isClosing = true;
    this.#failAll({ code: Status.CANCELLED, details: reason });
    this.transport.close(CloseCode.NO_ERROR, reason);
  }

  onHandshakeComplete(): void {
    this.#owner.onHandshakeComplete(this);
  }

  onReady(): void {
    this.#report.onReady();
    this.#owner.onConnectionReady(this);
  }

  onStreamsAvailable(): void {
    this.#owner.onStreamsAvailable(this);
  }

  /** A server opens one, to say GO_AWAY on it [RPC-15]. */
  onStreamOpened(streamId: number): void {
    this.#goAway = { streamId, reader: new GoAwayReader() };
    this.transport.resetStream(streamId, ResetCode.CANCELLED);
  }

  onStreamReadable(streamId: number): void {
    if (streamId === this.#goAway?.streamId) this.#readGoAway(this.#goAway.reader, streamId);
    else this.#attempts.get(streamId)?.onReadable();
  }

  onStreamWritable(streamId: number): void {
    this.#attempts.get(streamId)?.onWritable();
  }

  onStreamReset(streamId: number, code: number): void {
    this.#attempts.get(streamId)?.onReset(code);
  }

  onStreamStopped(streamId: number, code: number): void {
    this.#attempts.get(streamId)?.onStopped(code);
  }

  onSuspect(reason: string): void {
    this.#owner.onConnectionSuspect(this, reason);
  }

  onRecovered(): void {
    this.#owner.onConnectionRecovered(this);
  }

  onClosed(closed: ConnectionClosed): void {
    this.#isClosing = true;
    this.#report.onClosed(closed);
    this.#owner.onConnectionClosed(this, closed);
    this.#failAll(failureOf(closed));
  }

  #readGoAway(reader: GoAwayReader, streamId: number): void {
    try {
      for (;;) {
        const chunk = this.transport.readStream(streamId);
        if (chunk === undefined) return;
        if (chunk === 'end') break;
        reader.push(chunk);
      }
      const goAway = reader.end();
      if (goAway !== undefined) this.#onGoAway(goAway);
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.transport.stopStream(streamId, error.resetCode);
    }
  }

  /** The channel is told first, so that what is to be made again is made elsewhere. */
  #onGoAway({ lastStreamId = -1 }: GoAway): void {
    this.#owner.onConnectionLeaving(this);
    for (const attempt of this.#attempts.values()) {
      if (attempt.streamId > lastStreamId) attempt.onGoneAway(GONE_AWAY);
    }
  }

  #closeIfUnused(): void {
    if (this.#retirement === undefined || this.#isClosing || this.#attempts.size > 0) return;
    this.#isClosing = true;
    this.transport.close(CloseCode.NO_ERROR, 'another connection has taken its place');
  }

  #failAll(failure: AttemptFailure): void {
    const attempts = this.#attempts.values();
    this.#attempts.clear();
    for (const attempt of attempts) attempt.onConnectionClosed(failure);
  }
}

/** What the calls of a connection that has ended end with. */
export function failureOf({ by, code, isApplication, reason, notStarted }: ConnectionClosed): AttemptFailure {
  const isUntrusted = !isApplication && code === TransportErrorCode.UNAUTHENTICATED;
  return {
    code: isUntrusted ? Status.UNAUTHENTICATED : Status.UNAVAILABLE,
    details: reason,
    notStarted,
    endedBy: 'connection',
    // [VER-3] The next attempt would meet the same server, which speaks what it speaks.
    ...(by === 'versionMismatch' && { retryAfterMs: Infinity }),
  };
}

/** Of a call that must not run twice, and may have run on a server that is not there any more. */
const RESTARTED: AttemptFailure = {
  code: Status.UNAVAILABLE,
  details:
    'the server was restarted, and nobody knows whether the call has run on the one before: look before making it again',
  endedBy: 'restart',
};

const GONE_AWAY: AttemptFailure = {
  code: Status.UNAVAILABLE,
  details: 'the server wants further calls on another connection, and has not started this one',
  notStarted: true,
};
