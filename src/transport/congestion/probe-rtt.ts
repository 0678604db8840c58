/**
 * The course of one look at the round trip without a queue (draft-ietf-ccwg-bbr §5.3.4): little in flight for 200 ms and
 * for a round trip at least. What is sent in it tells no delivery rate; this remembers which packets those are.
 */
import { type RateSample } from '../recovery/delivery-rate.js';

export class ProbeRtt {
  private endsAt: number | undefined;
  private hasRound = false;
  /** Packets sent when this much had been delivered were part of it. */
  private firstDelivered = Infinity;
  private lastDelivered = -Infinity;

  begin(rate: RateSample): void {
    this.endsAt = undefined;
    this.hasRound = false;
    this.firstDelivered = rate.totalDelivered;
    this.lastDelivered = rate.totalDelivered;
  }

  /** `isEmptied`: so little is in flight now as was wanted. True when a round must begin here. */
  onAck(rate: RateSample, isEmptied: boolean, isRoundStart: boolean, now: number): boolean {
    this.lastDelivered = rate.totalDelivered;
    if (this.endsAt === undefined) {
      if (isEmptied) this.endsAt = now + DURATION_MS;
      return isEmptied;
    }
    if (isRoundStart) this.hasRound = true;
    return false;
  }

  /** `isIdle`: nothing at all is in flight, so no round needs to end. */
  isOver(isIdle: boolean, now: number): boolean {
    return this.endsAt !== undefined && (this.hasRound || isIdle) && now > this.endsAt;
  }

  includes(rate: RateSample): boolean {
    return rate.priorDelivered >= this.firstDelivered && rate.priorDelivered <= this.lastDelivered;
  }

  reset(): void {
    this.endsAt = undefined;
    this.firstDelivered = Infinity;
    this.lastDelivered = -Infinity;
  }
}

const DURATION_MS = 200;
