/**
 * Further attempts of a call, one after the other, made when its first has failed. It decides whether a failure is worth
 * another attempt, whether that is allowed, and where: a call that must not run twice, and may have run, is sent again
 * only to the same incarnation of its server, whose reply cache knows it [AMO-3]. p-retry counts and decides who is
 * next; time and chance are ours: its own delay is 0, the pause is awaited on the injected clock in `onFailedAttempt`.
 */
import { type Metadata, Status } from 'nice-grpc-common';
import pRetry from 'p-retry';
import { type Timer } from '../../base/clock.js';
import { isRpcError, type RpcError } from '../rpc-error.js';
import { type Attempt, type AttemptFailure, type AttemptServer } from './attempt.js';
import { backoffDelayMs } from './backoff.js';
import { type CallMethod } from './call-method.js';
import { type ResolvedRetry, resolveRetry, type RpcCallOptions } from './call-options.js';
import { type Channel, type PausingCall } from './channel.js';

export interface RetriedCall {
  readonly channel: Channel;
  readonly method: CallMethod;
  readonly options: RpcCallOptions;
  readonly startedAt: number;
  readonly isSettled: boolean;
  readonly attempts: number;
  /** One of the attempts that have failed may have run. */
  readonly maybeExecuted: boolean;
  /** Another attempt can be given the request, and nothing of an answer was given out. */
  readonly canRepeat: boolean;
  beginAttempt(now: number): void;
  errorOf(failure: AttemptFailure, metadata: Metadata | undefined): RpcError;
  giveUp(error: RpcError): void;
}

export class Retries implements PausingCall {
  lastError: RpcError | undefined;
  /** The channel's budget did not allow another attempt. */
  isSuppressed = false;
  /** The only one that may have the call again. */
  incarnation: string | undefined;
  /** Where that is, if there are several. */
  server: AttemptServer | undefined;
  readonly #call: RetriedCall;
  readonly #options: ResolvedRetry;
  #retryAfterMs: number | undefined;
  /** Ends the attempt, or the pause before it, for the machinery that waits for it. */
  #endAttempt: ((error?: RpcError) => void) | undefined;
  #endPause: (() => void) | undefined;

  constructor(call: RetriedCall) {
    this.#call = call;
    this.#options = resolveRetry(call.options.retry);
  }

  /** True when another attempt follows. */
  onFailed(attempt: Attempt, failure: AttemptFailure, metadata: Metadata | undefined, now: number): boolean {
    const { channel } = this.#call;
    if (!isWorthAnother(failure, this.#options)) return false;
    // Also for the last attempt: the server had the work.
    const hasBudget = channel.retryBudget.onFailure(failure.code, attempt.maybeExecuted);
    if (!this.#isAllowed(attempt, failure, now)) return false;
    if (!hasBudget) {
      this.isSuppressed = true;
      channel.tally.retriesSuppressed++;
      return false;
    }
    this.#retryAfterMs = failure.retryAfterMs;
    const error = (this.lastError = this.#call.errorOf(failure, metadata));
    if (this.#endAttempt !== undefined) this.#endAttempt(error);
    else this.#enter(error);
    return true;
  }

  onChannelClosed(reason: string): void {
    this.#call.giveUp(this.#call.errorOf({ code: Status.CANCELLED, details: reason }, undefined));
  }

  /** The call has ended. */
  end(): void {
    this.#endPause?.();
    this.#endAttempt?.();
  }

  #isAllowed(attempt: Attempt, failure: AttemptFailure, now: number): boolean {
    const { attempts, canRepeat, method, maybeExecuted, startedAt } = this.#call;
    if (attempts >= this.#options.attempts || !canRepeat) return false;
    if (method.isIdempotent) return true;
    if (now - startedAt >= MAX_UNDECLARED_AGE_MS) return false;
    if (!maybeExecuted) return true;
    // What the server has answered is its answer; only where none could come is it asked again.
    if (method.isStreaming || (attempt.maybeExecuted && failure.endedBy !== 'connection')) return false;
    if (this.incarnation === undefined) {
      this.incarnation = attempt.servedBy;
      this.server = attempt.server;
    }
    return this.incarnation !== undefined;
  }

  /** Its first turn only repeats the failure that is there already, so that every pause is made in one place. */
  #enter(first: RpcError): void {
    let last = first;
    pRetry((turn) => (turn === 1 ? Promise.reject(first) : this.#attemptAgain()), {
      retries: this.#options.attempts - 1,
      minTimeout: 0,
      randomize: false,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        // p-retry asks whether to go on only after this: no pause where it will not.
        if (isRpcError(error)) last = error;
        if (retriesLeft > 0 && !this.#call.isSettled) await this.#pause(attemptNumber);
      },
    }).catch(() => {
      this.#call.giveUp(last);
    });
  }

  /** Rejects with a failure that is worth another one, else resolves: the call has ended. */
  #attemptAgain(): Promise<void> {
    const call = this.#call;
    return new Promise((resolve, reject) => {
      this.#endAttempt = (error) => {
        this.#endAttempt = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      if (call.isSettled) {
        this.#endAttempt();
        return;
      }
      call.channel.tally.retries++;
      call.beginAttempt(call.channel.environment.clock.now());
    });
  }

  /** Resolves after the pause that follows so many failures, or as soon as the call has ended. */
  #pause(failures: number): Promise<void> {
    const { channel } = this.#call;
    const { clock, random } = channel.environment;
    const delayMs = this.#retryAfterMs ?? backoffDelayMs(this.#options, failures, random);
    return new Promise((resolve) => {
      let timer: Timer | undefined = undefined;
      this.#endPause = () => {
        this.#endPause = undefined;
        channel.pausing.delete(this);
        timer?.cancel();
        resolve();
      };
      channel.pausing.add(this);
      timer = clock.setTimer(this.#endPause, delayMs);
    });
  }
}

/** Of the failure alone: whether more of the same call may do better. */
export function isWorthAnother(failure: AttemptFailure, { codes }: ResolvedRetry): boolean {
  const { code, endedBy, notStarted, retryAfterMs } = failure;
  if (endedBy === 'restart' || retryAfterMs === Infinity) return false;
  if (endedBy === 'timeout' || codes.includes(code)) return true;
  // A server that has too much to do has not begun with it, and says when it wants it again [RPC-14].
  return code === Status.RESOURCE_EXHAUSTED && notStarted === true && retryAfterMs !== undefined;
}

/** [AMO-3] After that a server may have forgotten the call: sending it again could run it twice. */
const MAX_UNDECLARED_AGE_MS = 240_000;
