/**
 * One call, of whatever kind, from what its caller asked to the one end that it has: answer, status, deadline or
 * cancellation, whichever is first. It makes attempts; how they get a stream is the channel's business, what is on the
 * stream the attempt's, where messages come from the feed's and where they go the sink's. The first attempt runs without
 * any machinery for more: `retries` is made when one has failed, `hedging` only where it was asked for.
 */
import { Metadata, Status } from 'nice-grpc-common';
import { NOT_QUEUED } from '../../base/deadline-heap.js';
import { type AttemptRecord } from '../attempt-record.js';
import { type ParentCall } from '../call-scope.js';
import { type EventSubject } from '../diagnostics.js';
import { type MetadataLimit } from '../framing/metadata-limit.js';
import { checkRequestMetadata, type RequestHeader, writeRequestHeader } from '../framing/request-header.js';
import { ResetCode } from '../framing/reset-code.js';
import { type Trailer } from '../framing/trailer.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { RpcError, statusName } from '../rpc-error.js';
import { SilenceWatch } from '../silence-watch.js';
import { type TimerItem } from '../timer-queue.js';
import { type Abortable, unwatchAbort, watchAbort } from './abort-watch.js';
import { Attempt, type AttemptFailure, type AttemptOwner, type AttemptServer, failureOf } from './attempt.js';
import {
  callDeadlineMessage,
  callFailedMessage,
  silenceMessage,
  textOf,
  unencodable,
} from './call-message.js';
import {
  reportAttemptEnd,
  reportAttemptStart,
  reportCallEnd,
  reportCallFailure,
  reportCallStart,
} from './call-report.js';
import { type CallMethod } from './call-method.js';
import { checkCallOptions, resolveHedge, resolveRetry, type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { deadlineOf, idleTimeoutOf, withinParent } from './deadline.js';
import { type HedgedCall, Hedging } from './hedging.js';
import { type FeedOwner, RequestFeed } from './request-feed.js';
import { type ResponseSink } from './response-sink.js';
import { Retries, type RetriedCall } from './retries.js';

export interface CallDefaults {
  /** The deadline of a call that names none. */
  readonly timeoutMs: number;
  /** For how long a streaming call that names nothing may go without a message. */
  readonly idleTimeoutMs: number;
}

export class Call
  implements AttemptOwner, FeedOwner, RetriedCall, HedgedCall, TimerItem, Abortable, EventSubject
{
  readonly channel: Channel;
  readonly method: CallMethod;
  readonly options: RpcCallOptions;
  identity: object | undefined;
  /** The deadline, or when silence is looked at. */
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  readonly streamsRequest: boolean;
  isSettled = false;
  /** How many were begun. */
  attempts = 0;
  startedAt = 0;
  /** Of the attempts that have failed: whether one of them may have run. */
  maybeExecuted = false;

  readonly #sink: ResponseSink;
  #deadlineAt = Infinity;
  /** Of a streaming call. */
  #silence: SilenceWatch | undefined;
  /** Inside whose handler it was made, and with which it ends. */
  #parent: ParentCall | undefined;
  /** Of a single request. */
  #request: Uint8Array = NO_BYTES;
  #feed: RequestFeed | undefined;
  #sequence = -1;
  /** The one that was begun last, while it has not failed. */
  #attempt: Attempt | undefined;
  /** Its caller has seen a part of the answer: there is no other attempt. */
  #isCommitted = false;
  #history: AttemptRecord[] | undefined;
  /** Where there are several. */
  #failedServers: AttemptServer[] | undefined;
  #retries: Retries | undefined;
  #hedging: Hedging | undefined;

  constructor(channel: Channel, method: CallMethod, options: RpcCallOptions, sink: ResponseSink) {
    this.channel = channel;
    this.method = method;
    this.options = options;
    this.#sink = sink;
    this.streamsRequest = method.descriptor.requestStream;
  }

  /** `request`: a message, or an iterable of them for a method that streams its request. Never throws. */
  begin(request: unknown, defaults: CallDefaults): void {
    const { channel, options } = this;
    const { environment } = channel;
    const now = (this.startedAt = environment.clock.now());
    channel.tally.calls++;
    reportCallStart(this);
    const parent = (options.inherit ?? channel.inherit) ? environment.callScope.current() : undefined;
    this.#parent = parent;
    if (options.signal?.aborted === true) {
      this.onAbort(options.signal);
      return;
    }
    if (parent?.signal.aborted === true) {
      this.onAbort(parent.signal);
      return;
    }
    if (!this.#takeRequest(request)) return;
    this.#deadlineAt = withinParent(deadlineOf(options, defaults.timeoutMs, environment, now), parent);
    this.dueAt = this.#deadlineAt;
    const complaint = this.#complaint();
    if (complaint !== undefined) this.#fail({ code: Status.INVALID_ARGUMENT, details: complaint });
    else if (this.dueAt <= now) this.onDue();
    else this.#start(defaults, now);
  }

  /** The caller has asked for a message again. */
  readOn(): void {
    this.#attempt?.readOn();
  }

  /** The caller does not want the rest of the answer. */
  leave(): void {
    if (this.isSettled) return;
    this.channel.tally.callsFailed++;
    this.#settle(ResetCode.CANCELLED);
    reportCallEnd(this, Status.CANCELLED, 'its caller left before the end of the answer');
  }

  /** The deadline, or a look at how long it has been silent. */
  onDue(): void {
    if (this.isSettled) return;
    const silence = this.dueAt < this.#deadlineAt ? this.#silence : undefined;
    if (silence !== undefined && !this.#isTooSilent(silence)) return;
    const code = Status.DEADLINE_EXCEEDED;
    const history = this.#historyWith(code, 'no answer by the end of the call');
    const details =
      silence === undefined ? this.#deadlineMessage(history) : silenceMessage(silence.timeoutMs);
    const message = `${statusName(code)} ${details}`;
    this.#failWith(
      this.#error({ code, details, cause: this.#retries?.lastError }, { message, history }),
      ResetCode.DEADLINE,
    );
  }

  onAbort(signal: AbortSignal): void {
    if (this.isSettled) return;
    const parent = this.#parent;
    const isParents = signal === parent?.signal;
    // Whose time is over is aborted too, and the timers of the two may fire in any order.
    if (isParents && parent.deadlineAt - this.channel.environment.clock.now() < SAME_INSTANT_MS) {
      this.#deadlineAt = this.dueAt = Math.min(this.#deadlineAt, parent.deadlineAt);
      this.onDue();
      return;
    }
    const details = isParents ? 'the call that made it was cancelled' : 'the call was aborted by its caller';
    const failure = { code: Status.CANCELLED, details, cause: signal.reason as unknown };
    const history = this.#historyWith(failure.code, details);
    this.#failWith(this.#error(failure, { isAbort: true, history }));
  }

  // What the attempts ask and tell.

  get path(): string {
    return this.method.path;
  }

  get hashKey(): string | undefined {
    return this.options.hashKey;
  }

  get metadata(): Metadata | undefined {
    return this.options.metadata;
  }

  get mayMove(): boolean {
    if (!this.method.isIdempotent || !this.canRepeat || this.#hedging !== undefined) return false;
    const { attempts, codes } = resolveRetry(this.options.retry);
    return this.attempts < attempts && codes.includes(Status.UNAVAILABLE) && this.channel.retryBudget.hasRoom;
  }

  get waitForReady(): boolean {
    return this.options.waitForReady ?? false;
  }

  get attemptTimeoutMs(): number | undefined {
    return this.options.attemptTimeoutMs;
  }

  get maxReceiveMessageBytes(): number {
    return this.options.maxReceiveMessageBytes ?? this.channel.limits.maxReceiveMessageBytes;
  }

  get receiveMetadataLimit(): MetadataLimit {
    return this.channel.receiveMetadataLimit;
  }

  get wantsMessage(): boolean {
    return this.#sink.wantsMessage;
  }

  writeRequest(writer: UnitWriter, now: number): Uint8Array | undefined {
    const { method, channel } = this;
    const ids = method.isIdempotent ? channel.idempotentIds : channel.undeclaredIds;
    // Numbered when it is first sent: what is given up while it waits leaves no gap in a server's window.
    if (this.#sequence < 0) this.#sequence = ids.nextSequence++;
    this.#hedging?.onSent(now);
    const header: RequestHeader = {
      path: method.path,
      timeoutMs: this.#deadlineAt === Infinity ? undefined : Math.max(0, this.#deadlineAt - now),
      clientInstance: ids.instance,
      sequence: this.#sequence,
      attempt: this.attempts,
      ageMs: now - this.startedAt,
      isDeclaredIdempotent: method.isIdempotent,
      metadata: this.options.metadata,
    };
    writeRequestHeader(writer, header, channel.sendMetadataLimit);
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
    const { onHeader } = this.options;
    if (onHeader !== undefined) this.#tell(onHeader, metadata);
  }

  onAttemptOver(attempt: Attempt, code: Status, details: string): void {
    reportAttemptEnd(this, attempt, code, details);
  }

  onAttemptMessage(attempt: Attempt, body: Uint8Array): void {
    this.#hedging?.keepOnly(attempt);
    if (this.#sink.isStream) this.#onStreamedMessage(attempt);
    this.#sink.onMessage(body);
  }

  onAttemptEnd(attempt: Attempt, trailer: Trailer): void {
    const { code, metadata } = trailer;
    if (code !== Status.OK && this.#goesOn(attempt, trailer, metadata)) return;
    const { onTrailer } = this.options;
    if (onTrailer !== undefined) this.#tell(onTrailer, metadata);
    if (this.isSettled) return;
    const failure = code === Status.OK ? this.#sink.complete() : trailer;
    if (failure !== undefined) {
      this.#fail(failure, metadata);
      return;
    }
    const { tally, retryBudget } = this.channel;
    tally.callsSucceeded++;
    if (this.#hedging !== undefined && attempt.number > 1) tally.hedgesWon++;
    retryBudget.onSuccess();
    this.#settle(ResetCode.CANCELLED);
    reportCallEnd(this, Status.OK, trailer.details);
    this.#sink.onDone();
  }

  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void {
    if (!this.#goesOn(attempt, failure, undefined)) this.#fail(failure);
  }

  // What the feed of a streamed request asks and tells.

  encodeMessage(message: unknown): readonly Uint8Array[] {
    return this.method.encodePieces(message);
  }

  mayEncode(bytes: number): boolean {
    const limit = this.options.maxSendMessageBytes ?? this.channel.limits.maxSendMessageBytes;
    if (bytes <= limit) return true;
    const what = this.streamsRequest ? 'a request message' : 'a request';
    const details = `${what} of ${bytes} bytes is above this client's maxSendMessageBytes of ${limit}`;
    this.#fail({ code: Status.RESOURCE_EXHAUSTED, details });
    return false;
  }

  onMessageSent(): void {
    this.#silence?.onMessage(this.channel.environment.clock.now());
  }

  onUnencodable(error: unknown): void {
    this.#fail({ code: Status.INTERNAL, details: unencodable(error), cause: error });
  }

  /** What the caller's own iterable throws is the caller's own, and comes back as it is, as with nice-grpc. */
  onRequestFailed(error: unknown): void {
    if (!this.isSettled) this.#failWith(error);
  }

  // What retries and hedging ask and tell.

  get canRepeat(): boolean {
    return !this.#isCommitted && this.#feed?.canReplay !== false && this.channel.state !== 'closed';
  }

  beginAttempt(now: number): void {
    this.attempts += 1;
    this.channel.tally.attempts++;
    this.#sink.onAttempt();
    // [RPC-11] Who waits for a server has no attempt to lose on one that is not there.
    const needsHandshake = !this.method.isIdempotent || this.waitForReady;
    const attempt = new Attempt(this, needsHandshake, this.attempts, now);
    if (this.attempts > 1) this.#directAttempt(attempt);
    this.#attempt = attempt;
    this.#hedging?.onBegun(attempt);
    reportAttemptStart(this, attempt);
    // Who listens may have ended the call.
    if (!this.isSettled) this.channel.start(attempt, now);
  }

  errorOf(failure: AttemptFailure, metadata: Metadata | undefined): RpcError {
    const { code, details } = failure;
    const after = this.#retries?.isSuppressed === true || this.#hedging?.isSuppressed === true;
    const message = callFailedMessage(this.method.descriptor.path, code, details, this.attempts, after);
    return this.#error(failure, { message, metadata });
  }

  /** There is no other attempt after all. */
  giveUp(error: RpcError): void {
    if (!this.isSettled) this.#failWith(error);
  }

  #start(defaults: CallDefaults, now: number): void {
    const { channel, options } = this;
    if (this.method.isStreaming) this.#watchSilence(defaults.idleTimeoutMs, now);
    if (this.dueAt < Infinity) channel.timers.add(this, now);
    if (options.signal !== undefined) watchAbort(options.signal, this);
    if (this.#parent !== undefined) watchAbort(this.#parent.signal, this);
    const hedge = options.hedge === undefined ? undefined : resolveHedge(options.hedge);
    if (hedge !== undefined) this.#hedging = new Hedging(this, hedge);
    this.beginAttempt(now);
  }

  /** False when that was its end. */
  #takeRequest(request: unknown): boolean {
    const { metadata } = this.options;
    try {
      if (metadata !== undefined) checkRequestMetadata(metadata, this.channel.sendMetadataLimit);
    } catch (error) {
      this.#fail(failureOf(error));
      return false;
    }
    if (this.streamsRequest) {
      if (!isIterable(request)) {
        const details = 'the request of this method is a stream: it takes an AsyncIterable of messages';
        this.#fail({ code: Status.INVALID_ARGUMENT, details });
        return false;
      }
      this.#feed = new RequestFeed(this, request, this.channel.writer, this.channel.environment.clock);
      return true;
    }
    try {
      this.#request = this.method.encode(request);
    } catch (error) {
      this.onUnencodable(error);
      return false;
    }
    return this.mayEncode(this.#request.length);
  }

  /** About options that cannot be. */
  #complaint(): string | undefined {
    if (Number.isNaN(this.dueAt) || Number.isNaN(this.options.attemptTimeoutMs)) {
      return 'timeoutMs, deadline and attemptTimeoutMs must be numbers of milliseconds, or a valid Date';
    }
    try {
      checkCallOptions(this.options, this.method.descriptor);
    } catch (error) {
      return textOf(error);
    }
    return undefined;
  }

  #watchSilence(defaultMs: number, now: number): void {
    const timeoutMs = idleTimeoutOf(this.options, this.#deadlineAt, defaultMs);
    if (timeoutMs === Infinity) return;
    this.#silence = new SilenceWatch(timeoutMs, now);
    this.dueAt = Math.min(this.dueAt, this.#silence.dueAt);
  }

  /** Else it looks again when it might be. A caller who does not ask for messages makes no silence of the server's. */
  #isTooSilent(silence: SilenceWatch): boolean {
    const { environment, timers } = this.channel;
    const now = environment.clock.now();
    if (!this.#sink.wantsMessage) silence.onMessage(now);
    if (silence.dueAt <= now) return true;
    this.dueAt = Math.min(this.#deadlineAt, silence.dueAt);
    timers.add(this, now);
    return false;
  }

  #onStreamedMessage(attempt: Attempt): void {
    this.#silence?.onMessage(this.channel.environment.clock.now());
    if (this.#isCommitted) return;
    this.#isCommitted = true;
    this.#feed?.commit();
    attempt.endTimeout();
  }

  /** An attempt has failed: whether there is another one, or still one. */
  #goesOn(attempt: Attempt, failure: AttemptFailure, metadata: Metadata | undefined): boolean {
    if (this.isSettled) return true;
    if (this.#attempt === attempt) this.#attempt = undefined;
    if (attempt.server !== undefined) (this.#failedServers ??= []).push(attempt.server);
    const now = this.channel.environment.clock.now();
    this.maybeExecuted ||= attempt.maybeExecuted;
    (this.#history ??= []).push(attempt.record(failure.code, failure.details, now));
    if (this.#hedging !== undefined) return this.#hedging.onFailed(attempt, failure, metadata, now);
    this.#retries ??= new Retries(this);
    return this.#retries.onFailed(attempt, failure, metadata, now);
  }

  /** Where another attempt must go, or had better not. */
  #directAttempt(attempt: Attempt): void {
    attempt.incarnation = this.#retries?.incarnation;
    attempt.pinnedTo = this.#retries?.server;
    const open = this.#hedging?.servers;
    if (open !== undefined) attempt.avoided = [...(this.#failedServers ?? []), ...open];
    else attempt.avoided = this.#failedServers;
  }

  #fail(failure: AttemptFailure, metadata?: Metadata): void {
    if (!this.isSettled) this.#failWith(this.errorOf(failure, metadata));
  }

  #failWith(error: unknown, code: ResetCode = ResetCode.CANCELLED): void {
    this.channel.tally.callsFailed++;
    this.#settle(code);
    reportCallFailure(this, error);
    this.#sink.onFailed(error);
  }

  /** Nothing of the call is left afterwards: no timer, no listener, no stream, nobody who waits for it. */
  #settle(code: ResetCode): void {
    this.isSettled = true;
    this.channel.timers.remove(this);
    const { signal } = this.options;
    if (signal !== undefined) unwatchAbort(signal, this);
    if (this.#parent !== undefined) unwatchAbort(this.#parent.signal, this);
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt !== undefined) this.channel.giveUp(attempt, code);
    this.#hedging?.end(code);
    this.#feed?.end();
    this.#retries?.end();
  }

  #tell(callback: (metadata: Metadata) => void, metadata: Metadata | undefined): void {
    if (this.isSettled) return;
    try {
      callback(metadata ?? Metadata());
    } catch (error) {
      const details = `onHeader or onTrailer threw: ${textOf(error)}`;
      this.#fail({ code: Status.INTERNAL, details, cause: error });
    }
  }

  #error(
    { code, details, cause }: AttemptFailure,
    more: {
      message?: string;
      metadata?: Metadata | undefined;
      isAbort?: boolean;
      history?: readonly AttemptRecord[];
    },
  ): RpcError {
    const isRunning = this.#attempt?.maybeExecuted === true || this.#hedging?.maybeExecuted === true;
    const init = {
      path: this.method.descriptor.path,
      code,
      details,
      cause,
      maybeExecuted: this.maybeExecuted || isRunning,
      attempts: this.attempts,
      history: this.#history,
      ...more,
    };
    return more.isAbort === true ? RpcError.abort(init) : new RpcError(init);
  }

  /** With the attempts that run, which end as the call does. */
  #historyWith(code: Status, details: string): readonly AttemptRecord[] {
    const now = this.channel.environment.clock.now();
    const running = this.#hedging?.attempts ?? (this.#attempt === undefined ? [] : [this.#attempt]);
    return [...(this.#history ?? []), ...[...running].map((attempt) => attempt.record(code, details, now))];
  }

  #deadlineMessage(history: readonly AttemptRecord[]): string {
    return callDeadlineMessage(this.channel, {
      elapsedMs: this.#deadlineAt - this.startedAt,
      isParents: this.#deadlineAt === this.#parent?.deadlineAt,
      history,
      attempt: this.#attempt,
      lastFailure: this.#retries?.lastError?.details,
    });
  }
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

const NO_BYTES = new Uint8Array(0);

const SAME_INSTANT_MS = 1;

/** Up to here a copy next to the header costs less than a piece of its own. */
const SMALL_MESSAGE_BYTES = 1_024;
