/**
 * What the round trip to a target was, for its next connection: with it a lost hello is sent again after what the path
 * takes and not after a guess made for the whole world (RFC 9002 §6.2.2 allows it on the same network). It is only a
 * beginning, so it need not be right: bounded, and forgotten when it is old.
 */
import { type TransportStats } from '../stream-transport.js';

export class RttMemory {
  #rttMs: number | undefined;
  #seenAt = -Infinity;

  /** Of a connection that ends, or that is about to have a successor. */
  remember({ smoothedRttMs, lastReceivedAgoMs }: TransportStats, now: number): void {
    const seenAt = now - lastReceivedAgoMs;
    if (smoothedRttMs === undefined || seenAt < this.#seenAt) return;
    this.#rttMs = smoothedRttMs;
    this.#seenAt = seenAt;
  }

  /** Undefined: nothing is known that could be trusted still. */
  initialRttMs(now: number): number | undefined {
    if (this.#rttMs === undefined || now - this.#seenAt > MAX_AGE_MS) return undefined;
    return Math.min(Math.max(this.#rttMs, MIN_INITIAL_RTT_MS), MAX_INITIAL_RTT_MS);
  }
}

/** A laptop has changed its network often by then. */
const MAX_AGE_MS = 600_000;
/** The answer to a hello takes more than a round trip: keys are agreed on, and a server may just have started. */
const MIN_INITIAL_RTT_MS = 5;
/** A path that was ever so congested must not make us wait longer than this for the second try. */
const MAX_INITIAL_RTT_MS = 1_000;
