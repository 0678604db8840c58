/**
 * One packet in the making, as the players see it: room to write frames into, and the list in which each leaves a
 * token of what it wrote, to get it back in `onDelivered` or `onLost`.
 */
import { type PacketSpace, type SentFrame } from '../recovery/sent-packet.js';
import { type ByteWriter } from '../wire/byte-writer.js';

export interface PacketBuilder {
  readonly space: PacketSpace;
  /** Ends where the room of the packet ends: what protection appends is already taken off. */
  readonly writer: ByteWriter;
  readonly frames: SentFrame[];
  /** Set by whoever writes a frame other than ACK, PADDING and CLOSE. */
  isAckEliciting: boolean;
}
