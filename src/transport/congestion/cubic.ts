/**
 * CUBIC (RFC 9438) behind HyStart++: after a cut the window returns to where the loss was along a cubic of the time,
 * fast at first, flat around the old window, then ever faster; never slower than Reno would be. Beyond the RFC's words
 * it counts bytes and milliseconds. A loss of packets sent before the last cut belongs to that cut, so the window is
 * cut at most once per round trip; only ACKs of a sender that fills the window let it grow.
 */
import { type AckSample, type CongestionController, type LossSample } from './congestion-controller.js';
import { HyStart } from './hystart.js';

export class Cubic implements CongestionController {
  readonly pacingRate = undefined;
  private maxDatagramSize: number;
  private windowBytes: number;
  private slowStartThreshold = Infinity;
  private hystart = new HyStart();
  /** Packets sent up to then neither cut the window nor let it grow. */
  private recoveryStartedAt = -Infinity;
  /** Window before the last cut (cwnd_prior): where Reno's share of the growth becomes a whole datagram again. */
  private priorWindow = 0;
  /** Where the last loss was (W_max), a little lower while others take our share; 0 when nothing is known. */
  private maxWindow = 0;
  private epoch: Epoch | undefined;
  /** Up to then the time of the epoch has been counted. */
  private countedUntil = 0;
  private undo: BeforeCut | undefined;

  constructor(options: CubicOptions) {
    this.maxDatagramSize = options.maxDatagramSize;
    this.windowBytes = Math.max(INITIAL_WINDOW_BYTES, this.minimumWindow());
  }

  get congestionWindow(): number {
    return Math.floor(this.windowBytes);
  }

  get state(): 'slow_start' | 'congestion_avoidance' {
    return this.isInSlowStart ? 'slow_start' : 'congestion_avoidance';
  }

  get isInSlowStart(): boolean {
    return this.windowBytes < this.slowStartThreshold;
  }

  onPacketSent(bytes: number, bytesInFlight: number, now: number): void {
    // After a silence the curve goes on where it stopped (RFC 9438 §5.8): time without traffic found no room.
    if (bytesInFlight === bytes) this.skipTime(now);
  }

  onAck(sample: AckSample, now: number): void {
    const mayGrow =
      sample.largestSentAt > this.recoveryStartedAt && !sample.isAppLimited && this.wasWindowUsed(sample);
    if (!mayGrow) this.skipTime(now);
    else if (this.isInSlowStart) this.growInSlowStart(sample);
    else this.avoidCongestion(sample, now);
  }

  onLoss(loss: LossSample, now: number): void {
    if (loss.largestSentAt > this.recoveryStartedAt) this.cut(now);
    if (!loss.isPersistentCongestion) return;
    // Deviation: RFC 9002 §B.8 ends the recovery period here. Then the rest of the same losses, found a moment later,
    // would cut again and take the slow start threshold down with the window, and with it the way back up.
    this.windowBytes = this.minimumWindow();
    // RFC 9438 §4.8: what comes after begins where slow start ends.
    this.maxWindow = 0;
    this.recoveryStartedAt = now;
  }

  /** RFC 9438 §4.9: as if there had been no cut, unless the window has come further meanwhile. */
  onLossUndone(): void {
    const { undo } = this;
    this.undo = undefined;
    if (undo === undefined) return;
    // A real loss of what was sent before it still cuts.
    this.recoveryStartedAt = undo.recoveryStartedAt;
    if (this.windowBytes >= undo.windowBytes) return;
    this.windowBytes = Math.max(undo.windowBytes, this.minimumWindow());
    this.slowStartThreshold = undo.slowStartThreshold;
    this.priorWindow = undo.priorWindow;
    this.maxWindow = undo.maxWindow;
    // The cubic goes on from here: its time since the cut was not spent on that curve.
    this.epoch = undefined;
  }

  onMaxDatagramSize(bytes: number): void {
    this.maxDatagramSize = bytes;
    this.windowBytes = Math.max(this.windowBytes, this.minimumWindow());
    // The curve is one of datagrams.
    this.epoch = undefined;
  }

  reset(): void {
    this.windowBytes = Math.max(INITIAL_WINDOW_BYTES, this.minimumWindow());
    this.slowStartThreshold = Infinity;
    this.hystart = new HyStart();
    this.recoveryStartedAt = -Infinity;
    this.priorWindow = 0;
    this.maxWindow = 0;
    this.epoch = undefined;
    this.undo = undefined;
  }

  /** [CON-2] Half of it: a pacer that is the limit, and not the path, must not let the window run away. */
  private wasWindowUsed(sample: AckSample): boolean {
    const used = Math.max(sample.rate.inFlightAtSend, sample.priorBytesInFlight);
    return used >= this.windowBytes * USED_SHARE;
  }

  private growInSlowStart(sample: AckSample): void {
    if (this.slowStartThreshold !== Infinity) {
      this.windowBytes = Math.min(this.windowBytes + sample.ackedBytes, this.slowStartThreshold);
      return;
    }
    // RFC 9406 §4.3: HyStart++ is for the first slow start; a later one knows where to end.
    this.windowBytes += this.hystart.onAck(sample);
    if (!this.hystart.isFinished) return;
    this.slowStartThreshold = this.windowBytes;
    this.priorWindow = this.windowBytes;
  }

  private avoidCongestion(sample: AckSample, now: number): void {
    this.epoch ??= this.startEpoch(now);
    const { epoch } = this;
    this.countedUntil = now;
    const elapsedMs = now - epoch.startedAt;
    const window = this.windowBytes;
    const acked = sample.ackedBytes / window;
    // RFC 9438 §4.3.
    const share = epoch.renoWindow < this.priorWindow ? RENO_SHARE : 1;
    epoch.renoWindow += share * acked * this.maxDatagramSize;
    if (this.cubicWindow(epoch, elapsedMs) < epoch.renoWindow) {
      this.windowBytes = Math.max(window, epoch.renoWindow);
      return;
    }
    // RFC 9438 §4.4, §4.5: a round trip from now the window is to be on the curve.
    const wanted = this.cubicWindow(epoch, elapsedMs + sample.smoothedRtt);
    const target = Math.min(Math.max(wanted, window), MOST_GROWTH * window);
    this.windowBytes = window + (target - window) * Math.min(acked, 1);
  }

  /** RFC 9438 §4.2, with the window at which congestion avoidance begins. */
  private startEpoch(now: number): Epoch {
    const distance = this.maxWindow - this.windowBytes;
    return {
      startedAt: now,
      renoWindow: this.windowBytes,
      // Beyond the last loss, or where none is known, the curve begins at its flat part (§4.8, §4.10).
      plateau: Math.max(this.maxWindow, this.windowBytes),
      plateauAfterMs: distance > 0 ? 1_000 * Math.cbrt(distance / this.maxDatagramSize / C) : 0,
    };
  }

  private cubicWindow(epoch: Epoch, elapsedMs: number): number {
    const seconds = (elapsedMs - epoch.plateauAfterMs) / 1_000;
    return C * this.maxDatagramSize * seconds ** 3 + epoch.plateau;
  }

  private cut(now: number): void {
    const { windowBytes: window, slowStartThreshold, priorWindow, maxWindow } = this;
    const { recoveryStartedAt } = this;
    this.undo = { windowBytes: window, slowStartThreshold, priorWindow, maxWindow, recoveryStartedAt };
    this.recoveryStartedAt = now;
    this.priorWindow = window;
    // RFC 9438 §4.7: a flow that loses before it was back leaves room for the one that took it.
    this.maxWindow = window < maxWindow ? (window * (1 + BETA)) / 2 : window;
    this.slowStartThreshold = Math.max(window * BETA, this.minimumWindow());
    this.windowBytes = this.slowStartThreshold;
    this.epoch = undefined;
  }

  /** RFC 9438 §5.8: time in which the window could not grow does not count. */
  private skipTime(now: number): void {
    if (this.epoch !== undefined) this.epoch.startedAt += now - this.countedUntil;
    this.countedUntil = now;
  }

  private minimumWindow(): number {
    return MINIMUM_WINDOW_DATAGRAMS * this.maxDatagramSize;
  }
}

export interface CubicOptions {
  /** Bytes of the largest datagram the path takes; follow changes with `onMaxDatagramSize`. */
  readonly maxDatagramSize: number;
}

/** One stage of congestion avoidance; it begins with the first ACK after a cut that lets the window grow. */
interface Epoch {
  startedAt: number;
  /** What Reno's window would be by now (W_est). */
  renoWindow: number;
  /** The flat part of the curve, and when it is reached (K). */
  readonly plateau: number;
  readonly plateauAfterMs: number;
}

interface BeforeCut {
  readonly windowBytes: number;
  readonly slowStartThreshold: number;
  readonly priorWindow: number;
  readonly maxWindow: number;
  readonly recoveryStartedAt: number;
}

/**
 * [CON-2] Deviation: 32 datagrams where RFC 9002 §7.2 has 10. Answers of RPC are short, and the pacer spreads the
 * first window over the first round trip, so that no queue meets them in one burst.
 */
const INITIAL_WINDOW_BYTES = 32 * 1_200;
/** RFC 9002 §7.2, kMinimumWindow. */
const MINIMUM_WINDOW_DATAGRAMS = 2;
/** RFC 9438 §5.1, §4.6: datagrams per second cubed, and what a cut leaves. */
const C = 0.4;
const BETA = 0.7;
/** RFC 9438 §4.3: gives the average window of Reno with this cut. */
const RENO_SHARE = (3 * (1 - BETA)) / (1 + BETA);
/** RFC 9438 §4.2: growth in a round trip. */
const MOST_GROWTH = 1.5;
/** Linux asks the same of slow start (tcp_is_cwnd_limited). */
const USED_SHARE = 1 / 2;
