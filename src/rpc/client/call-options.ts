/**
 * What a caller may ask of a call: nice-grpc's call options and udprpc's own, each with its default. A call's options
 * come in two layers, the client's defaults and the call's own; `mergeCallOptions` lays the second over the first.
 */
import { type Metadata, Status } from 'nice-grpc-common';
import { checkNumbers, type NumberRules } from '../../base/number-options.js';

export interface RpcCallOptions {
  /** How long the whole call may take, all attempts and waiting included. Default 30,000; Infinity for no limit. */
  readonly timeoutMs?: number | undefined;
  /** The same as an instant, or, as a number, as milliseconds from now. The earlier one counts where both are given. */
  readonly deadline?: Date | number | undefined;
  /**
   * Of streaming calls, which have no deadline unless one is given: for how long there may be no message in either
   * direction before the call ends with DEADLINE_EXCEEDED. Default: the channel's `streamIdleTimeoutMs`, 600,000.
   */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * How long one attempt may take from its first byte until its answer, or the first message of it, before it is given
   * up for the next. Default: no limit.
   */
  readonly attemptTimeoutMs?: number | undefined;
  /** Cancels the call, which then rejects with an RpcError CANCELLED whose name is `AbortError`. */
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Metadata | undefined;
  /**
   * Default true: failed attempts are made again where that cannot run a method twice that must not run twice.
   * False: one attempt.
   */
  readonly retry?: boolean | RetryOptions | undefined;
  /** Keep waiting, until the deadline, when no connection can be made. Default false: fail with UNAVAILABLE. */
  readonly waitForReady?: boolean | undefined;
  /** Called as soon as an attempt's header is there; again when that attempt fails and the next one brings its own. */
  readonly onHeader?: ((header: Metadata) => void) | undefined;
  /** Called with the trailer of the attempt that decided the call. */
  readonly onTrailer?: ((trailer: Metadata) => void) | undefined;
}

export interface RetryOptions {
  /** In all, the first one included. Default 4. */
  readonly attempts?: number | undefined;
  /** The longest pause before the second attempt; the pause is random between 0 and that. Default 50. */
  readonly initialDelayMs?: number | undefined;
  /** By how much the longest pause grows from attempt to attempt. Default 2. */
  readonly factor?: number | undefined;
  /** Where it stops to grow. Default 2,000. */
  readonly maxDelayMs?: number | undefined;
  /** Which failures are worth another attempt. Default: UNAVAILABLE. An attempt that took too long always is. */
  readonly codes?: readonly Status[] | undefined;
}

export interface ResolvedRetry {
  readonly attempts: number;
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  readonly codes: readonly Status[];
}

/** Options that are undefined count as not given; a call's own deadline replaces the defaults' in either form. */
export function mergeCallOptions(
  defaults: RpcCallOptions | undefined,
  own: RpcCallOptions | undefined,
): RpcCallOptions {
  if (own === undefined) return defaults ?? NO_OPTIONS;
  if (defaults === undefined) return own;
  const merged: Record<string, unknown> = { ...defaults };
  if (own.timeoutMs !== undefined || own.deadline !== undefined) {
    delete merged['timeoutMs'];
    delete merged['deadline'];
  }
  // All keys, not only ours: options of middleware travel in the same object.
  for (const [key, value] of Object.entries(own)) {
    if (value !== undefined) merged[key] = value;
  }
  return merged;
}

/** Of what is given once for many calls, under `name`. Throws RangeError for the first that cannot be. */
export function checkDefaultCallOptions(options: RpcCallOptions | undefined, name: string): void {
  checkObject(options, name, 'an object of call options');
  checkNumbers<TimeOptions>(options, TIME_RULES, `${name}.`);
  checkRetry(options?.retry, `${name}.retry`);
}

/** Throws RangeError. */
export function checkRetry(retry: RpcCallOptions['retry'], name: string): void {
  if (typeof retry === 'boolean') return;
  checkObject(retry, name, 'true, false or an object of retry options');
  checkNumbers(retry, RETRY_RULES, `${name}.`);
}

/** Not everybody who calls has a compiler: null is an object to JavaScript. */
function checkObject(value: unknown, name: string, takes: string): void {
  if (value === undefined || (typeof value === 'object' && value !== null)) return;
  throw new RangeError(`${name} is ${JSON.stringify(value)}: it takes ${takes}`);
}

export function resolveRetry(retry: boolean | RetryOptions | undefined): ResolvedRetry {
  if (retry === false) return NO_RETRY;
  if (retry === undefined || retry === true) return DEFAULT_RETRY;
  return {
    attempts: retry.attempts ?? DEFAULT_RETRY.attempts,
    initialDelayMs: retry.initialDelayMs ?? DEFAULT_RETRY.initialDelayMs,
    factor: retry.factor ?? DEFAULT_RETRY.factor,
    maxDelayMs: retry.maxDelayMs ?? DEFAULT_RETRY.maxDelayMs,
    codes: retry.codes ?? DEFAULT_RETRY.codes,
  };
}

const DEFAULT_RETRY: ResolvedRetry = {
  attempts: 4,
  initialDelayMs: 50,
  factor: 2,
  maxDelayMs: 2_000,
  codes: [Status.UNAVAILABLE],
};

type TimeOptions = Pick<RpcCallOptions, 'timeoutMs' | 'idleTimeoutMs' | 'attemptTimeoutMs'>;

const TIME_RULES: NumberRules<TimeOptions> = {
  timeoutMs: { min: 0, unit: 'ms' },
  idleTimeoutMs: { min: 0, unit: 'ms' },
  attemptTimeoutMs: { min: 0, unit: 'ms' },
};

/** A timer of Node holds no more. */
const PAUSE = { min: 0, max: 2_147_483_647, unit: 'ms' };

const RETRY_RULES: NumberRules<RetryOptions> = {
  attempts: { min: 1, isWhole: true },
  initialDelayMs: PAUSE,
  factor: { min: 1 },
  maxDelayMs: PAUSE,
};

const NO_RETRY: ResolvedRetry = { ...DEFAULT_RETRY, attempts: 1 };

const NO_OPTIONS: RpcCallOptions = {};
