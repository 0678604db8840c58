/**
 * NewReno (RFC 9002 §7): slow start, then one datagram more per window acknowledged, half on loss. A loss of packets
 * sent before the last cut was known of is part of that cut, so the window is cut at most once per round trip.
 */
import { type AckSample, type CongestionController, type LossSample } from './congestion-controller.js';

export class NewReno implements CongestionController {
  readonly pacingRate = undefined;
  private maxDatagramSize: number;
  private windowBytes: number;
  private slowStartThreshold = Infinity;
  /** Packets sent up to then neither cut the window nor let it grow. */
  private recoveryStartedAt = -Infinity;
  /** Acknowledged in congestion avoidance since the window last grew. */
  private creditBytes = 0;

  constructor(options: NewRenoOptions) {
    this.maxDatagramSize = options.maxDatagramSize;
    this.windowBytes = Math.max(INITIAL_WINDOW_BYTES, this.minimumWindow());
  }

  get congestionWindow(): number {
    return this.windowBytes;
  }

  get isInSlowStart(): boolean {
    return this.windowBytes < this.slowStartThreshold;
  }

  onPacketSent(): void {
    // NewReno listens to answers only.
  }

  onAck(sample: AckSample): void {
    if (sample.isAppLimited || sample.largestSentAt <= this.recoveryStartedAt) return;
    if (this.isInSlowStart) {
      this.windowBytes += sample.ackedBytes;
      return;
    }
    this.creditBytes += sample.ackedBytes;
    while (this.creditBytes >= this.windowBytes) {
      this.creditBytes -= this.windowBytes;
      this.windowBytes += this.maxDatagramSize;
    }
  }

  onLoss(loss: LossSample, now: number): void {
    if (loss.largestSentAt > this.recoveryStartedAt) {
      this.recoveryStartedAt = now;
      this.creditBytes = 0;
      this.slowStartThreshold = Math.max(this.windowBytes * LOSS_REDUCTION, this.minimumWindow());
      this.windowBytes = this.slowStartThreshold;
    }
    if (loss.isPersistentCongestion) {
      // Deviation: RFC 9002 §B.8 ends the recovery period here. Then the rest of the same losses, found a moment later,
      // would cut again and take the slow start threshold down with the window, and with it the way back up.
      this.windowBytes = this.minimumWindow();
      this.recoveryStartedAt = now;
    }
  }

  onLossUndone(): void {
    // NewReno keeps no state from before a cut.
  }

  onMaxDatagramSize(bytes: number): void {
    this.maxDatagramSize = bytes;
    this.windowBytes = Math.max(this.windowBytes, this.minimumWindow());
  }

  reset(): void {
    this.windowBytes = Math.max(INITIAL_WINDOW_BYTES, this.minimumWindow());
    this.slowStartThreshold = Infinity;
    this.recoveryStartedAt = -Infinity;
    this.creditBytes = 0;
  }

  private minimumWindow(): number {
    return MINIMUM_WINDOW_DATAGRAMS * this.maxDatagramSize;
  }
}

export interface NewRenoOptions {
  /** Bytes of the largest datagram the path takes; follow changes with `onMaxDatagramSize`. */
  readonly maxDatagramSize: number;
}

/**
 * [CON-2] Deviation: 32 datagrams where RFC 9002 §7.2 has 10. Answers of RPC are short, and the pacer spreads the
 * first window over the first round trip, so that no queue meets them in one burst.
 */
const INITIAL_WINDOW_BYTES = 32 * 1_200;
/** RFC 9002 §7.2, kMinimumWindow. */
const MINIMUM_WINDOW_DATAGRAMS = 2;
/** RFC 9002 §7.3.2, kLossReductionFactor. */
const LOSS_REDUCTION = 0.5;
