/** What recovery is made with, and the bounds of what it remembers. */
import { type CongestionController } from '../congestion/congestion-controller.js';

export interface RecoveryOptions {
  /** The RTT assumed before the first sample, milliseconds; remembered per target, else 100. */
  readonly initialRttMs: number;
  readonly controller: CongestionController;
  /** The peer's, milliseconds; its default until its transport parameters are known. */
  readonly maxAckDelayMs: number;
  /** Default: DEFAULT_RECOVERY_LIMITS. */
  readonly limits?: RecoveryLimits | undefined;
}

/** Bounds of what is remembered, whatever the peer acknowledges or does not. */
export interface RecoveryLimits {
  /** Packets in flight, over both spaces; at the limit `canSend` is false. */
  readonly maxPacketsInFlight: number;
  /** ACK-only packets per space; of more every second one is forgotten, as if lost. */
  readonly maxAckOnlyPackets: number;
  /** Packets declared lost, per space, in which a late ACK is recognised. */
  readonly maxLostRemembered: number;
}

/** About 24 MiB of small datagrams in flight; the others are about 100 KiB together where a peer drives them up. */
export const DEFAULT_RECOVERY_LIMITS: RecoveryLimits = {
  maxPacketsInFlight: 20_000,
  maxAckOnlyPackets: 1_000,
  maxLostRemembered: 1_024,
};
