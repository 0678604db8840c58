/**
 * How much may be in flight, and how fast it may leave. A controller decides nothing else: what is lost is recovery's
 * business, when a datagram leaves is the pacer's. All sizes are bytes, all times milliseconds, all rates bytes per
 * millisecond. Whatever a controller needs to know comes in these calls; it keeps no packets.
 */
import { type RateSample } from '../recovery/delivery-rate.js';
import { type SentPacket } from '../recovery/sent-packet.js';

export interface CongestionController {
  /** Limit on bytes in flight; at least 2 datagrams. */
  readonly congestionWindow: number;
  /** Bytes per millisecond the controller wants sent, or undefined to let the pacer derive it from window and RTT. */
  readonly pacingRate: number | undefined;
  /** Its word for what it is doing now, for people who look at logs. */
  readonly state?: string;

  /** `bytesInFlight` includes the packet. */
  onPacketSent(bytes: number, bytesInFlight: number, now: number): void;

  /** After the losses that the same ACK revealed were told with `onLoss`. */
  onAck(sample: AckSample, now: number): void;

  /** Packets of one loss-detection pass. */
  onLoss(loss: LossSample, now: number): void;

  /** Every packet that was told lost since the window was last cut has arrived after all: the cut was a mistake. */
  onLossUndone(now: number): void;

  /** The path's largest datagram changed (path MTU discovery, migration). */
  onMaxDatagramSize(bytes: number): void;

  /** A new path: forget what was learned. */
  reset(now: number): void;
}

export interface AckSample {
  /** Bytes newly acknowledged by this ACK. */
  readonly ackedBytes: number;
  /** Bytes found lost by the same ACK. */
  readonly lostBytes: number;
  /** When the newest of the newly acknowledged packets was sent. */
  readonly largestSentAt: number;
  /** Bytes in flight before this ACK was processed. */
  readonly priorBytesInFlight: number;
  readonly bytesInFlight: number;
  /** The window was not full when these packets were sent: it must not grow (RFC 9002 §7.8). */
  readonly isAppLimited: boolean;
  readonly latestRtt: number;
  readonly smoothedRtt: number;
  readonly minRtt: number;
  /** How fast the path delivered, over the flight of the newest of these packets. */
  readonly rate: RateSample;
}

export interface LossSample {
  readonly lostBytes: number;
  /** When the newest of them was sent. */
  readonly largestSentAt: number;
  readonly bytesInFlight: number;
  /** RFC 9002 §7.6: everything over a long period was lost. */
  readonly isPersistentCongestion: boolean;
  /** In the order in which they were sent, without MTU probes and ACK-only packets: each has a `rate`. Valid during the call. */
  readonly packets: readonly SentPacket[];
  /** All bytes found lost so far, these included. */
  readonly totalLost: number;
}
