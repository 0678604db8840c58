/**
 * From what a caller says about time to the one instant that counts, on the monotonic clock. A `Date` is read against
 * wall-clock time once, here; a clock that is set later does not move the deadline.
 */
import { type RpcEnvironment } from '../rpc-environment.js';
import { type RpcCallOptions } from './call-options.js';

/** Infinity: none. NaN: what was given is not a time. */
export function deadlineOf(
  options: RpcCallOptions,
  defaultTimeoutMs: number,
  environment: RpcEnvironment,
  now: number,
): number {
  const { timeoutMs, deadline } = options;
  if (timeoutMs === undefined && deadline === undefined) return now + defaultTimeoutMs;
  let deadlineMs = Infinity;
  if (deadline !== undefined) {
    deadlineMs = typeof deadline === 'number' ? deadline : deadline.getTime() - environment.wallTime();
  }
  return now + Math.min(timeoutMs ?? Infinity, deadlineMs);
}

/** When nobody says anything: every call ends. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** How long a stream may be silent when nobody says anything: long enough for those who watch for rare events. */
export const DEFAULT_STREAM_IDLE_TIMEOUT_MS = 600_000;

/** When a middleware has taken the deadline upon itself: only so that the call ends even if it forgets. */
export const FALLBACK_TIMEOUT_MS = 600_000;
