/**
 * When slow start should end before it overflows a queue: HyStart++ (RFC 9406). A round trip that has become clearly
 * longer than the one before starts conservative slow start (CSS), a quarter as steep; if the longer round trip was
 * only jitter it goes away again, else five rounds later slow start is over. A round lasts until a packet sent in it
 * is acknowledged. It counts how much an ACK lets the window grow; the window is the controller's.
 */
import { type AckSample } from './congestion-controller.js';

export class HyStart {
  /** What had been delivered when the present round began: a packet sent after that belongs to the round. */
  private roundStart = 0;
  private lastRoundMinRtt = Infinity;
  private roundMinRtt = Infinity;
  private sampleCount = 0;
  /** The smallest RTT of the round in which CSS began; undefined outside of it. */
  private cssBaseline: number | undefined;
  private cssRoundsLeft = 0;
  private isOver = false;

  /** Slow start has found the path's capacity: from now on the window is avoiding congestion. */
  get isFinished(): boolean {
    return this.isOver;
  }

  get isConservative(): boolean {
    return this.cssBaseline !== undefined;
  }

  /** How many bytes the window grows for an ACK of a sender that fills it. */
  onAck(sample: AckSample): number {
    const { priorDelivered, totalDelivered, rttMs } = sample.rate;
    if (priorDelivered >= this.roundStart) this.startRound(totalDelivered);
    this.roundMinRtt = Math.min(this.roundMinRtt, rttMs);
    this.sampleCount += 1;
    if (this.sampleCount >= RTT_SAMPLES) this.judgeRound();
    // RFC 9406 §4.3: paced, so any number of bytes counts (L is infinite).
    return this.cssBaseline === undefined ? sample.ackedBytes : sample.ackedBytes / CSS_GROWTH_DIVISOR;
  }

  private startRound(totalDelivered: number): void {
    this.roundStart = totalDelivered;
    this.lastRoundMinRtt = this.roundMinRtt;
    this.roundMinRtt = Infinity;
    this.sampleCount = 0;
    if (this.cssBaseline === undefined) return;
    this.cssRoundsLeft -= 1;
    if (this.cssRoundsLeft === 0) this.isOver = true;
  }

  private judgeRound(): void {
    if (this.cssBaseline !== undefined) {
      // The longer round trip was not the queue that we fill.
      if (this.roundMinRtt < this.cssBaseline) this.cssBaseline = undefined;
      return;
    }
    if (this.lastRoundMinRtt === Infinity) return;
    const threshold = Math.min(
      Math.max(this.lastRoundMinRtt / MIN_RTT_DIVISOR, MIN_RTT_THRESHOLD_MS),
      MAX_RTT_THRESHOLD_MS,
    );
    if (this.roundMinRtt < this.lastRoundMinRtt + threshold) return;
    this.cssBaseline = this.roundMinRtt;
    this.cssRoundsLeft = CSS_ROUNDS;
  }
}

/** RFC 9406 §4.3. */
const MIN_RTT_THRESHOLD_MS = 4;
const MAX_RTT_THRESHOLD_MS = 16;
const MIN_RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;
