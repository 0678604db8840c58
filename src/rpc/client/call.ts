/**
 * One call, of whatever kind, from what its caller asked to the one end that it has: answer, status, deadline or
 * cancellation, whichever is first. It makes attempts and judges how each ended; how they get a stream is the channel's
 * business, what is on the stream the attempt's, where messages come from the feed's and where they go the sink's. The
 * first attempt runs without any machinery for retries, which is entered only when it has failed in a way that is worth
 * another one.
 */
import { Metadata, Status } from 'nice-grpc-common';
import { type Timer } from '../../base/clock.js';
import { writeRequestHeader } from '../framing/request-header.js';
import { ResetCode } from '../framing/reset-code.js';
import { type Trailer } from '../framing/trailer.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { RpcError, statusName } from '../rpc-error.js';
import { type Abortable, unwatchAbort, watchAbort } from './abort-watch.js';
import { Attempt, type AttemptFailure, type AttemptOwner } from './attempt.js';
import { backoffDelayMs } from './backoff.js';
import { callFailedMessage, deadlineMessage, silenceMessage, textOf, unencodable } from './call-message.js';
import { type CallMethod } from './call-method.js';
import { checkRetry, type ResolvedRetry, resolveRetry, type RpcCallOptions } from './call-options.js';
import { type Channel, type PausingCall } from './channel.js';
import { deadlineOf } from './deadline.js';
import { type FeedOwner, RequestFeed } from './request-feed.js';
import { type ResponseSink } from './response-sink.js';
import { retryAttempts, type RetryingCall } from './retry.js';
import { NOT_QUEUED } from '../../base/deadline-heap.js';
import { SilenceWatch } from '../silence-watch.js';
import { type TimerItem } from '../timer-queue.js';

export interface CallDefaults {
  /** The deadline of a call that names none. */
  readonly timeoutMs: number;
  /** For how long a streaming call that names nothing may go without a message. */
  readonly idleTimeoutMs: number;
}

export class Call implements AttemptOwner, FeedOwner, RetryingCall, TimerItem, Abortable, PausingCall {
  /** The deadline, or when silence is looked at. */
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  readonly waitForReady: boolean;
  readonly maxReceiveMessageBytes: number;
  readonly attemptTimeoutMs: number | undefined;
  readonly streamsRequest: boolean;
  isSettled = false;
  /** How many were begun. */
  attempts = 0;

  readonly #channel: Channel;
  readonly #method: CallMethod;
  readonly #options: RpcCallOptions;
  readonly #sink: ResponseSink;
  #startedAt = 0;
  #deadlineAt = Infinity;
  /** Of a streaming call. */
  #silence: SilenceWatch | undefined;
  /** Of a single request. */
  #request: Uint8Array = NO_BYTES;
  #feed: RequestFeed | undefined;
  #sequence = -1;
  #attempt: Attempt | undefined;
  /** Its caller has seen a part of the answer: there is no other attempt. */
  #isCommitted = false;
  /** Of the attempts before the one that runs. */
  #maybeExecuted = false;
  #lastError: RpcError | undefined;
  #retry: ResolvedRetry | undefined;
  /** While retries run: ends the attempt, or the pause before it, for the machinery that waits for it. */
  #endAttempt: ((error?: RpcError) => void) | undefined;
  #endPause: (() => void) | undefined;

  constructor(channel: Channel, method: CallMethod, options: RpcCallOptions, sink: ResponseSink) {
    this.#channel = channel;
    this.#method = method;
    this.#options = options;
    this.#sink = sink;
    this.streamsRequest = method.descriptor.requestStream;
    this.waitForReady = options.waitForReady ?? false;
    this.attemptTimeoutMs = options.attemptTimeoutMs;
    this.maxReceiveMessageBytes = channel.limits.maxReceiveMessageBytes;
  }

  get wantsMessage(): boolean {
    return this.#sink.wantsMessage;
  }

  /** `request`: a message, or an iterable of them for a method that streams its request. Never throws. */
  begin(request: unknown, defaults: CallDefaults): void {
    const { environment, timers } = this.#channel;
    const { signal } = this.#options;
    const now = (this.#startedAt = environment.clock.now());
    if (signal?.aborted === true) {
      this.onAbort(signal);
      return;
    }
    if (!this.#takeRequest(request)) return;
    this.#deadlineAt = this.dueAt = deadlineOf(this.#options, defaults.timeoutMs, environment, now);
    const complaint = this.#complaint();
    if (complaint !== undefined) {
      this.#fail({ code: Status.INVALID_ARGUMENT, details: complaint });
    } else if (this.dueAt <= now) {
      this.onDue();
    } else {
      if (this.streamsRequest || this.#sink.isStream) this.#watchSilence(defaults.idleTimeoutMs, now);
      if (this.dueAt < Infinity) timers.add(this, now);
      if (signal !== undefined) watchAbort(signal, this);
      this.#beginAttempt(now);
    }
  }

  /** The caller has asked for a message again. */
  readOn(): void {
    this.#attempt?.readOn();
  }

  /** The caller does not want the rest of the answer. */
  leave(): void {
    if (!this.isSettled) this.#settle(ResetCode.CANCELLED);
  }

  /** The deadline, or a look at how long it has been silent. */
  onDue(): void {
    if (this.isSettled) return;
    const silence = this.dueAt < this.#deadlineAt ? this.#silence : undefined;
    if (silence !== undefined && !this.#isTooSilent(silence)) return;
    const message = silence === undefined ? this.#deadlineMessage() : silenceMessage(silence.timeoutMs);
    const error = this.#error(Status.DEADLINE_EXCEEDED, message, {
      message: `${statusName(Status.DEADLINE_EXCEEDED)} ${message}`,
      cause: this.#lastError,
    });
    this.#settle(ResetCode.DEADLINE);
    this.#sink.onFailed(error);
  }

  onAbort(signal: AbortSignal): void {
    if (this.isSettled) return;
    const details = 'the call was aborted by its caller';
    const error = this.#error(Status.CANCELLED, details, { cause: signal.reason, isAbort: true });
    this.#settle(ResetCode.CANCELLED);
    this.#sink.onFailed(error);
  }

  onChannelClosed(reason: string): void {
    this.#fail({ code: Status.CANCELLED, details: reason });
  }

  writeRequest(writer: UnitWriter, now: number): Uint8Array | undefined {
    const ids = this.#method.isIdempotent ? this.#channel.idempotentIds : this.#channel.undeclaredIds;
    // Numbered when it is first sent: what is given up while it waits leaves no gap in a server's window.
    if (this.#sequence < 0) this.#sequence = ids.nextSequence++;
    writeRequestHeader(writer, {
      path: this.#method.path,
      timeoutMs: this.#deadlineAt === Infinity ? undefined : Math.max(0, this.#deadlineAt - now),
      clientInstance: ids.instance,
      sequence: this.#sequence,
      attempt: this.attempts,
      ageMs: now - this.#startedAt,
      metadata: this.#options.metadata,
    });
    if (this.#feed !== undefined) return undefined;
    if (this.#request.length > SMALL_MESSAGE_BYTES) {
      writer.messageHead(this.#request.length);
      return this.#request;
    }
    writer.message(this.#request);
    return undefined;
  }

  onAttemptWritable(attempt: Attempt): void {
    this.#feed?.onWritable(attempt);
  }

  /** Its answer may still come, and there will be no other attempt: this one was taken seriously. */
  onAttemptStopped(): void {
    this.#feed?.end();
  }

  onAttemptHeader(metadata: Metadata | undefined): void {
    const { onHeader } = this.#options;
    if (onHeader !== undefined) this.#tell(onHeader, metadata);
  }

  onAttemptMessage(body: Uint8Array): void {
    if (this.#sink.isStream) this.#onStreamedMessage();
    this.#sink.onMessage(body);
  }

  onAttemptEnd(attempt: Attempt, trailer: Trailer): void {
    const { code, details, metadata } = trailer;
    if (code !== Status.OK && this.#mayTryAfter(attempt, { code, details }, metadata)) return;
    const { onTrailer } = this.#options;
    if (onTrailer !== undefined) this.#tell(onTrailer, metadata);
    if (this.isSettled) return;
    if (code !== Status.OK) {
      this.#fail({ code, details }, metadata);
      return;
    }
    const failure = this.#sink.complete();
    if (failure !== undefined) {
      this.#fail(failure);
      return;
    }
    this.#settle(ResetCode.CANCELLED);
    this.#sink.onDone();
  }

  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void {
    if (!this.#mayTryAfter(attempt, failure, undefined)) this.#fail(failure);
  }

  encodeMessage(message: unknown): readonly Uint8Array[] {
    return this.#method.encodePieces(message);
  }

  mayEncode(bytes: number): boolean {
    const limit = this.#channel.limits.maxSendMessageBytes;
    if (bytes <= limit) return true;
    const details = `a request message of ${bytes} bytes is above this client's maxSendMessageBytes of ${limit}`;
    this.#fail({ code: Status.RESOURCE_EXHAUSTED, details });
    return false;
  }

  onMessageSent(): void {
    this.#silence?.onMessage(this.#channel.environment.clock.now());
  }

  onUnencodable(error: unknown): void {
    this.#fail({ code: Status.INTERNAL, details: unencodable(error), cause: error });
  }

  /** What the caller's own iterable throws is the caller's own, and comes back as it is, as with nice-grpc. */
  onRequestFailed(error: unknown): void {
    if (this.isSettled) return;
    this.#settle(ResetCode.CANCELLED);
    this.#sink.onFailed(error);
  }

  /** For the machinery of retries: makes the next attempt. Resolves when there is nothing more to do. */
  attemptAgain(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#endAttempt = (error) => {
        this.#endAttempt = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      if (this.isSettled) this.#endAttempt();
      else this.#beginAttempt(this.#channel.environment.clock.now());
    });
  }

  /** Resolves after the pause that follows the given number of failures, or as soon as the call has ended. */
  pause(failures: number): Promise<void> {
    const { clock, random } = this.#channel.environment;
    const delayMs = backoffDelayMs(this.#retryOptions, failures, random);
    return new Promise((resolve) => {
      let timer: Timer | undefined = undefined;
      this.#endPause = () => {
        this.#endPause = undefined;
        this.#channel.pausing.delete(this);
        timer?.cancel();
        resolve();
      };
      this.#channel.pausing.add(this);
      timer = clock.setTimer(this.#endPause, delayMs);
    });
  }

  /** The machinery is through with it, and the call has not ended: the last failure is its end. */
  giveUp(error: RpcError): void {
    if (this.isSettled) return;
    this.#settle(ResetCode.CANCELLED);
    this.#sink.onFailed(error);
  }

  /** False when that was its end. */
  #takeRequest(request: unknown): boolean {
    if (this.streamsRequest) {
      if (!isIterable(request)) {
        const details = 'the request of this method is a stream: it takes an AsyncIterable of messages';
        this.#fail({ code: Status.INVALID_ARGUMENT, details });
        return false;
      }
      this.#feed = new RequestFeed(this, request, this.#channel.writer);
      return true;
    }
    try {
      this.#request = this.#method.encode(request);
    } catch (error) {
      this.onUnencodable(error);
      return false;
    }
    return this.mayEncode(this.#request.length);
  }

  #watchSilence(defaultMs: number, now: number): void {
    this.#silence = new SilenceWatch(this.#options.idleTimeoutMs ?? defaultMs, now);
    this.dueAt = Math.min(this.dueAt, this.#silence.dueAt);
  }

  /** Else it looks again when it might be. A caller who does not ask for messages makes no silence of the server's. */
  #isTooSilent(silence: SilenceWatch): boolean {
    const { environment, timers } = this.#channel;
    const now = environment.clock.now();
    if (!this.#sink.wantsMessage) silence.onMessage(now);
    if (silence.dueAt <= now) return true;
    this.dueAt = Math.min(this.#deadlineAt, silence.dueAt);
    timers.add(this, now);
    return false;
  }

  #onStreamedMessage(): void {
    this.#silence?.onMessage(this.#channel.environment.clock.now());
    if (this.#isCommitted) return;
    this.#isCommitted = true;
    this.#feed?.commit();
    this.#attempt?.endTimeout();
  }

  get #retryOptions(): ResolvedRetry {
    return (this.#retry ??= resolveRetry(this.#options.retry));
  }

  /** About options that cannot be. */
  #complaint(): string | undefined {
    if (Number.isNaN(this.dueAt) || Number.isNaN(this.attemptTimeoutMs)) {
      return 'timeoutMs, deadline and attemptTimeoutMs must be numbers of milliseconds, or a valid Date';
    }
    try {
      checkRetry(this.#options.retry, 'retry');
    } catch (error) {
      return textOf(error);
    }
    return undefined;
  }

  #beginAttempt(now: number): void {
    this.attempts += 1;
    this.#sink.onAttempt();
    const attempt = new Attempt(this, !this.#method.isIdempotent);
    this.#attempt = attempt;
    this.#channel.start(attempt, now);
  }

  /** Enters the retries, or goes on in them, when the failure is worth another attempt and that is allowed. */
  #mayTryAfter(attempt: Attempt, failure: AttemptFailure, metadata: Metadata | undefined): boolean {
    if (this.isSettled) return true;
    this.#maybeExecuted ||= attempt.maybeExecuted;
    if (!this.#isWorthAnother(failure)) return false;
    const error = this.#error(failure.code, failure.details, { metadata, cause: failure.cause });
    this.#lastError = error;
    if (this.#endAttempt !== undefined) this.#endAttempt(error);
    else retryAttempts(this, error, this.#retryOptions.attempts - 1);
    return true;
  }

  #isWorthAnother(failure: AttemptFailure): boolean {
    if (this.#isCommitted || this.#feed?.canReplay === false) return false;
    const retry = this.#retryOptions;
    if (this.attempts >= retry.attempts || this.#channel.state === 'closed') return false;
    if (failure.isTimeout !== true && !retry.codes.includes(failure.code)) return false;
    if (this.#method.isIdempotent) return true;
    const ageMs = this.#channel.environment.clock.now() - this.#startedAt;
    return !this.#maybeExecuted && ageMs < MAX_UNDECLARED_AGE_MS;
  }

  #fail(failure: AttemptFailure, metadata?: Metadata): void {
    if (this.isSettled) return;
    const { code, details, cause } = failure;
    const message = callFailedMessage(this.#method.descriptor.path, code, details, this.attempts);
    const error = this.#error(code, details, { message, metadata, cause });
    this.#settle(ResetCode.CANCELLED);
    this.#sink.onFailed(error);
  }

  /** Nothing of the call is left afterwards: no timer, no listener, no stream, nobody who waits for it. */
  #settle(code: ResetCode): void {
    this.isSettled = true;
    this.#channel.timers.remove(this);
    const { signal } = this.#options;
    if (signal !== undefined) unwatchAbort(signal, this);
    const attempt = this.#attempt;
    if (attempt !== undefined) {
      this.#attempt = undefined;
      if (attempt.isWaiting) this.#channel.withdraw(attempt);
      attempt.cancel(code);
    }
    this.#feed?.end();
    this.#endPause?.();
    this.#endAttempt?.();
  }

  #tell(callback: (metadata: Metadata) => void, metadata: Metadata | undefined): void {
    if (this.isSettled) return;
    try {
      callback(metadata ?? Metadata());
    } catch (error) {
      this.#fail({
        code: Status.INTERNAL,
        details: `onHeader or onTrailer threw: ${textOf(error)}`,
        cause: error,
      });
    }
  }

  #error(
    code: Status,
    details: string,
    more: { message?: string; metadata?: Metadata | undefined; cause?: unknown; isAbort?: boolean },
  ): RpcError {
    return new RpcError({
      path: this.#method.descriptor.path,
      code,
      details,
      maybeExecuted: this.#maybeExecuted || (this.#attempt?.maybeExecuted ?? false),
      attempts: this.attempts,
      ...more,
    });
  }

  #deadlineMessage(): string {
    return deadlineMessage({
      elapsedMs: this.#deadlineAt - this.#startedAt,
      attempts: this.attempts,
      attempt: this.#attempt,
      channel: this.#channel,
      lastError: this.#lastError,
    });
  }
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

const NO_BYTES = new Uint8Array(0);

/** Up to here a copy next to the header costs less than a piece of its own. */
const SMALL_MESSAGE_BYTES = 1_024;

/** [AMO-3] After that a server may have forgotten the call: sending it again could run it twice. */
const MAX_UNDECLARED_AGE_MS = 240_000;
