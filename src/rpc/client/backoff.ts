/**
 * The pause before something is tried again: exponential with full jitter, which spreads many clients that failed at the
 * same moment better than any fixed part would (Brooker, "Exponential Backoff And Jitter").
 */
import { type Random } from '../../base/random.js';

export interface Backoff {
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
}

/** `failures` so far, from 1. */
export function backoffDelayMs(backoff: Backoff, failures: number, random: Random): number {
  const longest = backoff.initialDelayMs * backoff.factor ** (failures - 1);
  return random.fraction() * Math.min(backoff.maxDelayMs, longest);
}
