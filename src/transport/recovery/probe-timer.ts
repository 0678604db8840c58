/**
 * When nothing has been heard for long enough to ask (RFC 9002 §6.2): the probe timeout of each space, its backoff, and
 * the rules by which it is armed. It knows only times; that a probe is sent, and which, is the business of its users.
 */
import { type RttEstimator } from './rtt-estimator.js';
import { PacketSpace } from './sent-packet.js';
import { type SentSpace } from './sent-space.js';

export class ProbeTimer {
  handshakeProbeNeeded = false;
  isConfirmed = false;
  isAmplificationBlocked = false;
  peerMaxAckDelayMs: number;
  private readonly rtt: RttEstimator;
  private readonly spaces: readonly [SentSpace, SentSpace];
  private expiredInRow = 0;
  private lastExpiredAt = -Infinity;
  /** What a PTO without anything in flight counts from; undefined before the first packet. */
  private lastProgressAt: number | undefined;

  constructor(rtt: RttEstimator, spaces: readonly [SentSpace, SentSpace], peerMaxAckDelayMs: number) {
    this.rtt = rtt;
    this.spaces = spaces;
    this.peerMaxAckDelayMs = peerMaxAckDelayMs;
  }

  /** PTOs in a row. */
  get count(): number {
    return this.expiredInRow;
  }

  /** The space whose PTO comes first; where the client probes when nothing is in flight. */
  get space(): PacketSpace {
    return this.timeOf(PacketSpace.HELLO) <= this.timeOf(PacketSpace.PROTECTED)
      ? PacketSpace.HELLO
      : PacketSpace.PROTECTED;
  }

  /** When the next PTO expires. Infinity: not armed. */
  get time(): number {
    return Math.min(this.timeOf(PacketSpace.HELLO), this.timeOf(PacketSpace.PROTECTED));
  }

  /** Without backoff, of a confirmed connection: what longer times are counted in. */
  get period(): number {
    return this.rtt.ptoPeriod(this.peerMaxAckDelayMs);
  }

  onInFlightSent(now: number): void {
    this.lastProgressAt = now;
  }

  onAcknowledged(now: number): void {
    this.lastProgressAt = now;
    // While its address may not be validated the server may be unable to answer more: a client keeps backing off.
    if (!this.handshakeProbeNeeded) this.expiredInRow = 0;
  }

  onExpired(now: number): void {
    this.expiredInRow += 1;
    this.lastExpiredAt = now;
    this.lastProgressAt = now;
  }

  /** Silence of the old path, or before a RETRY, is no news of what is sent from now on. */
  onPathChanged(now: number): void {
    this.expiredInRow = 0;
    this.lastExpiredAt = now;
  }

  onSpaceDiscarded(): void {
    this.expiredInRow = 0;
  }

  private timeOf(space: PacketSpace): number {
    const state = this.spaces[space];
    // [AMP-4] What cannot be sent is not timed.
    if (this.isAmplificationBlocked || state.isDiscarded) return Infinity;
    if (this.isArmed(space)) {
      // Counting from the last PTO too: it never fires again at once, even when its probes could not be sent.
      return Math.max(state.lastAckElicitingSentAt, this.lastExpiredAt) + this.backedOffPeriod(space);
    }
    if (!this.handshakeProbeNeeded || this.lastProgressAt === undefined) return Infinity;
    // Sending is progress, so where the other space is armed this is never the earlier of the two.
    return this.lastProgressAt + this.backedOffPeriod(space);
  }

  /** [REC-5] */
  private isArmed(space: PacketSpace): boolean {
    if (space === PacketSpace.PROTECTED && !this.isConfirmed) return false;
    return this.spaces[space].hasAckElicitingInFlight;
  }

  private backedOffPeriod(space: PacketSpace): number {
    // RFC 9002 §6.2.1: HELLO packets are not acknowledged late on purpose.
    const period = this.rtt.ptoPeriod(space === PacketSpace.HELLO ? 0 : this.peerMaxAckDelayMs);
    // Nearly always, and asked several times for each datagram.
    if (this.expiredInRow === 0) return period;
    const cap = Math.max(period, PTO_CAP_MS, PTO_CAP_RTTS * this.rtt.smoothedRtt);
    return Math.min(period * 2 ** this.expiredInRow, cap);
  }
}

/**
 * [REC-6] Deviation: RFC 9002 §6.2.1 doubles without end. A call has a deadline of seconds, and probes this seldom burden
 * nobody: waiting is capped at the larger of one second and four round trips.
 */
export const PTO_CAP_MS = 1_000;
export const PTO_CAP_RTTS = 4;
