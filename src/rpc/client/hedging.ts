/**
 * Further attempts of a call beside the one that has had no answer for long: carries out what the policy (`hedge.ts`)
 * decides. The first attempt that gives a message, or a status that no other attempt could better, decides the call; the
 * others are cancelled.
 */
import { type Metadata } from 'nice-grpc-common';
import { NOT_QUEUED } from '../../base/deadline-heap.js';
import { ResetCode } from '../framing/reset-code.js';
import { type RpcError } from '../rpc-error.js';
import { type TimerItem } from '../timer-queue.js';
import { type Attempt, type AttemptFailure, type AttemptServer } from './attempt.js';
import { resolveRetry, type RpcCallOptions } from './call-options.js';
import { type Channel } from './channel.js';
import { Hedge, type HedgeStep, type ResolvedHedge } from './hedge.js';
import { isWorthAnother } from './retries.js';

export interface HedgedCall {
  readonly channel: Channel;
  readonly options: RpcCallOptions;
  readonly canRepeat: boolean;
  beginAttempt(now: number): void;
  errorOf(failure: AttemptFailure, metadata: Metadata | undefined): RpcError;
  giveUp(error: RpcError): void;
}

export class Hedging implements TimerItem {
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  /** Those that are open. */
  readonly attempts = new Set<Attempt>();
  readonly #call: HedgedCall;
  readonly #hedge: Hedge;
  #lastFailure: { readonly failure: AttemptFailure; readonly metadata: Metadata | undefined } | undefined;

  constructor(call: HedgedCall, options: ResolvedHedge) {
    this.#call = call;
    this.#hedge = new Hedge(options);
  }

  /** One of those that are open may have run. */
  get maybeExecuted(): boolean {
    for (const attempt of this.attempts) {
      if (attempt.maybeExecuted) return true;
    }
    return false;
  }

  /** Of those that are open, where there are several. */
  get servers(): readonly AttemptServer[] {
    return [...this.attempts].map(({ server }) => server).filter((server) => server !== undefined);
  }

  get isSuppressed(): boolean {
    return this.#hedge.isSuppressed;
  }

  onBegun(attempt: Attempt): void {
    this.attempts.add(attempt);
    this.#hedge.onBegun();
    this.#watch(this.#now);
  }

  /** The attempt that was begun last has its stream. */
  onSent(now: number): void {
    this.#hedge.onSent(now);
    this.#watch(now);
  }

  /** It has given a part of the answer: the others are of no use any more. */
  keepOnly(attempt: Attempt): void {
    this.#call.channel.timers.remove(this);
    for (const other of this.attempts) {
      if (other !== attempt) this.#giveUp(other, ResetCode.CANCELLED);
    }
  }

  /** True when the call goes on. */
  onFailed(attempt: Attempt, failure: AttemptFailure, metadata: Metadata | undefined, now: number): boolean {
    this.attempts.delete(attempt);
    const { channel, options, canRepeat } = this.#call;
    if (!canRepeat || !isWorthAnother(failure, resolveRetry(options.retry))) return false;
    this.#lastFailure = { failure, metadata };
    const hasBudget = channel.retryBudget.onFailure(failure.code, attempt.maybeExecuted);
    const { retryAfterMs: pushbackMs } = failure;
    const step = this.#hedge.onFailed({ wasSent: attempt.wasSent, pushbackMs }, hasBudget, now);
    if (step === 'fail') return false;
    this.#do(step, now);
    return true;
  }

  onDue(): void {
    const now = this.#now;
    this.#do(this.#hedge.onDue(this.#call.channel.retryBudget.hasRoom, now), now);
  }

  /** The call has ended. */
  end(code: ResetCode): void {
    this.#call.channel.timers.remove(this);
    for (const attempt of this.attempts) this.#giveUp(attempt, code);
  }

  get #now(): number {
    return this.#call.channel.environment.clock.now();
  }

  #do(step: HedgeStep, now: number): void {
    const { tally } = this.#call.channel;
    if (step === 'begin') {
      tally.hedges++;
      this.#call.beginAttempt(now);
      return;
    }
    if (this.#hedge.isSuppressed) tally.retriesSuppressed++;
    if (step === 'wait') this.#watch(now);
    else if (this.#lastFailure !== undefined) {
      const { failure, metadata } = this.#lastFailure;
      this.#call.giveUp(this.#call.errorOf(failure, metadata));
    }
  }

  #watch(now: number): void {
    const { timers } = this.#call.channel;
    timers.remove(this);
    this.dueAt = this.#hedge.dueAt;
    if (this.dueAt < Infinity) timers.add(this, now);
  }

  #giveUp(attempt: Attempt, code: ResetCode): void {
    this.attempts.delete(attempt);
    this.#call.channel.giveUp(attempt, code);
  }
}
