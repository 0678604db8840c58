/** What one packet-number space of a connection has: numbers, keys, the ACK state. HELLO's is dropped at confirmation. */
import { type Opener, type Sealer } from '../protection/protection.js';
import { AckTracker } from '../recovery/ack-tracker.js';
import { PacketSpace } from '../recovery/sent-packet.js';

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

  discard(): void {
    this.isDiscarded = true;
    this.sealer = undefined;
    this.opener = undefined;
    this.probesPending = 0;
  }
}

const MAX_ACK_RANGES = 64;
const REPLAY_WINDOW_PACKETS = 1_024;
