/**
 * One unary call, from what its caller asked to the one end that it has: response, status, deadline or cancellation,
 * whichever is first. It makes attempts and judges how each ended; how they get a stream is the channel's business, what
 * is on the stream the attempt's. The first attempt runs without any machinery for retries, which is entered only when
 * it has failed in a way that is worth another one.
 */
import { Metadata, Status } from 'nice-grpc-common';
import { type Timer } from '../../base/clock.js';
import { malformed } from '../framing/framing-error.js';
import { writeRequestHeader } from '../framing/request-header.js';
import { ResetCode } from '../framing/reset-code.js';
import { type Trailer } from '../framing/trailer.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { RpcError, statusName } from '../rpc-error.js';
import { type Abortable, unwatchAbort, watchAbort } from './abort-watch.js';
import { Attempt, type AttemptFailure, type AttemptOwner } from './attempt.js';
import { backoffDelayMs } from './backoff.js';
import { type CallMethod } from './call-method.js';
import { checkRetry, type ResolvedRetry, resolveRetry, type RpcCallOptions } from './call-options.js';
import { type Channel, type PausingCall } from './channel.js';
import { deadlineOf } from './deadline.js';
import { retryAttempts, type RetryingCall } from './retry.js';
import { NOT_QUEUED } from '../../base/deadline-heap.js';
import { type TimerItem } from '../timer-queue.js';

/** Makes one call; resolves to what the method's codec decoded, or rejects with an RpcError. Never throws. */
export function callUnary(
  channel: Channel,
  method: CallMethod,
  request: unknown,
  options: RpcCallOptions,
  defaultTimeoutMs = channel.limits.defaultTimeoutMs,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new UnaryCall(channel, method, options, resolve, reject).begin(request, defaultTimeoutMs);
  });
}

class UnaryCall implements AttemptOwner, RetryingCall, TimerItem, Abortable, PausingCall {
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  readonly waitForReady: boolean;
  readonly maxReceiveMessageBytes: number;
  readonly attemptTimeoutMs: number | undefined;
  isSettled = false;
  /** How many were begun. */
  attempts = 0;

  readonly #channel: Channel;
  readonly #method: CallMethod;
  readonly #options: RpcCallOptions;
  readonly #resolve: (response: unknown) => void;
  readonly #reject: (error: RpcError) => void;
  #startedAt = 0;
  #request: Uint8Array = NO_BYTES;
  #sequence = -1;
  #attempt: Attempt | undefined;
  #response: Uint8Array | undefined;
  /** Of the attempts before the one that runs. */
  #maybeExecuted = false;
  #lastError: RpcError | undefined;
  #retry: ResolvedRetry | undefined;
  /** While retries run: ends the attempt, or the pause before it, for the machinery that waits for it. */
  #endAttempt: ((error?: RpcError) => void) | undefined;
  #endPause: (() => void) | undefined;

  constructor(
    channel: Channel,
    method: CallMethod,
    options: RpcCallOptions,
    resolve: (response: unknown) => void,
    reject: (error: RpcError) => void,
  ) {
    this.#channel = channel;
    this.#method = method;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.waitForReady = options.waitForReady ?? false;
    this.attemptTimeoutMs = options.attemptTimeoutMs;
    this.maxReceiveMessageBytes = channel.limits.maxReceiveMessageBytes;
  }

  begin(request: unknown, defaultTimeoutMs: number): void {
    const { environment, limits, timers } = this.#channel;
    const { signal } = this.#options;
    const now = (this.#startedAt = environment.clock.now());
    if (signal?.aborted === true) {
      this.onAbort(signal);
      return;
    }
    try {
      this.#request = this.#method.encode(request);
    } catch (error) {
      this.#fail({
        code: Status.INTERNAL,
        details: `the request could not be encoded: ${textOf(error)}`,
        cause: error,
      });
      return;
    }
    if (this.#request.length > limits.maxSendMessageBytes) {
      const details = `a request of ${this.#request.length} bytes is above this client's maxSendMessageBytes of ${limits.maxSendMessageBytes}`;
      this.#fail({ code: Status.RESOURCE_EXHAUSTED, details });
      return;
    }
    this.dueAt = deadlineOf(this.#options, defaultTimeoutMs, environment, now);
    const complaint = this.#complaint();
    if (complaint !== undefined) {
      this.#fail({ code: Status.INVALID_ARGUMENT, details: complaint });
    } else if (this.dueAt <= now) {
      this.onDue();
    } else {
      if (this.dueAt < Infinity) timers.add(this, now);
      if (signal !== undefined) watchAbort(signal, this);
      this.#beginAttempt(now);
    }
  }

  /** The deadline. */
  onDue(): void {
    if (this.isSettled) return;
    const message = this.#deadlineMessage();
    const error = this.#error(Status.DEADLINE_EXCEEDED, message, {
      message: `${statusName(Status.DEADLINE_EXCEEDED)} ${message}`,
      cause: this.#lastError,
    });
    this.#settle(ResetCode.DEADLINE);
    this.#reject(error);
  }

  onAbort(signal: AbortSignal): void {
    if (this.isSettled) return;
    const details = 'the call was aborted by its caller';
    const error = this.#error(Status.CANCELLED, details, { cause: signal.reason, isAbort: true });
    this.#settle(ResetCode.CANCELLED);
    this.#reject(error);
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
      timeoutMs: this.dueAt === Infinity ? undefined : Math.max(0, this.dueAt - now),
      clientInstance: ids.instance,
      sequence: this.#sequence,
      attempt: this.attempts,
      ageMs: now - this.#startedAt,
      metadata: this.#options.metadata,
    });
    if (this.#request.length > SMALL_MESSAGE_BYTES) {
      writer.messageHead(this.#request.length);
      return this.#request;
    }
    writer.message(this.#request);
    return undefined;
  }

  onAttemptHeader(metadata: Metadata | undefined): void {
    const { onHeader } = this.#options;
    if (onHeader !== undefined) this.#tell(onHeader, metadata);
  }

  onAttemptMessage(body: Uint8Array): void {
    if (this.#response !== undefined) throw malformed('the server sent a second response to a unary call');
    this.#response = body;
  }

  onAttemptEnd(attempt: Attempt, trailer: Trailer): void {
    const { code, details, metadata } = trailer;
    if (code !== Status.OK && this.#mayTryAfter(attempt, { code, details }, metadata)) return;
    const { onTrailer } = this.#options;
    if (onTrailer !== undefined) this.#tell(onTrailer, metadata);
    if (this.isSettled) return;
    if (code !== Status.OK) {
      this.#fail({ code, details }, metadata);
    } else if (this.#response === undefined) {
      this.#fail({ code: Status.INTERNAL, details: 'the server answered OK without a response' });
    } else {
      this.#succeed(this.#response);
    }
  }

  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void {
    if (!this.#mayTryAfter(attempt, failure, undefined)) this.#fail(failure);
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
    this.#reject(error);
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
    this.#response = undefined;
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
    const retry = this.#retryOptions;
    if (this.attempts >= retry.attempts || this.#channel.state === 'closed') return false;
    if (failure.isTimeout !== true && !retry.codes.includes(failure.code)) return false;
    if (this.#method.isIdempotent) return true;
    const ageMs = this.#channel.environment.clock.now() - this.#startedAt;
    return !this.#maybeExecuted && ageMs < MAX_UNDECLARED_AGE_MS;
  }

  #succeed(body: Uint8Array): void {
    let response: unknown;
    try {
      response = this.#method.decode(body);
    } catch (error) {
      this.#fail({
        code: Status.INTERNAL,
        details: `the response could not be decoded: ${textOf(error)}`,
        cause: error,
      });
      return;
    }
    this.#settle(ResetCode.CANCELLED);
    this.#resolve(response);
  }

  #fail(failure: AttemptFailure, metadata?: Metadata): void {
    if (this.isSettled) return;
    const { code, details, cause } = failure;
    const after = this.attempts > 1 ? ` (${this.attempts} attempts)` : '';
    const message = `${this.#method.descriptor.path} ${statusName(code)}: ${details}${after}`;
    const error = this.#error(code, details, { message, metadata, cause });
    this.#settle(ResetCode.CANCELLED);
    this.#reject(error);
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
    const channel = this.#channel;
    const elapsed = `after ${Math.max(0, Math.round(this.dueAt - this.#startedAt))} ms`;
    if (this.attempts === 0) return `${elapsed}: it was over before the first attempt`;
    const count = this.attempts === 1 ? '1 attempt' : `${this.attempts} attempts`;
    const transport = this.#attempt?.transport;
    const stats = transport?.stats() ?? channel.stats();
    let what = 'no packet received';
    if (stats === undefined && this.#lastError !== undefined)
      what = `the last failed: ${this.#lastError.details}`;
    else if (stats?.isSuspect === true)
      what = `no answer, and nothing received for ${Math.round(stats.lastReceivedAgoMs)} ms`;
    else if (this.#attempt?.isWaiting === true && channel.state === 'ready') what = 'no free stream';
    else if (channel.state === 'ready' || (stats !== undefined && stats.datagramsReceived > 0))
      what = 'no answer';
    return `${elapsed}: ${count} to ${transport?.peer ?? channel.peer ?? channel.target}, ${what}`;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const NO_BYTES = new Uint8Array(0);

/** Up to here a copy next to the header costs less than a piece of its own. */
const SMALL_MESSAGE_BYTES = 1_024;

/** [AMO-3] After that a server may have forgotten the call: sending it again could run it twice. */
const MAX_UNDECLARED_AGE_MS = 240_000;
