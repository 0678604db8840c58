/**
 * Randomness of the operating system for the floors above. Unguessable bytes are drawn from it in pages, since one draw
 * costs the same for 8 bytes as for a page; each byte is handed out once and erased from the page.
 */
import { randomFillSync } from 'node:crypto';
import { type Random } from '../base/random.js';

export class RealRandom implements Random {
  readonly #page = new Uint8Array(PAGE_BYTES);
  #used = PAGE_BYTES;

  bytes(length: number): Uint8Array {
    if (length > PAGE_BYTES) return randomFillSync(new Uint8Array(length));
    if (this.#used + length > PAGE_BYTES) {
      randomFillSync(this.#page);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    const bytes = this.#page.slice(start, this.#used);
    this.#page.fill(0, start, this.#used);
    return bytes;
  }

  /** Only spreads things out (jitter, sampling); nothing that must be unguessable is made of it. */
  fraction(): number {
    return Math.random();
  }
}

const PAGE_BYTES = 4_096;
