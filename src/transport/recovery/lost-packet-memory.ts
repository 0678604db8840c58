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
   * overtaken by most, or undefined when there was none. Both are sorted: one walk down through the two.
   */
  takeAcknowledged(ranges: readonly number[]): number | undefined {
    const { numbers } = this;
    let smallestTaken: number | undefined;
    let behind = numbers.length;
    for (let i = 0; i + 1 < ranges.length && behind > 0; i += 2) {
      behind = this.countUpTo(ranges[i + 1] ?? 0, behind);
      const from = this.countUpTo((ranges[i] ?? 0) - 1, behind);
      if (from < behind) smallestTaken = numbers.splice(from, behind - from)[0];
      behind = from;
    }
    return smallestTaken;
  }

  clear(): void {
    this.numbers.length = 0;
  }

  /** How many of the first `behind` are at most `packetNumber`. */
  private countUpTo(packetNumber: number, behind: number): number {
    let count = behind;
    while (count > 0 && (this.numbers[count - 1] ?? 0) > packetNumber) count -= 1;
    return count;
  }
}
