/**
 * Whether a client floods its server with calls that it opens only to cancel: too many a second, for several seconds in a
 * row [RPC-13]. Each costs the server a start and an end of a handler and the client nearly nothing (CVE-2023-44487).
 * Short bursts are honest: a page is left, a hundred pictures are not wanted any more.
 */
export class CancelMeter {
  readonly #perSecond: number;
  readonly #seconds: number;
  #secondBegan = -Infinity;
  #count = 0;
  /** Seconds in a row, up to the one that runs, that had too many. */
  #floodedSeconds = 0;

  constructor(perSecond: number, seconds: number) {
    this.#perSecond = perSecond;
    this.#seconds = seconds;
  }

  /** One more. True when it is a flood. */
  onCancel(now: number): boolean {
    const elapsedMs = now - this.#secondBegan;
    if (elapsedMs >= 1_000) {
      const isNext = elapsedMs < 2_000;
      this.#floodedSeconds = isNext && this.#count > this.#perSecond ? this.#floodedSeconds + 1 : 0;
      this.#secondBegan = isNext ? this.#secondBegan + 1_000 : now;
      this.#count = 0;
    }
    this.#count++;
    return this.#count > this.#perSecond && this.#floodedSeconds + 1 >= this.#seconds;
  }
}
