/**
 * How long a round trip takes and how much that varies [REC-4] (RFC 9002 §5). It owns the arithmetic only: which ACK
 * gives a sample is recovery's decision. Before the first sample everything is derived from the initial RTT, so that
 * no reader needs to ask whether there is one.
 */
export class RttEstimator {
  private readonly initialRttMs: number;
  private firstSample: number | undefined;
  private latest = 0;
  private smoothed = 0;
  private variance = 0;
  private min = 0;

  constructor(initialRttMs: number) {
    this.initialRttMs = initialRttMs;
    this.reset();
  }

  get latestRtt(): number {
    return this.latest;
  }

  get smoothedRtt(): number {
    return this.smoothed;
  }

  get rttVariance(): number {
    return this.variance;
  }

  get minRtt(): number {
    return this.min;
  }

  get hasSample(): boolean {
    return this.firstSample !== undefined;
  }

  /** When the first sample was taken: losses of earlier packets say nothing about persistent congestion. */
  get firstSampleAt(): number | undefined {
    return this.firstSample;
  }

  /** A round trip of `latestRtt` ms, of which the peer says it waited `ackDelay` ms before it answered. */
  update(latestRtt: number, ackDelay: number, now: number): void {
    this.latest = latestRtt;
    if (this.firstSample === undefined) {
      this.firstSample = now;
      this.min = this.latest;
      this.smoothed = this.latest;
      this.variance = this.latest / 2;
      return;
    }
    this.min = Math.min(this.min, this.latest);
    // RFC 9002 §5.3: a delay that would bring the sample below the smallest RTT seen is not believed.
    const adjusted = this.latest >= this.min + ackDelay ? this.latest - ackDelay : this.latest;
    this.variance = 0.75 * this.variance + 0.25 * Math.abs(this.smoothed - adjusted);
    this.smoothed = 0.875 * this.smoothed + 0.125 * adjusted;
  }

  /** As before the first sample: at the beginning, and on a new path. */
  reset(): void {
    this.firstSample = undefined;
    this.latest = this.initialRttMs;
    this.smoothed = this.initialRttMs;
    // RFC 9002 §6.2.2: half the initial RTT, so the first PTO is three of them.
    this.variance = this.initialRttMs / 2;
    this.min = this.initialRttMs;
  }

  /** The path may have become another one: the smallest RTT starts again from the newest (RFC 9002 §5.2). */
  onPersistentCongestion(): void {
    if (this.hasSample) this.min = this.latest;
  }

  /** How long to wait for an ACK before probing, without backoff (RFC 9002 §6.2.1). */
  ptoPeriod(maxAckDelayMs: number): number {
    return this.smoothed + Math.max(4 * this.variance, GRANULARITY_MS) + maxAckDelayMs;
  }
}

/** RFC 9002 §6.1.2, kGranularity: what a timer can be trusted with. */
export const GRANULARITY_MS = 1;
