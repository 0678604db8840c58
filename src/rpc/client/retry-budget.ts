/**
 * How much a channel may ask again, in all its calls together: a bucket of tokens (gRPC A6, "throttling retry attempts
 * and hedged RPCs"). Retries help against what is broken for a moment; against a server that drowns they are its weight
 * times `retry.attempts`. Failures take tokens, successes give some back, and what asks again does so only while more
 * than half of them are left. Failures of which the server certainly had no work are free, and never held back.
 */
import { Status } from 'nice-grpc-common';
import { checkNumbers, type NumberRules, withDefaults } from '../../base/number-options.js';

/** How much a channel may ask again, in all of its calls together. */
export interface RetryBudgetOptions {
  /**
   * What a full bucket holds; calls are made again while more than half is left. Default 1,000: 500 calls that are in
   * flight when a server dies may all be made again once.
   */
  readonly maxTokens?: number | undefined;
  /** What a call that succeeds gives back. Default 0.1: in the long run one further attempt for ten that succeed. */
  readonly tokenRatio?: number | undefined;
}

export class RetryBudget {
  readonly #maxTokens: number;
  readonly #tokenRatio: number;
  /** Further attempts are made above it. */
  readonly #floor: number;
  #tokens: number;

  /** `false`: without limit. Throws RangeError for options that cannot be, and names them after `name`. */
  constructor(options: RetryBudgetOptions | false = {}, name = 'retryBudget') {
    checkRetryBudget(options, name);
    const { maxTokens, tokenRatio } = withDefaults(DEFAULTS, options === false ? UNLIMITED : options);
    this.#maxTokens = this.#tokens = maxTokens;
    this.#tokenRatio = tokenRatio;
    this.#floor = options === false ? -Infinity : maxTokens / 2;
  }

  /** Enough is left for a retry or a hedge. */
  get hasRoom(): boolean {
    return this.#tokens > this.#floor;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** A call was answered with OK. */
  onSuccess(): void {
    this.#tokens = Math.min(this.#maxTokens, this.#tokens + this.#tokenRatio);
  }

  /**
   * An attempt failed in a way that is worth another one, whether that will be made or not. Returns whether the budget
   * allows it. `maybeExecuted`: the attempt's own; what certainly did not run is free, unless it says of the server that
   * it has too much to do (RESOURCE_EXHAUSTED).
   */
  onFailure(code: Status, maybeExecuted: boolean): boolean {
    if (!maybeExecuted && code !== Status.RESOURCE_EXHAUSTED) return true;
    // Asked before it pays: a bucket that is refilled to just above its half would else allow nothing.
    const isAllowed = this.hasRoom;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return isAllowed;
  }
}

/** To be put behind the details of the failure that was not tried again. */
export const BUDGET_SPENT = "not tried again: the channel's retryBudget is spent";

/** Not everybody who calls has a compiler. */
function checkRetryBudget(options: unknown, name: string): void {
  if (options === false) return;
  if (typeof options !== 'object' || options === null) {
    throw new RangeError(`${name} is ${JSON.stringify(options)}: it takes false or an object of its options`);
  }
  checkNumbers<RetryBudgetOptions>(options, RULES, `${name}.`);
}

const DEFAULTS = { maxTokens: 1_000, tokenRatio: 0.1 };

const UNLIMITED = { maxTokens: Infinity };

/** Above 1 a success would allow more than one attempt that fails: that is not a limit. */
const RULES: NumberRules<RetryBudgetOptions> = {
  maxTokens: { min: 1, max: 1_000_000 },
  tokenRatio: { min: 0, max: 1 },
};
