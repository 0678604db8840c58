/**
 * One call on the server: reads its request from the stream, runs the handler, writes the answer, and sees to it that
 * all of that ends by the deadline. It holds its stream, and with it one of the client's, until the handler has
 * settled, even when nobody waits any more: so a client that opens and cancels cannot have more running than its limit.
 */
import { type Metadata, Status } from 'nice-grpc-common';
import { assert } from '../../base/assert.js';
import { NOT_QUEUED } from '../../base/deadline-heap.js';
import { type TimerItem } from '../timer-queue.js';
import { FramingError, malformed } from '../framing/framing-error.js';
import { type RequestHeader } from '../framing/request-header.js';
import { ResetCode } from '../framing/reset-code.js';
import { type Trailer } from '../framing/trailer.js';
import { type ContextOwner, HandlerContext } from './call-context.js';
import { failureOf } from './handler-invocation.js';
import { RequestStream } from './request-stream.js';
import { ResponseStream } from './response-stream.js';
import { type ServerConnection } from './server-connection.js';
import { type ServerRuntime } from './server-runtime.js';
import { type ServedMethod } from './service-registry.js';

export class ServerCall implements TimerItem, ContextOwner {
  /** Infinity until something of the request was received. */
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  readonly #connection: ServerConnection;
  readonly #runtime: ServerRuntime;
  readonly #streamId: number;
  readonly #isFirstFlight: boolean;
  readonly #response: ResponseStream;
  #phase: Phase = Phase.RECEIVING;
  /** Until the handler starts. */
  #request: RequestStream | undefined;
  #header: RequestHeader | undefined;
  #method: ServedMethod | undefined;
  #receivedAt = 0;
  #context: HandlerContext | undefined;
  #controller: AbortController | undefined;
  /** Nobody waits for the handler any more: the client has cancelled, or was told a status already. */
  #isAborted = false;
  #isHeaderSent = false;
  #wasStarted = false;
  /** What the client was told. */
  #code: Status = Status.CANCELLED;
  #details = '';

  constructor(connection: ServerConnection, streamId: number, isFirstFlight: boolean) {
    this.#connection = connection;
    this.#runtime = connection.runtime;
    this.#streamId = streamId;
    this.#isFirstFlight = isFirstFlight;
    this.#response = new ResponseStream(connection.transport, streamId, this.#runtime.writer);
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

  /** Its client has given it up, and its handler runs on. */
  get isCancelled(): boolean {
    return this.#response.isDropped;
  }

  /** For the handler, through its context. Throws FramingError when the metadata are above their limits. */
  sendHeader(): void {
    const context = this.#context;
    if (context === undefined || this.#isHeaderSent || this.#phase !== Phase.RUNNING) return;
    this.#isHeaderSent = true;
    if (!context.header.isEmpty) this.#response.writeHeader(context.header);
  }

  onReadable(): void {
    const { transport } = this.#connection;
    while (this.#phase === Phase.RECEIVING) {
      const chunk = transport.readStream(this.#streamId);
      if (chunk === undefined) break;
      try {
        if (chunk === 'end') this.#onEnd();
        else this.#onChunk(chunk);
      } catch (error) {
        this.#onBadRequest(error);
      }
    }
    // A request that came whole needs no deadline of its own; this one still waits for the rest.
    if (this.#phase === Phase.RECEIVING) this.#watchDeadline();
  }

  onWritable(): void {
    if (this.#response.onWritable()) this.#finish();
  }

  /** The client has given the call up: it resets its half, stops ours, or does both. [RPC-9] */
  onCancelled(): void {
    if (this.#phase === Phase.RUNNING) {
      this.#response.drop();
      this.#abort();
      return;
    }
    if (this.#phase === Phase.RECEIVING)
      this.#connection.transport.stopStream(this.#streamId, ResetCode.CANCELLED);
    this.#code = Status.CANCELLED;
    this.#release(ResetCode.CANCELLED);
  }

  /** No one is there to answer; a handler that runs still has to settle. */
  onConnectionClosed(): void {
    if (this.#phase === Phase.RUNNING) {
      this.#response.drop();
      this.#abort();
    } else {
      this.#code = Status.CANCELLED;
      this.#finish();
    }
  }

  /** The time is over. */
  onDue(): void {
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

  /** The server drains: what has not started will not. */
  onDrain(): void {
    if (this.#phase === Phase.RECEIVING) this.#refuse(Status.UNAVAILABLE, DRAINING, ResetCode.REFUSED);
  }

  /** The server's patience is over. */
  onShutdown(): void {
    if (this.#phase === Phase.RUNNING) this.#answerForHandler(Status.UNAVAILABLE, SHUT_DOWN);
  }

  #onChunk(chunk: Uint8Array): void {
    const request = (this.#request ??= new RequestStream(this.#runtime.limits.maxReceiveMessageBytes));
    request.push(chunk);
    const header = request.read();
    if (header === undefined) return;
    this.#onHeader(header);
    if (this.#phase === Phase.RECEIVING) request.read();
  }

  /** What can be refused is refused here, before the message is received. [RPC-4] [RPC-5] [RPC-11] */
  #onHeader(header: RequestHeader): void {
    this.#header = header;
    const now = this.#runtime.environment.clock.now();
    this.#receivedAt = now;
    const { isDraining, limits, registry, timers } = this.#runtime;
    timers.remove(this);
    this.dueAt = now + Math.min(header.timeoutMs ?? Infinity, limits.maxTimeoutMs);
    const method = registry.find(header.path);
    if (isDraining) {
      this.#refuse(Status.UNAVAILABLE, DRAINING, ResetCode.REFUSED);
    } else if (method?.handler === undefined) {
      this.#refuse(Status.UNIMPLEMENTED, registry.explainMissing(header.path), ResetCode.REFUSED);
    } else if (this.#isFirstFlight && !method.isIdempotent) {
      this.#refuse(Status.UNAVAILABLE, `/${method.path}: ${NOT_IN_FIRST_FLIGHT}`, ResetCode.REFUSED);
    } else {
      this.#method = method;
    }
  }

  #onEnd(): void {
    const message = this.#request?.end();
    if (message === undefined) throw malformed('a request begins with its header');
    assert(this.#header !== undefined && this.#method !== undefined, 'a request with a message has a method');
    this.#request = undefined;
    this.#start(this.#header, this.#method, message);
  }

  #start(header: RequestHeader, method: ServedMethod, message: Uint8Array): void {
    const { limits, environment, runningHandlers } = this.#runtime;
    if (this.dueAt <= this.#receivedAt) {
      this.#refuse(Status.DEADLINE_EXCEEDED, 'the time was over when the request came', ResetCode.DEADLINE);
      return;
    }
    if (runningHandlers >= limits.maxRunningHandlers) {
      const details = `${runningHandlers} handlers are running already: the server's maxRunningHandlers`;
      this.#refuse(Status.RESOURCE_EXHAUSTED, details, ResetCode.REFUSED);
      return;
    }
    let request: unknown;
    try {
      request = method.decode(message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#refuse(Status.INTERNAL, `the server could not decode the request: ${why}`, ResetCode.MALFORMED);
      return;
    }
    const client = this.#connection.clientOf(header.clientInstance);
    const requestId = client.requestId(header.sequence);
    if (!method.isIdempotent && !client.window.tryStart(header.sequence, header.attempt)) {
      const details = `request ${requestId} may have been started before and is not started again`;
      this.#answer(Status.ABORTED, details);
      return;
    }
    const deadline = new Date(environment.wallTime() + this.dueAt - this.#receivedAt);
    this.#context = new HandlerContext(
      this,
      header.metadata,
      this.#connection.transport.peer,
      requestId,
      deadline,
    );
    this.#run(method, request, this.#context);
  }

  #run(method: ServedMethod, request: unknown, context: HandlerContext): void {
    assert(method.handler !== undefined, 'a method without a handler was refused');
    this.#phase = Phase.RUNNING;
    this.#wasStarted = true;
    this.#runtime.runningHandlers++;
    let result: unknown;
    try {
      result = method.handler(request, context);
    } catch (error) {
      this.#onFailed(error);
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

  readonly #onReturned = (message: unknown): void => {
    if (!this.#settle()) return;
    const { limits } = this.#runtime;
    let body: readonly Uint8Array[];
    try {
      if (message === undefined || message === null) throw new Error('the handler returned no message');
      assert(this.#method !== undefined, 'a call that ran has a method');
      body = this.#method.encode(message);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const size = body.reduce((sum, piece) => sum + piece.length, 0);
    if (size > limits.maxSendMessageBytes) {
      const details =
        `a response of ${size} bytes is above the limit of ${limits.maxSendMessageBytes} bytes ` +
        "(the server's maxSendMessageBytes)";
      this.#answer(Status.RESOURCE_EXHAUSTED, details);
      return;
    }
    this.#answer(Status.OK, '', body);
  };

  readonly #onFailed = (error: unknown): void => {
    if (this.#settle()) this.#fail(error);
    else if (failureOf(error).isUnexpected) this.#report(error);
  };

  /** The handler is over. True when its answer is still wanted. */
  #settle(): boolean {
    assert(this.#phase === Phase.RUNNING, 'a handler settles once');
    this.#runtime.runningHandlers--;
    this.#phase = Phase.ANSWERING;
    if (!this.#isAborted) return true;
    if (this.#response.isDropped) this.#release(ResetCode.CANCELLED);
    else if (this.#response.finish()) this.#finish();
    else this.#release(this.#code === Status.DEADLINE_EXCEEDED ? ResetCode.DEADLINE : ResetCode.CANCELLED);
    return false;
  }

  #fail(error: unknown): void {
    const failure = failureOf(error);
    if (failure.isUnexpected) this.#report(error);
    this.#answer(failure.code, failure.details);
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
  #refuse(code: Status, details: string, stopCode: ResetCode): void {
    this.#phase = Phase.ANSWERING;
    this.#connection.transport.stopStream(this.#streamId, stopCode);
    this.#request = undefined;
    this.#writeAnswer({ code, details, notStarted: true, metadata: undefined }, undefined, true);
  }

  #answer(code: Status, details: string, body?: readonly Uint8Array[]): void {
    this.#phase = Phase.ANSWERING;
    this.#writeAnswer({ code, details, notStarted: false, metadata: this.#trailerMetadata() }, body, true);
  }

  #writeAnswer(answer: Trailer, body: readonly Uint8Array[] | undefined, fin: boolean): void {
    this.#code = answer.code;
    this.#details = answer.details;
    const trailer = this.#connection.isLeaving ? { ...answer, reconnect: true } : answer;
    const header =
      this.#isHeaderSent || this.#context?.header.isEmpty !== false ? undefined : this.#context.header;
    this.#isHeaderSent = true;
    let isWritten: boolean;
    try {
      isWritten = this.#response.writeAnswer(header, body, trailer, fin);
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      // Only metadata can do that. What the handler meant to say cannot be said, so the client is told of that.
      this.#report(error);
      this.#code = error.status;
      this.#details = failureOf(error).details;
      const instead = { code: this.#code, details: this.#details, notStarted: false, metadata: undefined };
      isWritten = this.#response.writeAnswer(undefined, undefined, instead, fin);
    }
    if (!fin) return;
    if (isWritten) this.#finish();
    else this.#watchDeadline();
  }

  #trailerMetadata(): Metadata | undefined {
    const trailer = this.#context?.trailer;
    return trailer === undefined || trailer.isEmpty ? undefined : trailer;
  }

  #onBadRequest(error: unknown): void {
    if (!(error instanceof FramingError)) throw error;
    if (error.resetCode === ResetCode.MALFORMED && error.status === Status.INTERNAL) {
      this.#code = Status.INTERNAL;
      this.#details = error.message;
      this.#connection.transport.stopStream(this.#streamId, ResetCode.MALFORMED);
      this.#release(ResetCode.MALFORMED);
      return;
    }
    // With its header read, what is too large is the message, and there is an option for that.
    const hint = this.#header === undefined ? '' : " (the server's maxReceiveMessageBytes)";
    this.#refuse(error.status, `the server refused the request: ${error.message}${hint}`, error.resetCode);
  }

  #abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#controller?.abort();
  }

  #watchDeadline(): void {
    if (this.heapIndex !== NOT_QUEUED || this.#isAborted) return;
    const { timers, environment, limits } = this.#runtime;
    const now = environment.clock.now();
    if (this.dueAt === Infinity) this.dueAt = now + limits.maxTimeoutMs;
    timers.add(this, now);
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
    const { timers, observer, environment } = this.#runtime;
    timers.remove(this);
    this.#connection.remove(this.#streamId);
    if (this.#header !== undefined && observer.wantsCallEnd) {
      observer.onCallEnd({
        path: `/${this.#header.path}`,
        peer: this.#connection.transport.peer,
        requestId: this.#requestId(this.#header),
        code: this.#code,
        details: this.#details,
        durationMs: environment.clock.now() - this.#receivedAt,
        wasStarted: this.#wasStarted,
      });
    }
    this.#runtime.onCallDone();
  }

  #report(error: unknown): void {
    const header = this.#header;
    assert(header !== undefined, 'a call that ran has a header');
    this.#runtime.observer.onHandlerError({
      path: `/${header.path}`,
      peer: this.#connection.transport.peer,
      requestId: this.#requestId(header),
      error,
    });
  }

  #requestId(header: RequestHeader): string {
    return this.#connection.clientOf(header.clientInstance).requestId(header.sequence);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** RECEIVING the request, RUNNING the handler, ANSWERING until all of the answer was taken, DONE. */
const Phase = { RECEIVING: 0, RUNNING: 1, ANSWERING: 2, DONE: 3 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

const DRAINING = 'the server is shutting down and starts no more calls';
const SHUT_DOWN = 'the server shut down before the handler had answered';
const NOT_IN_FIRST_FLIGHT =
  'a call that must not run twice cannot be sent before the connection is confirmed, because the network may replay it';
