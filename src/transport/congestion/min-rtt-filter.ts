/**
 * The smallest round trip of the last ten seconds (draft-ietf-ccwg-bbr §5.3.4.3), and whether it is time to look for it
 * with little in flight: when for five seconds no round trip came near the smallest, there was a queue all the time.
 */
export class MinRttFilter {
  private smallest = Infinity;
  private smallestAt = -Infinity;
  /** Smallest since the last probe, or since it was last confirmed. */
  private probed = Infinity;
  private probedAt = -Infinity;

  /** Infinity before the first sample. */
  get value(): number {
    return this.smallest;
  }

  /**
   * True when it is time to probe. `isSparse`: the packet was sent with so little in flight that its round trip is as
   * good as a probe's.
   */
  update(rttMs: number, isSparse: boolean, now: number): boolean {
    const hasExpired = now > this.probedAt + PROBE_RTT_INTERVAL_MS;
    const isProbeDue = hasExpired && !isSparse && this.probed !== Infinity;
    if (rttMs < this.probed || hasExpired) {
      this.probed = rttMs;
      this.probedAt = now;
    }
    if (this.probed <= this.smallest || now > this.smallestAt + MIN_RTT_WINDOW_MS) {
      this.smallest = this.probed;
      this.smallestAt = this.probedAt;
    }
    return isProbeDue;
  }

  /** A probe has ended: what it found is as good as it gets. */
  onProbed(now: number): void {
    this.probedAt = now;
  }

  reset(): void {
    this.smallest = this.probed = Infinity;
    this.smallestAt = this.probedAt = -Infinity;
  }
}

/** Draft §2.15: BBR.MinRTTFilterLen, BBR.ProbeRTTInterval. */
const MIN_RTT_WINDOW_MS = 10_000;
const PROBE_RTT_INTERVAL_MS = 5_000;
