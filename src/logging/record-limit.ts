/**
 * How many records of one event a second has, so that nobody who can cause them fills a disk. What is left out is counted, and
 * the count is told with the next record that is not.
 */
export class RecordLimit {
  readonly #perSecond: number;
  #secondBegan = -Infinity;
  #count = 0;
  #suppressedCount = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many were left out before this one; undefined: so is this one. `now` in ms, of a clock that is never set. */
  take(now: number): number | undefined {
    if (now - this.#secondBegan >= 1_000) {
      this.#secondBegan = now;
      this.#count = 0;
    }
    if (this.#count >= this.#perSecond) {
      this.#suppressedCount++;
      return undefined;
    }
    this.#count++;
    const suppressed = this.#suppressedCount;
    this.#suppressedCount = 0;
    return suppressed;
  }
}
