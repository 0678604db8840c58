/**
 * NewReno (RFC 9002 §7).
 */
import { type AckSample, type CongestionController, type LossSample } from './congestion-controller.js';

export class NewReno implements CongestionController {
  readonly pacingRate = undefined;

  constructor(_options: NewRenoOptions) {
    // Filled in next.
  }

  get congestionWindow(): number {
    return 38_400;
  }

  onPacketSent(): void {
    // A window needs only answers.
  }

  onAck(_sample: AckSample, _now: number): void {
    throw new Error('not yet');
  }

  onLoss(_loss: LossSample, _now: number): void {
    throw new Error('not yet');
  }

  onMaxDatagramSize(_bytes: number): void {
    throw new Error('not yet');
  }

  reset(_now: number): void {
    throw new Error('not yet');
  }
}

export interface NewRenoOptions {
  readonly maxDatagramSize: number;
}
