/**
 * From what a caller says about time to the one instant that counts, on the monotonic clock. A `Date` is read against
 * wall-clock time once, here; a clock that is set later does not move the deadline.
 */
import { type ParentCall } from '../call-scope.js';
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

/** What is left of a deadline inside another call: a call is of no use to a parent that has no time any more. */
export function withinParent(deadlineAt: number, parent: ParentCall | undefined): number {
  return parent === undefined ? deadlineAt : Math.min(deadlineAt, parent.deadlineAt);
}

/**
 * How long a streaming call may be without a message in either direction; Infinity: forever. The default is for calls
 * that would else have no end: one with a deadline has an idle timeout only when it asks for it.
 */
export function idleTimeoutOf(
  options: RpcCallOptions,
  deadlineAt: number,
  defaultIdleTimeoutMs: number,
): number {
  return options.idleTimeoutMs ?? (deadlineAt < Infinity ? Infinity : defaultIdleTimeoutMs);
}

/** When nobody says anything: every call ends. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** Of streaming calls without deadline, when nobody says anything: long enough for those who watch for rare events. */
export const DEFAULT_IDLE_TIMEOUT_MS = 600_000;

/** When a middleware has taken the deadline upon itself: only so that the call ends even if it forgets. */
export const FALLBACK_TIMEOUT_MS = 600_000;
