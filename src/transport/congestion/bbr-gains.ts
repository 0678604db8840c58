/** The states of BBR (draft-ietf-ccwg-bbr §3.3) and the gains that make them (§5.6.1). */

export type BbrState = 'startup' | 'drain' | 'down' | 'cruise' | 'refill' | 'up' | 'probeRtt';

/** Of the bandwidth. */
export const PACING_GAIN: Readonly<Record<BbrState, number>> = {
  startup: 2.77,
  drain: 0.5,
  down: 0.9,
  cruise: 1,
  refill: 1,
  up: 1.25,
  probeRtt: 1,
};

/**
 * Of the bandwidth-delay product.
 * Deviation: 1.5 where the draft has 2. With two of them in flight a flow keeps its rate beside loss-based ones however
 * full the queue is; with this much it gives way while they fill more than half a product of it. Measured on a link of
 * 100 Mbit/s and 40 ms with one product of queue, beside CUBIC: 4 to 14 times its rate with 2, 0.9 to 1.0 with 1.5.
 */
export const WINDOW_GAIN: Readonly<Record<BbrState, number>> = {
  startup: 2,
  drain: 2,
  down: 1.5,
  cruise: 1.5,
  refill: 1.5,
  up: 1.75,
  probeRtt: 0.5,
};
