/**
 * Randomness of the simulator: xoshiro128** seeded through splitmix32, so that a seed gives the same run on every
 * machine. `fork` makes an independent source for each purpose: drawing more for one does not shift what another draws,
 * so that a failing seed fails the same way after a scenario has gained a dimension.
 * Not for secrets. Source of both generators: Blackman and Vigna, prng.di.unimi.it.
 */
import { assert } from '../base/assert.js';
import { type Random } from '../base/random.js';

export class SeededRandom implements Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** `seed`: a non-negative safe integer. */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed) && seed >= 0, 'a seed is a non-negative safe integer');
    this.#seed = seed;
    let state = (seed ^ Math.imul(Math.floor(seed / UINT32), 0x85ebca6b)) >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** An independent source, the same for the same seed and purpose, whatever was drawn from this one. */
  fork(purpose: string): SeededRandom {
    let hash = 0x811c9dc5;
    for (let index = 0; index < purpose.length; index++) {
      hash = Math.imul(hash ^ purpose.charCodeAt(index), 0x01000193);
    }
    const low = (Math.imul(hash ^ (this.#seed % UINT32), 0xcc9e2d51) ^ (this.#seed >>> 7)) >>> 0;
    const high = ((hash >>> 11) ^ Math.floor(this.#seed / UINT32)) & 0x1fffff;
    return new SeededRandom(high * UINT32 + low);
  }

  /** Uniform over 0..2^32-1. */
  uint32(): number {
    const times5 = Math.imul(this.#b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  fraction(): number {
    return (this.uint32() * 2_097_152 + (this.uint32() >>> 11)) / 2 ** 53;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let word = 0;
    for (let index = 0; index < length; index++) {
      word = (index & 3) === 0 ? this.uint32() : word >>> 8;
      bytes[index] = word;
    }
    return bytes;
  }

  /** True with the given probability. Draws even when the answer is certain, so that 0 and 1 do not shift what follows. */
  chance(probability: number): boolean {
    return this.uint32() < probability * UINT32;
  }

  /** A whole number, uniform over [low, high]. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  /** A number, uniform over [low, high). */
  within(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** A whole number over [low, high], each order of magnitude equally likely; `low` may be 0. */
  logUniform(low: number, high: number): number {
    const drawn = Math.exp(this.within(Math.log(low + 1), Math.log(high + 2))) - 1;
    return Math.min(high, Math.max(low, Math.floor(drawn)));
  }

  pick<T>(choices: readonly T[]): T {
    const index = this.between(0, choices.length - 1);
    assert(index < choices.length, 'something to pick from');
    return choices[index] as T;
  }
}

const UINT32 = 2 ** 32;
