/**
 * Round trips counted by packets (draft-ietf-ccwg-bbr §5.5.1): one is over when something is acknowledged that was sent
 * after it began. What was delivered when a packet was sent tells when that was; no clock is needed.
 */
import { type RateSample } from '../recovery/delivery-rate.js';

export class RoundTrips {
  private delivered = 0;
  private endsAt = 0;
  private hasBegun = false;

  /** The ACK at hand is the first of a round. */
  get isStart(): boolean {
    return this.hasBegun;
  }

  onAck(rate: RateSample): void {
    this.delivered = rate.totalDelivered;
    this.hasBegun = rate.priorDelivered >= this.endsAt;
    if (this.hasBegun) this.endsAt = this.delivered;
  }

  /** The next round begins when something is acknowledged that is sent from now on. */
  restart(): void {
    this.endsAt = this.delivered;
  }

  reset(): void {
    this.delivered = 0;
    this.endsAt = 0;
    this.hasBegun = false;
  }
}
