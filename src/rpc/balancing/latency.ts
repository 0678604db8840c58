/**
 * What a server's answers take: a mean that jumps up to a longer one at once and comes down over seconds ("peak EWMA" of
 * Finagle), so that a server that has become slow is spared from its first slow answer on.
 */
export class Latency {
  #meanMs: number | undefined;
  #at = 0;

  /** Undefined before the first. */
  get meanMs(): number | undefined {
    return this.#meanMs;
  }

  onAnswer(latencyMs: number, now: number): void {
    const mean = this.#meanMs;
    const kept = Math.exp((this.#at - now) / FALL_MS);
    this.#meanMs = mean === undefined || latencyMs > mean ? latencyMs : mean * kept + latencyMs * (1 - kept);
    this.#at = now;
  }
}

const FALL_MS = 10_000;
