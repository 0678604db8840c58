/**
 * What BBR believes of the path (draft-ietf-ccwg-bbr §5.5): how fast it delivers at best, how long a round trip takes
 * without a queue, how much its ACKs come in lumps, and how much of all this may be used at present. The long-term bound
 * is what probing found to be too much in flight; the short-term bounds, what congestion left since the last probing.
 * Rates in bytes per millisecond; a bound that is not known is Infinity.
 */
import { type AckSample } from './congestion-controller.js';
import { MaxFilter } from './max-filter.js';
import { MinRttFilter } from './min-rtt-filter.js';

export class BbrModel {
  longTermInflight = Infinity;
  readonly rtt = new MinRttFilter();
  private readonly maxRates = new MaxFilter(MAX_BANDWIDTH_CYCLES);
  private readonly extraAcked = new MaxFilter(EXTRA_ACKED_ROUNDS);
  private shortTermRate = Infinity;
  private shortTermBytes = Infinity;
  /** Best of the running round. */
  private latestRate = 0;
  private latestDelivered = 0;
  private roundMinRtt = Infinity;
  private isRoundLimited = false;
  private aggregationStartedAt = 0;
  private aggregatedBytes = 0;

  /** The best that the path delivered in this and the last cycle of probing; 0 before the first sample. */
  get maxBandwidth(): number {
    return this.maxRates.value;
  }

  /** What to send at, before gains. */
  get bandwidth(): number {
    return Math.min(this.maxRates.value, this.shortTermRate);
  }

  get shortTermInflight(): number {
    return this.shortTermBytes;
  }

  /** Bandwidth-delay product; undefined before there is an RTT sample. */
  get bdp(): number | undefined {
    return this.rtt.value === Infinity ? undefined : this.bandwidth * this.rtt.value;
  }

  /** What fills the path at its best, times `gain`; undefined before there is an RTT sample. */
  inflight(gain: number): number | undefined {
    return this.rtt.value === Infinity ? undefined : this.maxRates.value * this.rtt.value * gain;
  }

  /** Bytes that come acknowledged in lumps, beyond what the bandwidth explains. */
  get lumpBytes(): number {
    return this.extraAcked.value;
  }

  /** Every round trip of the running round was clearly longer than one without a queue. */
  get hasStandingQueue(): boolean {
    return this.roundMinRtt !== Infinity && this.roundMinRtt > this.rtt.value * STANDING_QUEUE;
  }

  /** The running round delivered less than this share of what the path is believed to carry. */
  deliversLessThan(share: number): boolean {
    return !this.isRoundLimited && this.latestRate > 0 && this.latestRate < share * this.bandwidth;
  }

  /** `isLimited`: the rate says what was sent rather than what the path carries. */
  onAck({ rate }: AckSample, isLimited: boolean): void {
    if (rate.deliveryRate > 0 && (!isLimited || rate.deliveryRate >= this.maxRates.value)) {
      this.maxRates.update(rate.deliveryRate);
    }
    this.isRoundLimited ||= isLimited;
    this.latestRate = Math.max(this.latestRate, rate.deliveryRate);
    this.latestDelivered = Math.max(this.latestDelivered, rate.delivered);
    this.roundMinRtt = Math.min(this.roundMinRtt, rate.rttMs);
  }

  startRound(isStartup: boolean): void {
    this.latestRate = 0;
    this.latestDelivered = 0;
    this.roundMinRtt = Infinity;
    this.isRoundLimited = false;
    // While the rate doubles every round, what came beyond it in the last one says nothing about this one.
    if (isStartup) this.extraAcked.reset();
    else this.extraAcked.advance();
  }

  /** §5.5.9: what arrives beyond the bandwidth since it last fell behind it. */
  updateAggregation(ackedBytes: number, congestionWindow: number, now: number): void {
    let expected = this.bandwidth * (now - this.aggregationStartedAt);
    if (this.aggregatedBytes <= expected) {
      this.restartAggregation(now);
      expected = 0;
    }
    this.aggregatedBytes += ackedBytes;
    this.extraAcked.update(Math.min(this.aggregatedBytes - expected, congestionWindow));
  }

  restartAggregation(now: number): void {
    this.aggregatedBytes = 0;
    this.aggregationStartedAt = now;
  }

  /** A cycle of probing is over: its maximum becomes the last one's. One that measured nothing was none. */
  advanceCycle(): void {
    if (this.maxRates.latest > 0) this.maxRates.advance();
  }

  /** §5.5.10.3: down to what the round delivered, by no more than BETA. */
  cutShortTerm(congestionWindow: number): void {
    const rate = this.shortTermRate === Infinity ? this.maxRates.value : this.shortTermRate;
    const bytes = this.shortTermBytes === Infinity ? congestionWindow : this.shortTermBytes;
    this.shortTermRate = Math.max(this.latestRate, rate * BETA);
    this.shortTermBytes = Math.max(this.latestDelivered, bytes * BETA);
  }

  clearShortTerm(): void {
    this.shortTermRate = Infinity;
    this.shortTermBytes = Infinity;
  }

  /** At least this much was delivered in a flight. */
  get roundDelivered(): number {
    return this.latestDelivered;
  }

  get bounds(): BbrBounds {
    const { longTermInflight, shortTermRate, shortTermBytes } = this;
    return { longTermInflight, shortTermRate, shortTermBytes };
  }

  /** The losses that led to the present bounds were none. */
  restore(bounds: BbrBounds): void {
    this.longTermInflight = Math.max(this.longTermInflight, bounds.longTermInflight);
    this.shortTermRate = Math.max(this.shortTermRate, bounds.shortTermRate);
    this.shortTermBytes = Math.max(this.shortTermBytes, bounds.shortTermBytes);
  }
}

export interface BbrBounds {
  readonly longTermInflight: number;
  readonly shortTermRate: number;
  readonly shortTermBytes: number;
}

/** Draft §2.10, BBR.MaxBwFilterLen; §2.11, BBR.ExtraAckedFilterLen; §2.7, BBR.Beta. */
const MAX_BANDWIDTH_CYCLES = 2;
const EXTRA_ACKED_ROUNDS = 10;
export const BETA = 0.7;
/** In smallest RTTs. */
const STANDING_QUEUE = 1.4;
