/**
 * Which sent packets arrived, which are lost, and when to probe (RFC 9002).
 */
import { type CongestionController } from '../congestion/congestion-controller.js';
import { RttEstimator } from './rtt-estimator.js';
import { type PacketSpace, type SentPacket } from './sent-packet.js';

export class Recovery {
  readonly rtt: RttEstimator;
  /**
   * The client's setting: true until it knows that the server has validated its address. While true a PTO is armed
   * even with nothing in flight, and ACKs do not end the backoff (RFC 9002 §6.2.2.1).
   */
  handshakeProbeNeeded = false;

  constructor(options: RecoveryOptions) {
    this.rtt = new RttEstimator(options.initialRttMs);
  }

  get bytesInFlight(): number {
    return 0;
  }

  /** PTOs in a row without an ACK. */
  get ptoCount(): number {
    return 0;
  }

  /** How many packets after it must have been acknowledged before a packet is lost; grows with spurious losses. */
  get packetThreshold(): number {
    return 3;
  }

  onPacketSent(_packet: SentPacket, _now: number): void {
    throw new Error('not yet');
  }

  /** `ranges` is flat, descending: smallest0, largest0, smallest1, … Throws PROTOCOL_VIOLATION for a packet never sent. */
  onAck(
    _space: PacketSpace,
    _largest: number,
    _ranges: readonly number[],
    _delayMs: number,
    _now: number,
  ): AckOutcome {
    throw new Error('not yet');
  }

  /** Does the window have room for `bytes` more? Probes and ACK-only packets need not ask. */
  canSend(_bytes: number): boolean {
    return true;
  }

  nextTimeout(): number | undefined {
    return undefined;
  }

  onTimeout(_now: number): TimeoutOutcome {
    throw new Error('not yet');
  }

  /** The keys of a space are gone: its packets, none of which will be acknowledged now; nothing counts them as lost. */
  discardSpace(_space: PacketSpace): readonly SentPacket[] {
    return [];
  }

  /** Packets of the space whose fate is open, ACK-only ones included. */
  unackedCount(_space: PacketSpace): number {
    return 0;
  }

  /** Largest packet number the peer has acknowledged, -1 before the first: for packet number encoding. */
  largestAcked(_space: PacketSpace): number {
    return -1;
  }

  /**
   * Call after each flush: true when everything was sent and the window still had room, false when the window or the
   * pacer held something back.
   */
  setAppLimited(_isAppLimited: boolean): void {
    throw new Error('not yet');
  }

  /** At the 3x limit of an unvalidated address nothing can be sent, so no PTO is armed (RFC 9002 §6.2.2.1). */
  setAmplificationBlocked(_isBlocked: boolean): void {
    throw new Error('not yet');
  }

  onMaxDatagramSize(_bytes: number): void {
    throw new Error('not yet');
  }

  setPeerMaxAckDelay(_maxAckDelayMs: number): void {
    throw new Error('not yet');
  }

  /** The handshake is confirmed: PTOs for PROTECTED packets start. */
  setConfirmed(): void {
    throw new Error('not yet');
  }
}

export interface RecoveryOptions {
  readonly initialRttMs: number;
  readonly controller: CongestionController;
  /** The peer's, before its transport parameters are known its default. */
  readonly maxAckDelayMs: number;
  readonly limits?: RecoveryLimits | undefined;
}

export interface RecoveryLimits {
  readonly maxPacketsInFlight: number;
  readonly maxAckOnlyPackets: number;
  readonly maxLostRemembered: number;
}

/** Both arrays are used again by the next call. */
export interface AckOutcome {
  readonly delivered: readonly SentPacket[];
  readonly lost: readonly SentPacket[];
}

/** Its arrays are used again by the next call. */
export interface TimeoutOutcome {
  readonly lost: readonly SentPacket[];
  /** Where to send probes: ack-eliciting, whatever the window says. Undefined: no PTO expired. */
  readonly probeSpace: PacketSpace | undefined;
  readonly probeCount: number;
  /** The oldest unacknowledged packets of that space, not lost: their frames are what a probe best carries. */
  readonly probes: readonly SentPacket[];
}
