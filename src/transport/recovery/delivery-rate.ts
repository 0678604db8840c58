/**
 * How fast the path delivers (draft-ietf-ccwg-bbr §4.1): each packet is stamped with what had been delivered when it
 * was sent, and each ACK compares that with what is delivered by then. A rate measured while the application had
 * nothing more to send is a lower bound, and is marked so.
 */
import { type SentPacket } from './sent-packet.js';

/** What was known when a packet was sent; kept with it until its fate is known. */
export interface RateStamp {
  /** Bytes delivered by then. */
  readonly delivered: number;
  readonly deliveredAt: number;
  /** When the packet was sent that starts the send interval. */
  readonly firstSentAt: number;
  readonly isAppLimited: boolean;
  /** Bytes in flight, this packet included. */
  readonly inFlight: number;
  /** Bytes found lost by then. */
  readonly lost: number;
}

export interface RateSample {
  /** Bytes per millisecond; 0 when the interval is too short to tell. */
  deliveryRate: number;
  /** The rate is what the application sent, and perhaps not all that the path could carry. */
  isAppLimited: boolean;
  /** Bytes delivered over the interval. */
  delivered: number;
  /** The longer of the send and the ACK interval. */
  intervalMs: number;
  /** Bytes found lost over the interval. */
  lost: number;
  /** `totalDelivered` when the newest acknowledged packet was sent: a new round begins when it passes the last mark. */
  priorDelivered: number;
  /** Bytes in flight when that packet was sent, itself included. */
  inFlightAtSend: number;
  /** Round trip of that packet. */
  rttMs: number;
  /** Bytes delivered so far. */
  totalDelivered: number;
}

export class DeliveryRate {
  private delivered = 0;
  private deliveredAt = 0;
  private firstSentAt = 0;
  private lost = 0;
  /** While `delivered` is below it, what is in flight was sent by an application with nothing more to send. */
  private appLimitedUntil = 0;
  private readonly current: RateSample = {
    deliveryRate: 0,
    isAppLimited: false,
    delivered: 0,
    intervalMs: 0,
    lost: 0,
    priorDelivered: 0,
    inFlightAtSend: 0,
    rttMs: 0,
    totalDelivered: 0,
  };

  get totalLost(): number {
    return this.lost;
  }

  /** `priorInFlight`: bytes in flight without this packet. */
  stamp(bytes: number, priorInFlight: number, now: number): RateStamp {
    if (priorInFlight === 0) {
      // Nothing can be learned from the silence before it.
      this.firstSentAt = now;
      this.deliveredAt = now;
    }
    return {
      delivered: this.delivered,
      deliveredAt: this.deliveredAt,
      firstSentAt: this.firstSentAt,
      isAppLimited: this.appLimitedUntil > 0,
      inFlight: priorInFlight + bytes,
      lost: this.lost,
    };
  }

  /** All there was has been sent, and the window has room for more. */
  onAppLimited(bytesInFlight: number): void {
    this.appLimitedUntil = Math.max(this.delivered + bytesInFlight, 1);
  }

  /** A new path: nothing was delivered there yet. */
  reset(): void {
    this.delivered = 0;
    this.lost = 0;
    this.appLimitedUntil = 0;
  }

  onLost(bytes: number): void {
    this.lost += bytes;
  }

  /** One ACK's packets, in the order in which they were sent. The sample is valid until the next call. */
  sample(packets: readonly SentPacket[], minRtt: number, now: number): RateSample {
    let newest: SentPacket | undefined;
    for (const packet of packets) {
      if (packet.rate === undefined) continue;
      this.delivered += packet.bytes;
      newest = packet;
    }
    const { current } = this;
    current.totalDelivered = this.delivered;
    current.deliveryRate = 0;
    current.delivered = 0;
    const stamp = newest?.rate;
    if (newest === undefined || stamp === undefined) return current;
    this.deliveredAt = now;
    this.firstSentAt = newest.sentAt;
    if (this.appLimitedUntil > 0 && this.delivered > this.appLimitedUntil) this.appLimitedUntil = 0;
    const sendMs = newest.sentAt - stamp.firstSentAt;
    const ackMs = now - stamp.deliveredAt;
    current.isAppLimited = stamp.isAppLimited;
    current.delivered = this.delivered - stamp.delivered;
    current.intervalMs = Math.max(sendMs, ackMs);
    current.lost = this.lost - stamp.lost;
    current.priorDelivered = stamp.delivered;
    current.inFlightAtSend = stamp.inFlight;
    current.rttMs = now - newest.sentAt;
    // Shorter than any round trip: ACKs were held back and came in one burst.
    if (current.intervalMs >= minRtt && current.intervalMs > 0) {
      current.deliveryRate = current.delivered / current.intervalMs;
    }
    return current;
  }
}
