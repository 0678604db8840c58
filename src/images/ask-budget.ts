/**
 * How many bytes of an image may be asked for ahead of their arrival. It doubles while chunks come soon, so that the link's
 * own start is never held back, and shrinks when they take long: what was asked for shares the link, and a call must be
 * answered within its deadline.
 */
export class AskBudget {
  readonly #maxBytes: number;
  #bytes = MIN_BYTES;
  #shrunkAt = -Infinity;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A part of the budget, so that several calls are under way and each is done soon; at most `largestBytes`. */
  chunkBytes(largestBytes: number): number {
    return Math.min(largestBytes, Math.max(MIN_CHUNK_BYTES, Math.floor(this.#bytes / CALLS_OF_A_BUDGET)));
  }

  /** The first chunk was asked for before anything was known of the link: it alone says what to begin with. */
  onFirst(length: number, askedAt: number, now: number): void {
    this.#set(length);
    this.onChunk(length, askedAt, now);
  }

  onChunk(length: number, askedAt: number, now: number): void {
    const tookMs = now - askedAt;
    if (tookMs <= SOON_MS) {
      this.#set(this.#bytes + length);
    } else if (tookMs > LATE_MS && askedAt > this.#shrunkAt) {
      // Those that were asked for before the budget shrank are as late as the one that shrank it.
      this.#shrunkAt = now;
      this.#set((this.#bytes * SOON_MS) / tookMs);
    }
  }

  #set(bytes: number): void {
    this.#bytes = Math.floor(Math.min(Math.max(bytes, MIN_BYTES), Math.max(this.#maxBytes, MIN_BYTES)));
  }
}

/** However slow it is: 128 KiB within the 30 s that a call has by default are 4.4 kB/s. */
const MIN_BYTES = 131_072;

const MIN_CHUNK_BYTES = 32_768;
const CALLS_OF_A_BUDGET = 8;

/** Well within the 30 s that a call has by default, also when the link becomes slower by half meanwhile. */
const SOON_MS = 4_000;
const LATE_MS = 8_000;
