/**
 * What was received in one packet number space, and when to say so.
 */
import { type PacketBuilder } from '../connection/packet-builder.js';

export class AckTracker {
  constructor(_options: AckTrackerOptions) {
    // Filled in next.
  }

  /** Largest packet number received, -1 before the first. */
  get largestReceived(): number {
    return -1;
  }

  /** True also for packets too old to tell. */
  isDuplicate(_packetNumber: number): boolean {
    return false;
  }

  onPacketReceived(_packetNumber: number, _isAckEliciting: boolean, _now: number): void {
    throw new Error('not yet');
  }

  /** An ACK is due: it leaves now, alone if need be. */
  hasAckToSend(_now: number): boolean {
    return false;
  }

  /** Something arrived since the last ACK: it may ride in a packet that leaves anyway. */
  get hasAnythingToAck(): boolean {
    return false;
  }

  /** False when there was no room for any of it. */
  writeAck(_builder: PacketBuilder, _now: number): boolean {
    return false;
  }

  /** The peer has our ACK up to `largestAcked`: older ranges need not be told again (RFC 9000 §13.2.4). */
  onAckDelivered(_largestAcked: number): void {
    throw new Error('not yet');
  }

  nextTimeout(): number | undefined {
    return undefined;
  }

  /** An expired delay becomes an ACK that is due, so that a blocked sender is not woken for it again and again. */
  onTimeout(_now: number): void {
    throw new Error('not yet');
  }
}

export interface AckTrackerOptions {
  /** 0 for HELLO packets: every ack-eliciting one is acknowledged at once. */
  readonly maxAckDelayMs: number;
  readonly maxRanges: number;
  readonly replayWindow: number;
}
