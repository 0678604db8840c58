/** Randomness that a test decides: fractions from a list, then always 0.5; bytes that are the same in every run. */
import { type Random } from '../../src/base/random.js';

export class ScriptedRandom implements Random {
  readonly fractions: number[] = [];
  #arrays = 0;

  /** Each array is filled with its own number, from 1. */
  bytes(length: number): Uint8Array {
    return new Uint8Array(length).fill(++this.#arrays);
  }

  fraction(): number {
    return this.fractions.shift() ?? 0.5;
  }
}
