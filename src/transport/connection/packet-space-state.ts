/**
 * What one packet-number space of a connection has of its own: numbers, keys, the ACK state [ACK-3]. HELLO's is dropped
 * at confirmation.
 */
import { type Opener, type Sealer } from '../protection/protection.js';
import { AckTracker } from '../recovery/ack-tracker.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { MAX_PACKET_NUMBER } from '../wire/packet-number.js';

export class PacketSpaceState {
  readonly space: PacketSpace;
  readonly acks: AckTracker;
  sealer: Sealer | undefined;
  opener: Opener | undefined;
  nextPacketNumber = 0;
  /** Ack-eliciting packets that a PTO wants out, whatever the window says. */
  probesPending = 0;
  isDiscarded = false;

  constructor(space: PacketSpace, maxAckDelayMs: number) {
    this.space = space;
    this.acks = new AckTracker({
      maxAckDelayMs: space === PacketSpace.HELLO ? 0 : maxAckDelayMs,
      maxRanges: MAX_ACK_RANGES,
      replayWindow: REPLAY_WINDOW_PACKETS,
    });
  }

  /** [PKN-1] Hardly a number is left: those are for the CLOSE and its repetitions. */
  get isExhausted(): boolean {
    return this.nextPacketNumber > MAX_PACKET_NUMBER - RESERVED_PACKET_NUMBERS;
  }

  discard(): void {
    this.isDiscarded = true;
    this.sealer = undefined;
    this.opener = undefined;
    this.probesPending = 0;
    this.acks.discard();
  }
}

const MAX_ACK_RANGES = 64;
const REPLAY_WINDOW_PACKETS = 1_024;
const RESERVED_PACKET_NUMBERS = 1_000;
