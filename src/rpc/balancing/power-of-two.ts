/**
 * Of two servers drawn at random the one that is likely to answer sooner: attempts in flight, with this one, times what
 * an answer takes, by weight. Two draws are nearly as good as looking at all, and unlike the best of all they do not
 * send every client to the same server (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").
 */
import { type Random } from '../../base/random.js';
import { type PickableServer, type Policy } from './policy.js';

export class PowerOfTwo implements Policy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pick(servers: readonly PickableServer[]): PickableServer {
    const count = servers.length;
    const first = Math.floor(this.#random.fraction() * count);
    const one = servers[first] as PickableServer;
    if (count === 1) return one;
    const step = 1 + Math.floor(this.#random.fraction() * (count - 1));
    const other = servers[(first + step) % count] as PickableServer;
    // Nothing is known of a new one: it is taken to be as the other, so that their attempts in flight decide.
    const oneMs = one.latencyMs ?? other.latencyMs ?? 1;
    const otherMs = other.latencyMs ?? oneMs;
    return costOf(other, otherMs) < costOf(one, oneMs) ? other : one;
  }
}

function costOf({ inFlight, weight }: PickableServer, latencyMs: number): number {
  return ((inFlight + 1) * Math.max(latencyMs, MIN_LATENCY_MS)) / weight;
}

/** Below it differences are the clock's. */
const MIN_LATENCY_MS = 0.05;
