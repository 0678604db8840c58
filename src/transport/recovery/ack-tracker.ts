/**
 * What was received in one packet number space, and when to say so (RFC 9000 §13.2). Two memories with different
 * ends: the ranges that the next ACK will tell, forgotten once the peer knows that we know, and a window of single
 * bits that keeps every packet number from being processed twice. Both are bounded whatever arrives.
 */
import { assert } from '../../base/assert.js';
import { RangeSet } from '../../base/range-set.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { type AckFrequencyFrame } from '../wire/frame.js';
import { writeAck } from '../wire/frame-writer.js';
import { DEFAULT_ACK_THRESHOLD, DEFAULT_REORDERING_THRESHOLD } from './ack-frequency.js';

export class AckTracker {
  private readonly options: AckTrackerOptions;
  private readonly received = new RangeSet();
  private readonly replay: ReplayWindow;
  private largestReceivedAt = 0;
  private largestAckEliciting = -1;
  /** Below it packets may be missing from `received` because the peer has our ACK for them. */
  private forgottenBelow = 0;
  /** Of what arrived since the last ACK. */
  private smallestUnreported = Infinity;
  private ackElicitingUnreported = 0;
  private isDue = false;
  private deadline: number | undefined;
  private ackThreshold = DEFAULT_ACK_THRESHOLD;
  private reorderingThreshold = DEFAULT_REORDERING_THRESHOLD;
  private frequencySequence = -1;
  /** The largest packet of the last ACK: gaps so far below it that they make a loss have been told. */
  private largestTold = -1;

  constructor(options: AckTrackerOptions) {
    assert(options.maxRanges > 0, 'an ACK has a range');
    this.options = options;
    this.replay = new ReplayWindow(options.replayWindow);
  }

  /** Largest packet number received, -1 before the first. */
  get largestReceived(): number {
    return this.replay.largest;
  }

  /** Ranges kept for the next ACK. */
  get rangeCount(): number {
    return this.received.size;
  }

  /** [PKN-4] True also for packets too old to tell. Ask before anything in a packet is believed. */
  isDuplicate(packetNumber: number): boolean {
    return this.replay.contains(packetNumber);
  }

  onPacketReceived(packetNumber: number, isAckEliciting: boolean, now: number): void {
    if (packetNumber > this.replay.largest) this.largestReceivedAt = now;
    this.replay.add(packetNumber);
    this.received.add(packetNumber, packetNumber + 1);
    if (this.received.size > this.options.maxRanges) this.received.removeBelow(this.received.end(0));
    this.smallestUnreported = Math.min(this.smallestUnreported, packetNumber);
    if (isAckEliciting) this.onAckEliciting(packetNumber, now);
  }

  /** [ACK-8] The sender knows how many ACKs its flight needs. Frames may come in any order: the newest counts. */
  onAckFrequency(frame: AckFrequencyFrame): void {
    if (frame.sequence <= this.frequencySequence) return;
    this.frequencySequence = frame.sequence;
    this.ackThreshold = frame.ackThreshold;
    this.reorderingThreshold = frame.reorderingThreshold;
  }

  /** Nothing more arrives in this space, and nothing is told of it. */
  discard(): void {
    this.received.clear();
    this.replay.release();
    this.smallestUnreported = Infinity;
    this.isDue = false;
    this.deadline = undefined;
  }

  /** [ACK-1] [ACK-7] An ACK is due: it leaves now, alone if need be. */
  hasAckToSend(now: number): boolean {
    return this.isDue || (this.deadline !== undefined && this.deadline <= now);
  }

  /**
   * [ACK-9] Something arrived since the last ACK: it may ride in a packet that leaves anyway. Packets that only acknowledge
   * count too: in the packets of bulk its receiver learns which of its ACKs have arrived.
   * Deviation: RFC 9000 §13.2.4 lets a receiver that sends nothing but ACKs add a PING now and then, for the same end. It
   * has nothing to ask for here: what it keeps is a round trip's worth, and PINGs were found to change none of it.
   */
  get hasAnythingToAck(): boolean {
    return this.smallestUnreported !== Infinity;
  }

  /** [ACK-4] Tells as many ranges as there is room for, the newest first. False when there was no room for any. */
  writeAck(builder: PacketBuilder, now: number): boolean {
    if (this.received.size === 0) return false;
    // [ACK-5] Also when the largest packet asked for no ACK: it is the one that the peer takes a sample from.
    const delayMicros = Math.max(now - this.largestReceivedAt, 0) * 1_000;
    if (writeAck(builder.writer, this.received, delayMicros) === 0) return false;
    builder.frames.push({ kind: 'ack', largestAcked: this.replay.largest });
    this.largestTold = this.replay.largest;
    this.smallestUnreported = Infinity;
    this.ackElicitingUnreported = 0;
    this.isDue = false;
    this.deadline = undefined;
    return true;
  }

  /**
   * The peer has an ACK of ours up to `largestAcked`: what it told need not be told again (RFC 9000 §13.2.4). The
   * largest packet stays, every ACK names it; so does what arrived late and was not in any ACK yet.
   */
  onAckDelivered(largestAcked: number): void {
    const limit = Math.min(largestAcked + 1, this.replay.largest, this.smallestUnreported);
    this.received.removeBelow(limit);
    this.forgottenBelow = Math.max(this.forgottenBelow, limit);
  }

  /** When an ACK becomes due by time alone. One that is due already needs no timer: it leaves with the next flush. */
  nextTimeout(): number | undefined {
    return this.deadline;
  }

  /** An expired delay becomes an ACK that is due, so that a sender that may not send is not woken for it for ever. */
  onTimeout(now: number): void {
    if (this.deadline !== undefined && this.deadline <= now) this.makeDue();
  }

  /** [ACK-2] */
  private onAckEliciting(packetNumber: number, now: number): void {
    this.ackElicitingUnreported += 1;
    if (this.isOutOfOrder(packetNumber)) this.makeDue();
    this.largestAckEliciting = Math.max(this.largestAckEliciting, packetNumber);
    if (this.ackElicitingUnreported >= this.ackThreshold || this.options.maxAckDelayMs === 0) this.makeDue();
    // It counts from the first packet that waits.
    if (!this.isDue) this.deadline ??= now + this.options.maxAckDelayMs;
  }

  /**
   * Overtaken by another ack-eliciting packet, or the first to come after a gap (RFC 9000 §13.2.1). A sender that bears
   * reordering hears of a gap when it takes it for a loss, and of late packets with the next ACK [ACK-8].
   */
  private isOutOfOrder(packetNumber: number): boolean {
    const { reorderingThreshold: behind, largestTold, forgottenBelow } = this;
    if (behind > 1) {
      const start = Math.max(largestTold - behind + 1, forgottenBelow);
      return !this.received.containsRange(start, this.replay.largest - behind + 1);
    }
    if (packetNumber < this.largestAckEliciting) return true;
    return !this.received.containsRange(
      Math.max(this.largestAckEliciting + 1, this.forgottenBelow),
      packetNumber,
    );
  }

  private makeDue(): void {
    this.isDue = true;
    this.deadline = undefined;
  }
}

export interface AckTrackerOptions {
  /** How long an ACK may wait for company. 0 for HELLO packets: every ack-eliciting one is acknowledged at once. */
  readonly maxAckDelayMs: number;
  /** Ranges told in one ACK; of more the oldest are forgotten, and the peer sends again what was in them. */
  readonly maxRanges: number;
  /** Packet numbers this far below the largest are taken for duplicates. A multiple of 32. */
  readonly replayWindow: number;
}

/** Which of the last `size` packet numbers were seen, a bit for each. */
class ReplayWindow {
  largest = -1;
  private readonly size: number;
  private bits: Uint32Array;

  constructor(size: number) {
    assert(size > 0 && size % 32 === 0, 'a replay window is a multiple of 32');
    this.size = size;
    this.bits = new Uint32Array(size / 32);
  }

  contains(packetNumber: number): boolean {
    if (packetNumber > this.largest) return false;
    if (packetNumber <= this.largest - this.size) return true;
    const bit = packetNumber % this.size;
    return ((this.bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  add(packetNumber: number): void {
    if (packetNumber > this.largest) this.advance(packetNumber);
    const bit = packetNumber % this.size;
    const word = bit >>> 5;
    this.bits[word] = (this.bits[word] ?? 0) | (1 << (bit & 31));
  }

  /** Its memory, for good. */
  release(): void {
    this.bits = NO_BITS;
  }

  private advance(packetNumber: number): void {
    if (packetNumber - this.largest >= this.size) {
      this.bits.fill(0);
    } else {
      for (let number = this.largest + 1; number <= packetNumber; number++) {
        const bit = number % this.size;
        const word = bit >>> 5;
        this.bits[word] = (this.bits[word] ?? 0) & ~(1 << (bit & 31));
      }
    }
    this.largest = packetNumber;
  }
}

const NO_BITS = new Uint32Array(0);
