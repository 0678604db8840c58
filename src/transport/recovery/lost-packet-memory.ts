/**
 * The packets of one space that were declared lost of late, so that a late ACK for one of them is noticed: that loss
 * was spurious. Loss detection goes upwards, so the numbers come in rising order. Bounded: the oldest are forgotten
 * first; a peer that drops what is far behind its largest number (PROTOCOL [PKN-4]) will not acknowledge them anyway.
 */
export class LostPacketMemory {
  private readonly limit: number;
  private readonly numbers: number[] = [];
  /** When each was sent. */
  private readonly times: number[] = [];
  private episodeStart = 0;
  private readonly found = { count: 0, ofEpisode: 0, smallest: 0, earliestSentAt: 0 };

  constructor(limit: number) {
    this.limit = limit;
  }

  get count(): number {
    return this.numbers.length;
  }

  remember(packetNumber: number, sentAt: number): void {
    if (this.numbers.length === this.limit) {
      this.numbers.shift();
      this.times.shift();
    }
    this.numbers.push(packetNumber);
    this.times.push(sentAt);
  }

  /** What is remembered from now on is of another loss episode. */
  startEpisode(): void {
    this.episodeStart = (this.numbers[this.numbers.length - 1] ?? -1) + 1;
  }

  /**
   * Forgets those that the ranges of an ACK (flat, descending) contain, and says which they were; undefined when there
   * was none. Both are sorted: one walk down through the two.
   */
  takeAcknowledged(ranges: readonly number[]): FoundPackets | undefined {
    const { numbers, found } = this;
    found.count = 0;
    found.ofEpisode = 0;
    found.earliestSentAt = Infinity;
    let behind = numbers.length;
    for (let i = 0; i + 1 < ranges.length && behind > 0; i += 2) {
      behind = this.countUpTo(ranges[i + 1] ?? 0, behind);
      const from = this.countUpTo((ranges[i] ?? 0) - 1, behind);
      if (from < behind) this.take(from, behind);
      behind = from;
    }
    return found.count === 0 ? undefined : found;
  }

  clear(): void {
    this.numbers.length = 0;
    this.times.length = 0;
  }

  private take(from: number, behind: number): void {
    const { numbers, times, found } = this;
    for (let i = from; i < behind; i++) {
      if ((numbers[i] ?? 0) >= this.episodeStart) found.ofEpisode += 1;
      found.earliestSentAt = Math.min(found.earliestSentAt, times[i] ?? 0);
    }
    found.count += behind - from;
    // The ranges descend: the last that is found is the smallest.
    found.smallest = numbers[from] ?? 0;
    numbers.splice(from, behind - from);
    times.splice(from, behind - from);
  }

  /** How many of the first `behind` are at most `packetNumber`. */
  private countUpTo(packetNumber: number, behind: number): number {
    let count = behind;
    while (count > 0 && (this.numbers[count - 1] ?? 0) > packetNumber) count -= 1;
    return count;
  }
}

/** Valid until the next call that gives one. */
export interface FoundPackets {
  readonly count: number;
  /** Those of the present loss episode. */
  readonly ofEpisode: number;
  /** Its number: it was overtaken by most. */
  readonly smallest: number;
  readonly earliestSentAt: number;
}
