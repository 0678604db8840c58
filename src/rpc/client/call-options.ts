/**
 * What a caller may ask of a call: nice-grpc's call options and udprpc's own, each with its default. A call's options
 * come in two layers, the client's defaults and the call's own; `mergeCallOptions` lays the second over the first. What
 * cannot be is refused with a RangeError that names the option: where the client is made, or by the call itself.
 */
import { type Metadata, type MethodDescriptor, Status } from 'nice-grpc-common';
import { checkNumbers, type NumberRule, type NumberRules, withDefaults } from '../../base/number-options.js';
import { type ResolvedHedge } from './hedge.js';

/** What every call accepts, and `createClient` for all calls of a client. */
export interface RpcCallOptions {
  /**
   * How long the whole call may take, all attempts and waiting included. Default 30,000, and none for streaming calls;
   * Infinity for no limit.
   */
  readonly timeoutMs?: number | undefined;
  /** The same as an instant, or, as a number, as milliseconds from now. The earlier one counts where both are given. */
  readonly deadline?: Date | number | undefined;
  /**
   * How long one attempt may take from its first byte until its answer, or the first message of it, before it is given
   * up for the next. Default: no limit.
   */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * Streaming calls: how long one may be without a message in either direction before it ends DEADLINE_EXCEEDED. Default:
   * 600,000 without a deadline, else no limit; Infinity for no limit.
   */
  readonly idleTimeoutMs?: number | undefined;
  /** Cancels the call, which then rejects with an RpcError CANCELLED whose name is `AbortError`. */
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Metadata | undefined;
  /** Of channels whose policy is `consistent_hash`: calls with the same key go to the same server. Default: none. */
  readonly hashKey?: string | undefined;
  /**
   * Default true: failed attempts are made again where that cannot run a method twice that must not run twice.
   * False: one attempt.
   */
  readonly retry?: boolean | RetryOptions | undefined;
  /**
   * Unary methods with `idempotency_level = NO_SIDE_EFFECTS` only: another attempt beside the one that has had no answer
   * for `delayMs`; the first answer counts, the others are cancelled. In the place of `retry`, of which only `codes` is
   * still asked. Default false; true: one more after 50 ms. Costs the server what it saves the slowest calls.
   */
  readonly hedge?: boolean | HedgeOptions | undefined;
  /**
   * Inside a handler of this process: the call ends by that handler's deadline and is cancelled with it. Default: the
   * channel's `inherit`, which is true. False: the call goes its own way, and may outlive the one that made it.
   */
  readonly inherit?: boolean | undefined;
  /** A larger request fails before it is sent. Default: the channel's, 4 MiB. */
  readonly maxSendMessageBytes?: number | undefined;
  /** A larger response is refused before it is buffered. Default: the channel's, 4 MiB. */
  readonly maxReceiveMessageBytes?: number | undefined;
  /**
   * Wait, until the deadline, for a server that completes a handshake, however often none does. Default false: fail with
   * UNAVAILABLE. What it costs: such a call never rides in the first flight of a connection.
   */
  readonly waitForReady?: boolean | undefined;
  /** Called as soon as an attempt's header is there; again when that attempt fails and the next one brings its own. */
  readonly onHeader?: ((header: Metadata) => void) | undefined;
  /** Called with the trailer of the attempt that decided the call. */
  readonly onTrailer?: ((trailer: Metadata) => void) | undefined;
}

/** Attempts after one that has failed. */
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

/** Attempts beside one that is slow. */
export interface HedgeOptions {
  /** In all, the first one included, 2 to 5. Default 2. */
  readonly attempts?: number | undefined;
  /** How long after each of them the next is made; at once when one fails. Default 50. */
  readonly delayMs?: number | undefined;
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
  checkNumbers<NumberOptions>(options, NUMBER_RULES, `${name}.`);
  checkRetry(options?.retry, `${name}.retry`);
  checkHedge(options?.hedge, `${name}.hedge`);
  checkInherit(options?.inherit, `${name}.inherit`);
  checkHashKey(options?.hashKey, `${name}.hashKey`);
}

/**
 * Of one call, merged: `deadline` and `timeoutMs` apart, which may lie in the past and are checked where they are read.
 * Throws RangeError. A call that has none of these options costs a few comparisons.
 */
export function checkCallOptions(options: RpcCallOptions, method: MethodDescriptor): void {
  if (options.retry !== undefined) checkRetry(options.retry, 'retry');
  if (options.hashKey !== undefined) checkHashKey(options.hashKey, 'hashKey');
  if (options.inherit !== undefined) checkInherit(options.inherit, 'inherit');
  if (options.hedge !== undefined) {
    checkHedge(options.hedge, 'hedge');
    checkHedgedMethod(options.hedge, method, 'hedge');
  }
  if (
    options.maxSendMessageBytes !== undefined ||
    options.maxReceiveMessageBytes !== undefined ||
    options.idleTimeoutMs !== undefined
  ) {
    checkNumbers<OwnNumberOptions>(options, OWN_NUMBER_RULES);
  }
}

/** Two of them may run at the same time, so running twice must not only do no harm, but do nothing at all. */
export function mayHedge({ requestStream, responseStream, options }: MethodDescriptor): boolean {
  return !requestStream && !responseStream && options.idempotencyLevel === 'NO_SIDE_EFFECTS';
}

/** Throws RangeError where the method is none that may be hedged, and hedging is asked for. */
export function checkHedgedMethod(
  hedge: RpcCallOptions['hedge'],
  method: MethodDescriptor,
  name: string,
): void {
  if (hedge === undefined || hedge === false || mayHedge(method)) return;
  throw new RangeError(
    `${name} is for unary methods with idempotency_level = NO_SIDE_EFFECTS: ${method.path} is none`,
  );
}

/** Throws RangeError. */
export function checkInherit(inherit: unknown, name: string): void {
  if (inherit === undefined || typeof inherit === 'boolean') return;
  throw new RangeError(`${name} is ${JSON.stringify(inherit)}: it takes true or false`);
}

/** Throws RangeError. */
function checkHashKey(hashKey: unknown, name: string): void {
  if (hashKey === undefined || typeof hashKey === 'string') return;
  throw new RangeError(`${name} is ${JSON.stringify(hashKey)}: it takes a string`);
}

/** Throws RangeError. */
function checkHedge(hedge: RpcCallOptions['hedge'], name: string): void {
  if (typeof hedge === 'boolean') return;
  checkObject(hedge, name, 'true, false or an object of hedge options');
  checkNumbers(hedge, HEDGE_RULES, `${name}.`);
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

/** Undefined: the call is not hedged. */
export function resolveHedge(hedge: boolean | HedgeOptions | undefined): ResolvedHedge | undefined {
  if (hedge === undefined || hedge === false) return undefined;
  return hedge === true ? DEFAULT_HEDGE : withDefaults(DEFAULT_HEDGE, hedge);
}

const DEFAULT_RETRY: ResolvedRetry = {
  attempts: 4,
  initialDelayMs: 50,
  factor: 2,
  maxDelayMs: 2_000,
  codes: [Status.UNAVAILABLE],
};

/** Twice the load at the worst; the delay is far above a loopback's or a data centre's round trip. */
const DEFAULT_HEDGE: ResolvedHedge = { attempts: 2, delayMs: 50 };

type OwnNumberOptions = Pick<
  RpcCallOptions,
  'idleTimeoutMs' | 'maxSendMessageBytes' | 'maxReceiveMessageBytes'
>;

type NumberOptions = OwnNumberOptions & Pick<RpcCallOptions, 'timeoutMs' | 'attemptTimeoutMs'>;

/** Shorter than 1 ms would end a call before its first message. */
export const IDLE_TIMEOUT_RULE: NumberRule = { min: 1, unit: 'ms' };

const OWN_NUMBER_RULES: NumberRules<OwnNumberOptions> = {
  idleTimeoutMs: IDLE_TIMEOUT_RULE,
  maxSendMessageBytes: { min: 0, unit: 'bytes' },
  maxReceiveMessageBytes: { min: 0, unit: 'bytes' },
};

const NUMBER_RULES: NumberRules<NumberOptions> = {
  timeoutMs: { min: 0, unit: 'ms' },
  attemptTimeoutMs: { min: 0, unit: 'ms' },
  ...OWN_NUMBER_RULES,
};

/** A timer of Node holds no more. */
const PAUSE = { min: 0, max: 2_147_483_647, unit: 'ms' };

const RETRY_RULES: NumberRules<RetryOptions> = {
  attempts: { min: 1, isWhole: true },
  initialDelayMs: PAUSE,
  factor: { min: 1 },
  maxDelayMs: PAUSE,
};

/** 5 as in gRPC: more would be no help any more, but a flood. */
const HEDGE_RULES: NumberRules<HedgeOptions> = {
  attempts: { min: 2, max: 5, isWhole: true },
  delayMs: PAUSE,
};

const NO_RETRY: ResolvedRetry = { ...DEFAULT_RETRY, attempts: 1 };

const NO_OPTIONS: RpcCallOptions = {};
