/**
 * What `timeoutMs` of a Connect call means to Connect and to the call. Both hold it: the call, so that the server knows
 * its deadline and the error says what has happened, and Connect a little later, for the time that interceptors take.
 */
import { type RpcCallOptions } from '../index.js';

export interface TimeLimits {
  readonly callTime: Pick<RpcCallOptions, 'deadline' | 'timeoutMs'>;
  readonly connectTime: { readonly timeoutMs?: number };
}

/** As with Connect's own transports 0 or less is none, and undefined what is the default. */
export function timeLimits(timeoutMs: number | undefined): TimeLimits {
  if (timeoutMs === undefined) return { callTime: {}, connectTime: {} };
  if (timeoutMs <= 0) return { callTime: { timeoutMs: Infinity }, connectTime: {} };
  // A timer of Node would take a longer one for none at all, and fire.
  if (timeoutMs + GRACE_MS > MAX_TIMER_MS) return { callTime: { timeoutMs }, connectTime: {} };
  return {
    callTime: { deadline: new Date(Date.now() + timeoutMs) },
    connectTime: { timeoutMs: timeoutMs + GRACE_MS },
  };
}

/** Longer than timers are late on a busy machine. */
const GRACE_MS = 100;

const MAX_TIMER_MS = 2_147_483_647;
