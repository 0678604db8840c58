/**
 * How much may be in flight. A controller decides nothing else: what is lost is recovery's business, when a datagram
 * leaves is the pacer's. NewReno, CUBIC and BBR fit behind this interface; all sizes are bytes, all times milliseconds.
 */
export interface CongestionController {
  /** Limit on bytes in flight; at least 2 datagrams. */
  readonly congestionWindow: number;
  /** Bytes per millisecond the controller wants sent, or undefined to let the pacer derive it from window and RTT. */
  readonly pacingRate: number | undefined;

  onPacketSent(bytes: number, bytesInFlight: number, now: number): void;

  onAck(sample: AckSample, now: number): void;

  /** Packets of one loss-detection pass. `largestSentAt` is when the newest of them was sent. */
  onLoss(loss: LossSample, now: number): void;

  /** The path's largest datagram changed (path MTU discovery, migration). */
  onMaxDatagramSize(bytes: number): void;

  /** A new path: forget what was learned. */
  reset(now: number): void;
}

export interface AckSample {
  /** Bytes newly acknowledged by this ACK. */
  readonly ackedBytes: number;
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
}

export interface LossSample {
  readonly lostBytes: number;
  readonly largestSentAt: number;
  readonly bytesInFlight: number;
  /** RFC 9002 §7.6: everything over a long period was lost. */
  readonly isPersistentCongestion: boolean;
}
