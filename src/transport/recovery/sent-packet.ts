/**
 * What the sender remembers of a packet until it is acknowledged, lost, or discarded with its keys. `frames` is the
 * closed list of things whose fate somebody wants to know; the connection hands each back to the player that wrote it.
 */
import { type RateStamp } from './delivery-rate.js';

export const PacketSpace = { HELLO: 0, PROTECTED: 1 } as const;
export type PacketSpace = (typeof PacketSpace)[keyof typeof PacketSpace];

export type SentFrame =
  | { readonly kind: 'ack'; readonly largestAcked: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'handshake'; readonly offset: number; readonly length: number }
  | { readonly kind: 'handshakeDone' }
  | { readonly kind: 'ackFrequency'; readonly sequence: number }
  | { readonly kind: 'newToken' }
  | { readonly kind: 'newConnectionId'; readonly sequence: number }
  | { readonly kind: 'retireConnectionId'; readonly sequence: number }
  /** PATH_CHALLENGE or PATH_RESPONSE. */
  | { readonly kind: 'path' }
  | {
      readonly kind: 'stream';
      readonly streamId: number;
      readonly offset: number;
      readonly length: number;
      readonly fin: boolean;
    }
  | { readonly kind: 'resetStream'; readonly streamId: number }
  | { readonly kind: 'stopSending'; readonly streamId: number }
  | { readonly kind: 'maxData'; readonly limit: number }
  | { readonly kind: 'maxStreamData'; readonly streamId: number; readonly limit: number }
  | { readonly kind: 'maxStreams'; readonly limit: number }
  | { readonly kind: 'dataBlocked'; readonly limit: number }
  | { readonly kind: 'streamDataBlocked'; readonly streamId: number; readonly limit: number }
  | { readonly kind: 'streamsBlocked'; readonly limit: number };

export interface SentPacket {
  readonly space: PacketSpace;
  readonly packetNumber: number;
  readonly sentAt: number;
  /** Bytes of the whole packet, header and protection included: what counts as in flight. */
  readonly bytes: number;
  readonly isAckEliciting: boolean;
  /** Ack-eliciting or padded: counted by congestion control (RFC 9002 §2). */
  readonly isInFlight: boolean;
  readonly frames: readonly SentFrame[];
  /**
   * A path MTU probe: in flight like any other, but its loss says nothing about congestion (RFC 8899 §3), so the
   * controller does not hear of it. The writer may send one although the window is full: `canSend` is not asked.
   */
  readonly isMtuProbe?: boolean;
  /** It left on another path than the current one, to try it: it tells nothing of the current one (RFC 9000 §9.4). */
  readonly isOffPath?: boolean;
  /** Written by recovery; only packets in flight on the current path have one. */
  rate?: RateStamp | undefined;
}
