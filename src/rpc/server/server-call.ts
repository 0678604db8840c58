/**
 * One call on the server, of whatever kind: takes its request from the intake, runs the handler, writes the answer, and
 * sees to it that all of that ends by the deadline, or when nothing moves. It holds its stream, and with it one of the
 * client's, until the handler has settled, even when nobody waits any more: so a client that opens and cancels cannot
 * have more running than its limit.
 */
import { type Metadata, ServerError, Status } from 'nice-grpc-common';
import { assert } from '../../base/assert.js';
import { NOT_QUEUED } from '../../base/deadline-heap.js';
import { type EventSubject } from '../diagnostics.js';
import { SilenceWatch } from '../silence-watch.js';
import { type ParentCall } from '../call-scope.js';
import { sizeOf } from '../pieces.js';
import { type TimerItem } from '../timer-queue.js';
import { FramingError } from '../framing/framing-error.js';
import { STATUS_DETAILS_KEY } from '../framing/metadata-codec.js';
import { type RequestHeader } from '../framing/request-header.js';
import { ResetCode } from '../framing/reset-code.js';
import { type Trailer } from '../framing/trailer.js';
import { AtMostOnce, type RepeatedCall } from './at-most-once.js';
import { type ContextOwner, HandlerContext } from './call-context.js';
import { reportCallEnd, reportCallStart, reportHandlerError } from './call-report.js';
import { failureOf } from './handler-invocation.js';
import { DRAINING, type IntakeOwner, RequestIntake, undecodable } from './request-intake.js';
import { RequestMessages } from './request-messages.js';
import { type PumpFailure, type PumpOwner, ResponsePump } from './response-pump.js';
import { ResponseStream } from './response-stream.js';
import { type ServerConnection } from './server-connection.js';
import { type ServerRuntime } from './server-runtime.js';
import { type ServedMethod } from './service-registry.js';

export class ServerCall
  implements TimerItem, ContextOwner, IntakeOwner, ParentCall, PumpOwner, RepeatedCall, EventSubject
{
  /** The deadline, or when silence is looked at. Infinity until something of the request was received. */
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  /** Infinity: a stream without one. */
  deadlineAt = Infinity;
  identity: object | undefined;
  readonly #connection: ServerConnection;
  readonly #runtime: ServerRuntime;
  readonly #streamId: number;
  readonly #intake: RequestIntake;
  readonly #response: ResponseStream;
  #phase: Phase = Phase.RECEIVING;
  #header: RequestHeader | undefined;
  #method: ServedMethod | undefined;
  /** What the handler of a streamed request iterates. */
  #messages: RequestMessages | undefined;
  /** What carries a streamed response. */
  #pump: ResponsePump | undefined;
  #receivedAt = 0;
  /** Of a streaming call. */
  #silence: SilenceWatch | undefined;
  #context: HandlerContext | undefined;
  #controller: AbortController | undefined;
  /** Nobody waits for the handler any more: the client has cancelled, or was told a status already. */
  #isAborted = false;
  #isHeaderSent = false;
  #wasStarted = false;
  /** Of a call that must not run twice. */
  #once: AtMostOnce | undefined;
  /** What the client was told. */
  #code: Status = Status.CANCELLED;
  #details = '';

  constructor(connection: ServerConnection, streamId: number, isFirstFlight: boolean) {
    this.#connection = connection;
    this.#runtime = connection.runtime;
    this.#streamId = streamId;
    this.#intake = new RequestIntake(connection, streamId, isFirstFlight, this);
    const { writer, sendMetadataLimit } = this.#runtime;
    this.#response = new ResponseStream(connection.transport, streamId, writer, sendMetadataLimit);
    this.#runtime.onCallOpened();
  }

  /** Made when it is first asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** For the calls that its handler makes. */
  get isRunning(): boolean {
    return this.#phase === Phase.RUNNING;
  }

  /** Its client has given it up, and its handler runs on. */
  get isCancelled(): boolean {
    return this.#response.isDropped;
  }

  /**
   * For the handler, through its context. An empty one is sent too: its client may wait for it. Throws FramingError when the
   * metadata are above the limit.
   */
  sendHeader(): void {
    const context = this.#context;
    if (context === undefined || this.#isHeaderSent || this.#phase !== Phase.RUNNING) return;
    this.#isHeaderSent = true;
    const bytes = this.#response.writeHeader(context.header);
    this.#once?.onHeaderWritten(bytes);
  }

  onReadable(): void {
    if (this.#phase === Phase.RECEIVING) this.#intake.onReadable();
    // A request that came whole needs no deadline of its own; this one still waits for the rest.
    if (this.#phase === Phase.RECEIVING) this.#watchDeadline();
    else this.#messages?.onReadable();
  }

  onWritable(): void {
    if (!this.#response.onWritable()) return;
    if (this.#response.isEnded) this.#finish();
    else this.#pump?.onWritable();
  }

  onHeader(header: RequestHeader, method: ServedMethod | undefined, now: number): void {
    const { limits, timers } = this.#runtime;
    this.#header = header;
    this.#method = method;
    this.#receivedAt = now;
    timers.remove(this);
    // A stream may go on for as long as something moves on it, unless its client says otherwise.
    const longestMs = method?.isStreaming === true ? Infinity : limits.maxTimeoutMs;
    this.dueAt = this.deadlineAt = this.#receivedAt + Math.min(header.timeoutMs ?? Infinity, longestMs);
    reportCallStart(this, this.#connection, header, this.#isServed);
  }

  onRefused(code: Status, details: string, retryAfterMs?: number): void {
    this.#phase = Phase.ANSWERING;
    const refusal = { code, details, notStarted: true, metadata: undefined };
    const trailer = retryAfterMs === undefined ? refusal : { ...refusal, retryAfterMs };
    this.#writeAnswer(trailer, undefined, true);
  }

  onMalformed(details: string): void {
    this.#code = Status.INTERNAL;
    this.#details = details;
    this.#release(ResetCode.MALFORMED);
  }

  onMessageRead(): void {
    this.#silence?.onMessage(this.#runtime.environment.clock.now());
  }

  /** The handler is told by an abort, the client by its status. */
  onRequestFailed(code: Status, details: string): void {
    this.#answerForHandler(code, details);
  }

  onReply(bytes: Uint8Array, { code, details }: Trailer): void {
    if (this.#phase === Phase.DONE) return;
    this.#phase = Phase.ANSWERING;
    this.#code = code;
    this.#details = details;
    if (this.#response.writeReply(bytes)) this.#finish();
    else this.#watchDeadline();
  }

  onReplyAwaited(): void {
    this.#phase = Phase.ANSWERING;
    this.#watchDeadline();
  }

  onNotAgain(details: string): void {
    this.#answer(Status.ABORTED, details);
  }

  /** A message of a streamed response. Throws what cannot be sent, at the handler. */
  writeMessage(message: unknown): boolean {
    if (this.#isAborted) return true;
    const body = this.#encode(message);
    this.#silence?.onMessage(this.#runtime.environment.clock.now());
    return this.#response.writeMessage(this.#takeHeader(), body);
  }

  onPumpSettled(failure: PumpFailure | undefined): void {
    if (failure !== undefined) this.#onFailed(failure.error);
    else if (this.#settle()) this.#answer(Status.OK, '');
  }

  /** The client ends its half: false when that is what it was asked for. */
  onRequestReset(): boolean {
    if (this.#intake.isStopped) return false;
    this.onCancelled();
    return true;
  }

  /** The client has given the call up: it resets its half, stops ours, or does both. [RPC-9] */
  onCancelled(): void {
    if (this.#phase === Phase.RUNNING) {
      this.#loseClient();
      return;
    }
    this.#intake.stop(ResetCode.CANCELLED);
    this.#code = Status.CANCELLED;
    this.#release(ResetCode.CANCELLED);
  }

  /**
   * No one is there to answer; a handler that runs still has to settle. One that must not run twice, and whose client has
   * not left but was lost, goes on: its client may come back for the answer [AMO-5].
   */
  onConnectionClosed(isLost: boolean): void {
    if (this.#phase === Phase.RUNNING) {
      if (isLost && this.#once?.isKept === true) this.#response.drop();
      else this.#loseClient();
    } else {
      this.#code = Status.CANCELLED;
      this.#finish();
    }
  }

  /** The time is over, or it is time to look at how long nothing has moved. */
  onDue(): void {
    if (this.#silence !== undefined && this.dueAt < this.deadlineAt) {
      this.#onSilence(this.#silence);
      return;
    }
    switch (this.#phase) {
      case Phase.RECEIVING:
        this.#refuse(
          Status.DEADLINE_EXCEEDED,
          'the time was over before the request had come',
          ResetCode.DEADLINE,
        );
        return;
      case Phase.RUNNING:
        this.#answerForHandler(
          Status.DEADLINE_EXCEEDED,
          "the call's time was over before the handler had answered",
        );
        return;
      case Phase.ANSWERING:
        this.#code = Status.DEADLINE_EXCEEDED;
        this.#release(ResetCode.DEADLINE);
        return;
      case Phase.DONE:
    }
  }

  /** The server drains: what has not started will not. True when it was so refused. */
  onDrain(): boolean {
    if (this.#phase !== Phase.RECEIVING) return false;
    this.#refuse(Status.UNAVAILABLE, DRAINING, ResetCode.REFUSED);
    return true;
  }

  /** The server's patience is over. True when it was answered for its handler. */
  onShutdown(): boolean {
    if (this.#phase !== Phase.RUNNING || this.#isAborted) return false;
    this.#answerForHandler(Status.UNAVAILABLE, SHUT_DOWN);
    return true;
  }

  /** `message`: of a single request. */
  onRequest(header: RequestHeader, method: ServedMethod, message: Uint8Array | undefined): void {
    const { limits, environment, runningHandlers } = this.#runtime;
    if (this.deadlineAt <= this.#receivedAt) {
      this.#refuse(Status.DEADLINE_EXCEEDED, 'the time was over when the request came', ResetCode.DEADLINE);
      return;
    }
    if (runningHandlers >= limits.maxRunningHandlers) {
      const details = `${runningHandlers} handlers are running already: the server's maxRunningHandlers`;
      const retryAfterMs = OVERLOAD_RETRY_AFTER_MS * (0.5 + environment.random.fraction());
      this.#refuse(Status.RESOURCE_EXHAUSTED, details, ResetCode.REFUSED, retryAfterMs);
      return;
    }
    let request: unknown;
    try {
      request = message === undefined ? this.#streamedRequest() : method.decode(message);
    } catch (error) {
      this.#refuse(Status.INTERNAL, undecodable(error), ResetCode.MALFORMED);
      return;
    }
    const client = this.#connection.clientOf(header.clientInstance);
    if (!method.isIdempotent) {
      this.#once = new AtMostOnce(this, this.#runtime);
      if (!this.#once.mayStart(header, method, client, this.#receivedAt)) return;
    }
    const deadline =
      this.deadlineAt === Infinity
        ? undefined
        : new Date(environment.wallTime() + this.deadlineAt - this.#receivedAt);
    this.#context = new HandlerContext(
      this,
      header.metadata,
      this.#connection.transport,
      client.requestId(header.sequence),
      deadline,
    );
    this.#run(method, request, this.#context);
  }

  get #isServed(): boolean {
    return this.#method?.handler !== undefined;
  }

  #streamedRequest(): RequestMessages {
    return (this.#messages = new RequestMessages(this.#intake, this.#runtime.environment.clock));
  }

  #run(method: ServedMethod, request: unknown, context: HandlerContext): void {
    assert(method.handler !== undefined, 'a method without a handler was refused');
    this.#phase = Phase.RUNNING;
    this.#wasStarted = true;
    this.#runtime.runningHandlers++;
    if (method.isStreaming) this.#watchSilence();
    const { environment } = this.#runtime;
    const { callScope } = environment;
    let result: unknown;
    try {
      result = callScope.isActive
        ? callScope.run(this, method.handler, request, context)
        : method.handler(request, context);
    } catch (error) {
      this.#onFailed(error);
      return;
    }
    if (method.descriptor.responseStream) {
      this.#watchDeadline();
      this.#pump = new ResponsePump(this, environment.clock, callScope.isActive ? this.#inScope : undefined);
      this.#pump.start(result);
      return;
    }
    if (!isThenable(result)) {
      this.#onReturned(result);
      return;
    }
    // A handler that settles in this turn never needs the timer, but nobody can know.
    this.#watchDeadline();
    const promise = result instanceof Promise ? result : Promise.resolve(result);
    promise.then(this.#onReturned, this.#onFailed);
  }

  /** A generator runs on inside of whoever asks it for more. */
  readonly #inScope = (step: () => unknown): unknown => this.#runtime.environment.callScope.run(this, step);

  readonly #onReturned = (message: unknown): void => {
    if (!this.#settle()) return;
    let body: readonly Uint8Array[];
    try {
      if (message === undefined || message === null) throw new Error('the handler returned no message');
      body = this.#encode(message);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#answer(Status.OK, '', body);
  };

  /** Throws what the codec throws, and ServerError for one that is too large. */
  #encode(message: unknown): readonly Uint8Array[] {
    const method = this.#method;
    assert(method !== undefined, 'a call that ran has a method');
    const body = method.encode(message);
    const size = sizeOf(body);
    const own = method.limits.maxSendMessageBytes;
    const limit = own ?? this.#runtime.limits.maxSendMessageBytes;
    if (size <= limit) return body;
    const whose = `the server's maxSendMessageBytes${own === undefined ? '' : ` of ${method.path}`}`;
    const details = `a response of ${size} bytes is above the limit of ${limit} bytes (${whose})`;
    throw new ServerError(Status.RESOURCE_EXHAUSTED, details);
  }

  readonly #onFailed = (error: unknown): void => {
    if (this.#settle()) this.#fail(error);
    else if (failureOf(error).isUnexpected) this.#report(error);
  };

  /** The handler is over. True when its answer is still wanted. */
  #settle(): boolean {
    assert(this.#phase === Phase.RUNNING, 'a handler settles once');
    this.#runtime.runningHandlers--;
    this.#phase = Phase.ANSWERING;
    // Nobody is there any more to read on.
    this.#intake.stop(ResetCode.CANCELLED);
    if (!this.#isAborted) return true;
    if (this.#response.isDropped) this.#release(ResetCode.CANCELLED);
    else if (this.#response.finish()) this.#finish();
    else this.#release(this.#code === Status.DEADLINE_EXCEEDED ? ResetCode.DEADLINE : ResetCode.CANCELLED);
    return false;
  }

  #fail(error: unknown): void {
    const failure = failureOf(error);
    if (failure.isUnexpected) this.#report(error);
    if (failure.statusDetails !== undefined) {
      this.#context?.trailer.set(STATUS_DETAILS_KEY, failure.statusDetails);
    }
    if (failure.notStarted === true) this.#once?.takeBack();
    this.#answer(failure.code, failure.details, undefined, failure.notStarted);
  }

  /** The client need not wait for the handler, but the stream does: its end is held back. */
  #answerForHandler(code: Status, details: string): void {
    if (this.#isAborted) return;
    this.#runtime.timers.remove(this);
    this.#writeAnswer(
      { code, details, notStarted: false, metadata: this.#trailerMetadata() },
      undefined,
      false,
    );
    this.#abort();
  }

  /** The handler never starts for this call. */
  #refuse(code: Status, details: string, stopCode: ResetCode, retryAfterMs?: number): void {
    this.#intake.stop(stopCode);
    this.onRefused(code, details, retryAfterMs);
  }

  #answer(code: Status, details: string, body?: readonly Uint8Array[], notStarted = false): void {
    this.#phase = Phase.ANSWERING;
    this.#writeAnswer({ code, details, notStarted, metadata: this.#trailerMetadata() }, body, true);
  }

  #writeAnswer(answer: Trailer, body: readonly Uint8Array[] | undefined, fin: boolean): void {
    this.#code = answer.code;
    this.#details = answer.details;
    const trailer = this.#connection.isLeaving ? { ...answer, reconnect: true } : answer;
    // What is said in the handler's place, and before its end, is kept for nobody.
    const keep = fin ? this.#once?.keep : undefined;
    let isWritten: boolean;
    try {
      isWritten = this.#response.writeAnswer(this.#takeHeader(), body, trailer, fin, keep);
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      // Only metadata can do that. What the handler meant to say cannot be said, so the client is told of that.
      this.#report(error);
      this.#code = error.status;
      this.#details = failureOf(error).details;
      const instead = { code: this.#code, details: this.#details, notStarted: false, metadata: undefined };
      isWritten = this.#response.writeAnswer(undefined, undefined, instead, fin, keep);
    }
    if (!fin) return;
    if (isWritten) this.#finish();
    else this.#watchDeadline();
  }

  #trailerMetadata(): Metadata | undefined {
    const trailer = this.#context?.trailer;
    return trailer === undefined || trailer.isEmpty ? undefined : trailer;
  }

  /** The header, if there is one to be sent before what follows. */
  #takeHeader(): Metadata | undefined {
    if (this.#isHeaderSent) return undefined;
    this.#isHeaderSent = true;
    const header = this.#context?.header;
    return header?.isEmpty === false ? header : undefined;
  }

  #watchSilence(): void {
    const { environment, limits } = this.#runtime;
    this.#silence = new SilenceWatch(limits.streamIdleTimeoutMs, environment.clock.now());
    this.dueAt = Math.min(this.deadlineAt, this.#silence.dueAt);
  }

  /** Ends a streaming call on which nothing has moved for too long; else it looks again when that may be so. */
  #onSilence({ dueAt, timeoutMs }: SilenceWatch): void {
    const { environment, timers } = this.#runtime;
    const now = environment.clock.now();
    if (dueAt > now) {
      this.dueAt = Math.min(this.deadlineAt, dueAt);
      timers.add(this, now);
      return;
    }
    const details =
      `no message in either direction for ${timeoutMs} ms ` + "(the server's streamIdleTimeoutMs)";
    if (this.#phase === Phase.RUNNING) {
      this.#answerForHandler(Status.DEADLINE_EXCEEDED, details);
    } else {
      this.#code = Status.DEADLINE_EXCEEDED;
      this.#details = details;
      this.#release(ResetCode.DEADLINE);
    }
  }

  /** Its client has cancelled it, or is gone. Another attempt of the same call may still wait for the answer. */
  #loseClient(): void {
    this.#response.drop();
    if (this.#once?.isAwaited !== true) this.#abort();
  }

  #abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#controller?.abort();
    this.#messages?.abort();
    this.#pump?.cancel();
  }

  #watchDeadline(): void {
    if (this.heapIndex !== NOT_QUEUED || this.#isAborted) return;
    const { timers, environment, limits } = this.#runtime;
    const now = environment.clock.now();
    // Of a request whose header has not come yet nobody knows how long it may take.
    if (this.#header === undefined) this.dueAt = this.deadlineAt = now + limits.maxTimeoutMs;
    if (this.dueAt < Infinity) timers.add(this, now);
  }

  /** Gives up our half of the stream. */
  #release(code: ResetCode): void {
    this.#response.drop();
    this.#connection.transport.resetStream(this.#streamId, code);
    this.#finish();
  }

  #finish(): void {
    if (this.#phase === Phase.DONE) return;
    this.#phase = Phase.DONE;
    this.#runtime.timers.remove(this);
    this.#once?.end();
    this.#connection.remove(this.#streamId);
    if (this.#header !== undefined) {
      reportCallEnd(this, this.#connection, this.#header, {
        code: this.#code,
        details: this.#details,
        wasStarted: this.#wasStarted,
        receivedAt: this.#receivedAt,
        isServed: this.#isServed,
      });
    }
    this.#runtime.onCallDone();
  }

  #report(error: unknown): void {
    assert(this.#header !== undefined, 'a call that ran has a header');
    reportHandlerError(this, this.#connection, this.#header, error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** RECEIVING the request, RUNNING the handler, ANSWERING until all of the answer was taken, DONE. */
const Phase = { RECEIVING: 0, RUNNING: 1, ANSWERING: 2, DONE: 3 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

/** On the average: so that those who are refused at the same time do not all come again at the same time. */
const OVERLOAD_RETRY_AFTER_MS = 100;

const SHUT_DOWN = 'the server shut down before the handler had answered';
