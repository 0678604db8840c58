/**
 * The packets declared lost of late, by number, so that a late ACK for one of them is noticed: that loss was spurious.
 * Loss detection goes upwards, so the numbers come in rising order. Bounded: the oldest are forgotten first.
 */
export class LostPacketMemory {
  private readonly limit: number;
  private readonly numbers: number[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  get count(): number {
    return this.numbers.length;
  }

  remember(packetNumber: number): void {
    if (this.numbers.length === this.limit) this.numbers.shift();
    this.numbers.push(packetNumber);
  }

  /**
   * Forgets those that the ranges of an ACK (flat, descending) contain. Returns the smallest of them, which was
   * overtaken by most, or undefined when there was none.
   */
  takeAcknowledged(ranges: readonly number[]): number | undefined {
    let smallestTaken: number | undefined;
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      const oldest = this.numbers[0];
      const largest = ranges[i + 1] ?? 0;
      if (oldest === undefined || largest < oldest) break;
      const from = this.indexAtOrAbove(ranges[i] ?? 0);
      const to = this.indexAtOrAbove(largest + 1);
      if (from < to) smallestTaken = this.numbers.splice(from, to - from)[0];
    }
    return smallestTaken;
  }

  clear(): void {
    this.numbers.length = 0;
  }

  private indexAtOrAbove(packetNumber: number): number {
    let low = 0;
    let high = this.numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.numbers[middle] ?? 0) < packetNumber) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
