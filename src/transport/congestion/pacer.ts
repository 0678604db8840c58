/**
 * When a datagram may leave.
 */
import { type RttEstimator } from '../recovery/rtt-estimator.js';
import { type CongestionController } from './congestion-controller.js';

export class Pacer {
  constructor(_options: PacerOptions) {
    // Filled in next.
  }

  /** When `bytes` may leave: at or before `now` means now. */
  nextSendTime(_bytes: number, now: number): number {
    return now;
  }

  /** Only for what counts as in flight: ACK-only packets are not paced (RFC 9002 §7.7). */
  onSent(_bytes: number, _now: number): void {
    throw new Error('not yet');
  }

  onMaxDatagramSize(_bytes: number): void {
    throw new Error('not yet');
  }
}

export interface PacerOptions {
  readonly controller: CongestionController;
  readonly rtt: RttEstimator;
  readonly maxDatagramSize: number;
}
