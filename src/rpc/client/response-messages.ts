/**
 * Calls with a stream of responses: the iterable that their caller holds. The call begins with the first `next`, so one
 * that nobody iterates costs nothing; one message is read ahead, and the next one only when that is taken, so a slow
 * reader holds up its server and not our memory. Leaving it, by `return` or `throw`, cancels the call. It makes no
 * promise but those that were asked for, so no rejection goes unhandled.
 */
import { Status } from 'nice-grpc-common';
import { FramingError } from '../framing/framing-error.js';
import { ResetCode } from '../framing/reset-code.js';
import { isRpcError } from '../rpc-error.js';
import { TurnShare } from '../turn-share.js';
import { Call, type CallDefaults } from './call.js';
import { undecodable } from './call-message.js';
import { type CallMethod } from './call-method.js';
import { rejectAtCallSite } from './call-site.js';
import { type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { type ResponseSink } from './response-sink.js';

export class ResponseMessages implements AsyncIterableIterator<unknown, void, undefined>, ResponseSink {
  readonly isStream = true;
  readonly #call: Call;
  readonly #share: TurnShare;
  readonly #method: CallMethod;
  /** What the call begins with; undefined once it has begun, or never will. */
  #beginning: { readonly request: unknown; readonly defaults: CallDefaults } | undefined;
  /** Read ahead; at most one. */
  readonly #ahead: unknown[] = [];
  /** Of `next` calls, in order. While there is one nothing is read ahead. */
  readonly #waiting: Waiting[] = [];
  /** Nothing more will come. */
  #isOver = false;
  /** Thrown once, behind what was read ahead. */
  #failure: { readonly error: unknown } | undefined;

  constructor(
    channel: Channel,
    method: CallMethod,
    request: unknown,
    options: RpcCallOptions,
    defaults: CallDefaults = channel.streamDefaults,
  ) {
    this.#call = new Call(channel, method, options, this);
    this.#share = new TurnShare(channel.environment.clock, () => {
      this.#call.readOn();
    });
    this.#method = method;
    this.#beginning = { request, defaults };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, void>> {
    if (this.#ahead.length > 0) {
      const value = this.#ahead.shift();
      this.#call.readOn();
      return Promise.resolve({ done: false, value });
    }
    const failure = this.#failure;
    if (failure !== undefined) {
      this.#failure = undefined;
      return new Promise((resolve, reject) => {
        fail(resolve, reject, failure.error);
      });
    }
    if (this.#isOver) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      const beginning = this.#beginning;
      this.#beginning = undefined;
      if (beginning !== undefined) this.#call.begin(beginning.request, beginning.defaults);
    });
  }

  /** Leaves it: the call is cancelled. */
  return(): Promise<IteratorResult<unknown, void>> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<IteratorResult<unknown, void>> {
    this.#leave();
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as a generator: whatever it was given
    return Promise.reject(error);
  }

  // What the call tells.

  get wantsMessage(): boolean {
    return this.#ahead.length === 0 && !this.#share.isSpent;
  }

  onAttempt(): void {
    // Another attempt is made only while no message has come.
  }

  onMessage(body: Uint8Array): void {
    let message: unknown;
    try {
      message = this.#method.decode(body);
    } catch (error) {
      throw new FramingError(Status.INTERNAL, ResetCode.INTERNAL, undecodable(error));
    }
    this.#share.spend();
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#ahead.push(message);
    else waiting.resolve({ done: false, value: message });
  }

  complete(): undefined {
    return undefined;
  }

  onDone(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(DONE);
  }

  onFailed(error: unknown): void {
    // Who has aborted is done with it, and would else see one more message or not as chance has it.
    if (isRpcError(error) && error.name === 'AbortError') this.#ahead.length = 0;
    const first = this.#waiting.shift();
    if (first === undefined) this.#failure = { error };
    else fail(first.resolve, first.reject, error);
    this.onDone();
  }

  #leave(): void {
    this.#beginning = undefined;
    this.#failure = undefined;
    this.#ahead.length = 0;
    this.#call.leave();
    this.onDone();
  }
}

interface Waiting {
  readonly resolve: (result: IteratorResult<unknown, void> | Promise<never>) => void;
  readonly reject: (error: unknown) => void;
}

/** What the caller's own request threw has a stack of its own. */
function fail(resolve: Waiting['resolve'], reject: Waiting['reject'], error: unknown): void {
  if (isRpcError(error)) rejectAtCallSite(resolve, error);
  else reject(error);
}

const DONE: IteratorReturnResult<void> = { done: true, value: undefined };
