/**
 * How many bytes of an image may be asked for ahead of their arrival. It doubles with each round of chunks that come soon,
 * and grows faster when they come at once, so that the link's own start is never held back; it shrinks when they take long:
 * what was asked for shares the link, and a call must be answered within its deadline.
 */
export class AskBudget {
  readonly #maxBytes: number;
  #bytes: number;
  #shrunkAt = -Infinity;

  constructor(maxBytes: number) {
    this.#maxBytes = Math.max(maxBytes, MIN_BYTES);
    this.#bytes = Math.min(FIRST_BYTES, this.#maxBytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A part of the budget, so that several calls are under way and each is done soon; at most `largestBytes`. */
  chunkBytes(largestBytes: number): number {
    return Math.min(largestBytes, Math.max(MIN_CHUNK_BYTES, Math.floor(this.#bytes / CALLS_OF_A_BUDGET)));
  }

  onChunk(length: number, askedAt: number, now: number): void {
    const tookMs = now - askedAt;
    if (tookMs <= SOON_MS) {
      this.#set(this.#bytes + length * Math.min(Math.max(AT_ONCE_MS / tookMs, 1), MAX_GROWTH));
    } else if (tookMs > LATE_MS && askedAt > this.#shrunkAt) {
      // Those that were asked for before the budget shrank are as late as the one that shrank it.
      this.#shrunkAt = now;
      this.#set((this.#bytes * SOON_MS) / tookMs);
    }
  }

  #set(bytes: number): void {
    this.#bytes = Math.floor(Math.min(Math.max(bytes, MIN_BYTES), this.#maxBytes));
  }
}

/**
 * Nothing is known of the link yet, and the more comes at once the sooner a small image is done. But it must arrive within
 * one call's deadline: 30 s are enough above 8.7 kB/s.
 */
const FIRST_BYTES = 262_144;

/** However slow it is: 128 KiB within the 30 s that a call has by default are 4.4 kB/s. */
const MIN_BYTES = 131_072;

const MIN_CHUNK_BYTES = 32_768;
const CALLS_OF_A_BUDGET = 8;

/** A link that brings the first chunks in so little brings many more of them in time. */
const AT_ONCE_MS = 100;
const MAX_GROWTH = 8;

/** Well within the 30 s that a call has by default, also when the link becomes slower by half meanwhile. */
const SOON_MS = 4_000;
const LATE_MS = 8_000;
