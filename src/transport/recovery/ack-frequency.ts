/**
 * Tells the receiver how often to acknowledge [ACK-8]: seldom while much is in flight, so that a bulk transfer does not
 * pay a datagram for every second one, at every second packet otherwise. Only the sender knows how much that is. The
 * frame rides in packets that leave anyway; the newest is repeated until it arrives.
 */
import { type PacketBuilder } from '../connection/packet-builder.js';
import { writeAckFrequency } from '../wire/frame-writer.js';

export class AckFrequency {
  private nextSequence = 0;
  private isPending = false;
  private toldThreshold = DEFAULT_ACK_THRESHOLD;
  private toldReordering = DEFAULT_REORDERING_THRESHOLD;
  /** The most packets in flight of late: what was long ago counts less with each packet. */
  private peak = 0;

  /** Call it for packets that ask for an answer anyway. `packetThreshold`: what makes a packet lost to us. */
  writeFrames(packet: PacketBuilder, packetsInFlight: number, packetThreshold: number): void {
    this.peak = Math.max(packetsInFlight, this.peak * PEAK_DECAY);
    this.decide(packetThreshold);
    if (!this.isPending) return;
    const sequence = this.nextSequence;
    if (!writeAckFrequency(packet.writer, sequence, this.toldThreshold, this.toldReordering)) return;
    packet.frames.push({ kind: 'ackFrequency', sequence });
    packet.isAckEliciting = true;
    this.nextSequence += 1;
    this.isPending = false;
  }

  onLost(sequence: number): void {
    if (sequence === this.nextSequence - 1) this.isPending = true;
  }

  private decide(packetThreshold: number): void {
    const isBulk = this.peak >= BULK_PACKETS;
    const threshold = isBulk
      ? Math.min(Math.floor(this.peak / ACKS_PER_FLIGHT), MAX_ACK_THRESHOLD)
      : DEFAULT_ACK_THRESHOLD;
    // An ACK is of use when it makes us see a loss: as many packets behind it as it takes.
    const reordering = isBulk ? packetThreshold : DEFAULT_REORDERING_THRESHOLD;
    if (!differsMuch(threshold, this.toldThreshold) && !differsMuch(reordering, this.toldReordering)) return;
    this.toldThreshold = threshold;
    this.toldReordering = reordering;
    this.isPending = true;
  }
}

function differsMuch(wanted: number, told: number): boolean {
  return wanted >= 2 * told || 2 * wanted <= told;
}

/** What a receiver does that was told nothing (RFC 9000 §13.2.1, §13.2.2). */
export const DEFAULT_ACK_THRESHOLD = 2;
export const DEFAULT_REORDERING_THRESHOLD = 1;
/** Below it an ACK at every second packet costs little, and the loss of a small call is found soonest. */
const BULK_PACKETS = 32;
/** HyStart++ judges a round by eight samples (RFC 9406 §4.3), and a quarter of a flight is the most that may wait. */
const ACKS_PER_FLIGHT = 8;
/** A burst of the pacer: an ACK should not set free more than may leave at once. */
const MAX_ACK_THRESHOLD = 64;
/** Forgets half of a peak in 44 packets. */
const PEAK_DECAY = 63 / 64;
