/**
 * What recovery keeps for each packet number space: the packets whose fate is open, what the peer has acknowledged,
 * the packets declared lost of late, and the numbers that were never used. It keeps the books; what follows from them
 * (loss, timers, congestion) is decided in `Recovery`.
 */
import { assert } from '../../base/assert.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { LostPacketMemory } from './lost-packet-memory.js';
import { type SentPacket } from './sent-packet.js';
import { SentPacketLog } from './sent-packet-log.js';

export class SentSpace {
  readonly outstanding = new SentPacketLog();
  readonly lost: LostPacketMemory;
  largestSent = -1;
  largestAcked = -1;
  /** When the oldest packet that a later ACK has overtaken will be lost. */
  lossTime: number | undefined;
  lastAckElicitingSentAt = 0;
  isDiscarded = false;
  /** The first packet number that may have left on the current path. */
  private pathStart = 0;
  /** What is lost below this packet number was on its way to a port that the peer has left. */
  private excusedBelow = 0;
  private ackElicitingCount = 0;
  private ackOnlyCount = 0;
  private readonly maxAckOnlyPackets: number;
  /** Numbers jumped over by the sender, flat: first, last, first, last, …, rising. */
  readonly skipped: number[] = [];

  constructor(limits: { readonly maxAckOnlyPackets: number; readonly maxLostRemembered: number }) {
    this.lost = new LostPacketMemory(limits.maxLostRemembered);
    this.maxAckOnlyPackets = limits.maxAckOnlyPackets;
  }

  get hasAckElicitingInFlight(): boolean {
    return this.ackElicitingCount > 0;
  }

  get packetsInFlight(): number {
    return this.outstanding.count - this.ackOnlyCount;
  }

  add(packet: SentPacket): void {
    assert(!this.isDiscarded, 'nothing is sent in a discarded space');
    assert(packet.packetNumber > this.largestSent, 'packet numbers must rise');
    assert(packet.isInFlight || !packet.isAckEliciting, 'an ack-eliciting packet is in flight');
    if (packet.packetNumber > this.largestSent + 1) this.skip(this.largestSent + 1, packet.packetNumber - 1);
    this.largestSent = packet.packetNumber;
    this.outstanding.append(packet);
    if (packet.isAckEliciting) {
      this.ackElicitingCount += 1;
      this.lastAckElicitingSentAt = packet.sentAt;
    }
    if (!packet.isInFlight) {
      this.ackOnlyCount += 1;
      if (this.ackOnlyCount > this.maxAckOnlyPackets) this.thinAckOnlyPackets();
    }
  }

  /** Did the packet leave on the path that is the current one? */
  isOnPath(packet: SentPacket): boolean {
    return packet.packetNumber >= this.pathStart && packet.isOffPath !== true;
  }

  /**
   * What was sent so far went elsewhere. That it arrives late says nothing about the order on the new path. Nor is it
   * waited for as long as the old one took: the loss timer would keep the PTO of the new path from being armed.
   */
  onPathChanged(latestLossTime: number): void {
    this.pathStart = this.largestSent + 1;
    if (this.lossTime !== undefined) this.lossTime = Math.min(this.lossTime, latestLossTime);
    this.lost.clear();
    const { outstanding } = this;
    for (let cursor = outstanding.start; cursor < outstanding.end; cursor = outstanding.next(cursor + 1)) {
      outstanding.at(cursor).rate = undefined;
    }
  }

  onPortChanged(): void {
    this.excusedBelow = this.largestSent + 1;
  }

  /** Of lost packets, oldest first, those whose loss may be a sign of congestion. */
  withoutExcused(lost: readonly SentPacket[]): readonly SentPacket[] {
    const { excusedBelow } = this;
    if (lost[0] === undefined || lost[0].packetNumber >= excusedBelow) return lost;
    return lost.filter((packet) => packet.packetNumber >= excusedBelow);
  }

  /** Moves what the ranges (flat, descending) hold from outstanding to `delivered`, oldest first. */
  takeAcknowledged(ranges: readonly number[], delivered: SentPacket[]): void {
    const { outstanding } = this;
    if (outstanding.count === 0) return;
    // Most ranges of an ACK after losses are older than anything still open; it costs nothing to leave them.
    const oldest = outstanding.at(outstanding.start).packetNumber;
    let reach = 0;
    while (reach + 1 < ranges.length && (ranges[reach + 1] ?? 0) >= oldest) reach += 2;
    for (let i = reach - 2; i >= 0; i -= 2) {
      const largest = ranges[i + 1] ?? 0;
      let cursor = outstanding.seek(ranges[i] ?? 0);
      while (cursor < outstanding.end) {
        const packet = outstanding.at(cursor);
        if (packet.packetNumber > largest) break;
        this.removeAt(cursor, packet);
        delivered.push(packet);
        cursor = outstanding.next(cursor + 1);
      }
    }
  }

  /** Moves all packets with a smaller number from outstanding to `taken`, oldest first. */
  takeBelow(packetNumber: number, taken: SentPacket[]): void {
    const { outstanding } = this;
    for (let cursor = outstanding.start; cursor < outstanding.end; cursor = outstanding.next(cursor + 1)) {
      const packet = outstanding.at(cursor);
      if (packet.packetNumber >= packetNumber) return;
      this.removeAt(cursor, packet);
      taken.push(packet);
    }
  }

  /** Appends the oldest packets whose content a probe best repeats. They stay outstanding. */
  pushOldestAckEliciting(limit: number, oldest: SentPacket[]): void {
    const { outstanding } = this;
    const end = oldest.length + limit;
    for (let cursor = outstanding.start; cursor < outstanding.end; cursor = outstanding.next(cursor + 1)) {
      if (oldest.length === end) return;
      const packet = outstanding.at(cursor);
      // [REC-5] The content of an MTU probe is its size, which a PTO has no use for.
      if (packet.isAckEliciting && packet.isMtuProbe !== true) oldest.push(packet);
    }
  }

  /** The keys are gone: returns the packets whose fate was open. */
  discard(): readonly SentPacket[] {
    this.isDiscarded = true;
    return this.takeAll();
  }

  /** What was sent so far is nobody's any more; what is sent from now on counts on. */
  takeAll(): readonly SentPacket[] {
    const taken: SentPacket[] = [];
    this.takeBelow(Infinity, taken);
    this.lossTime = undefined;
    this.lost.clear();
    return taken;
  }

  /** [ACK-6] An ACK for what was never sent is made up: a peer that hopes for a larger window (RFC 9000 §13.1, §21.4). */
  checkWasSent(largest: number, ranges: readonly number[]): void {
    if (largest > this.largestSent) {
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'ACK of a packet that was never sent');
    }
    const smallest = ranges[ranges.length - 2] ?? largest;
    // The newest first: most ACKs reach back over few of them.
    for (let i = this.skipped.length - 2; i >= 0; i -= 2) {
      if ((this.skipped[i + 1] ?? 0) < smallest) return;
      if (contains(ranges, this.skipped[i] ?? 0, this.skipped[i + 1] ?? 0)) {
        throw new TransportError(
          TransportErrorCode.PROTOCOL_VIOLATION,
          'ACK of a packet number that was skipped',
        );
      }
    }
  }

  private removeAt(cursor: number, packet: SentPacket): void {
    this.outstanding.removeAt(cursor);
    if (packet.isAckEliciting) this.ackElicitingCount -= 1;
    if (!packet.isInFlight) this.ackOnlyCount -= 1;
  }

  private skip(first: number, last: number): void {
    if (this.skipped.length === 2 * MAX_SKIPS_REMEMBERED) this.skipped.splice(0, 2);
    this.skipped.push(first, last);
  }

  /**
   * A peer that never acknowledges ACKs must not make us remember all of them. Nothing depends on their fate, so every
   * second one is forgotten: some of every age stay, for the peer's ACKs to find.
   */
  private thinAckOnlyPackets(): void {
    // Counted so that the newest stays.
    let isForgotten = this.ackOnlyCount % 2 === 0;
    const { outstanding } = this;
    for (let cursor = outstanding.start; cursor < outstanding.end; cursor = outstanding.next(cursor + 1)) {
      const packet = outstanding.at(cursor);
      if (packet.isInFlight) continue;
      if (isForgotten) this.removeAt(cursor, packet);
      isForgotten = !isForgotten;
    }
  }
}

/** Does one of the ranges (flat, descending) hold a number of [first, last]? */
function contains(ranges: readonly number[], first: number, last: number): boolean {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[2 * middle] ?? 0) > last) low = middle + 1;
    else high = middle;
  }
  // `low` is the newest range that does not lie wholly above.
  return low < ranges.length / 2 && (ranges[2 * low + 1] ?? 0) >= first;
}

/** A sender skips a number now and then; a peer that guesses ACKs meets one of the newest. */
const MAX_SKIPS_REMEMBERED = 32;
