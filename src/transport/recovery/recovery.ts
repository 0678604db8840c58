/**
 * Which sent packets arrived, which are lost, and when to probe (RFC 9002). It keeps the fate of every packet until it
 * is settled, exactly once: delivered, lost, or discarded with its keys. What the window is, is the controller's
 * business; what is sent again, the players' whose frames come back; when a datagram leaves, the pacer's.
 *
 * Invariant: `bytesInFlight` and `bytesInFlightElsewhere` are together the sum over unsettled packets that are in
 * flight, in both spaces. The packets that carry a rate stamp are those of the current path: they alone fill the
 * window, and the controller hears of them only (RFC 9000 §9.4).
 */
import { type AckSample, type CongestionController } from '../congestion/congestion-controller.js';
import { DeliveryRate, type RateSample } from './delivery-rate.js';
import { detectLoss } from './loss-detection.js';
import { isPersistentCongestion } from './persistent-congestion.js';
import { ProbeTimer } from './probe-timer.js';
import { DEFAULT_RECOVERY_LIMITS, type RecoveryLimits, type RecoveryOptions } from './recovery-options.js';
import { RttEstimator } from './rtt-estimator.js';
import { PacketSpace, type SentPacket } from './sent-packet.js';
import { SentSpace } from './sent-space.js';
import { SpuriousLoss } from './spurious-loss.js';

export class Recovery {
  readonly rtt: RttEstimator;
  /** A limit beside the window: what the peer's socket buffer holds of large datagrams. */
  maxBytesInFlight = Infinity;

  private readonly controller: CongestionController;
  private readonly limits: RecoveryLimits;
  private readonly spaces: readonly [SentSpace, SentSpace];
  private readonly ackOutcome = { delivered: [] as SentPacket[], lost: [] as SentPacket[] };
  private readonly timeoutOutcome = {
    lost: [] as SentPacket[],
    probeSpace: undefined as PacketSpace | undefined,
    probeCount: 0,
    probes: [] as SentPacket[],
  };
  private readonly probeTimer: ProbeTimer;
  private readonly deliveryRate = new DeliveryRate();
  private inFlightBytes = 0;
  private elsewhereBytes = 0;
  private readonly spuriousLoss: SpuriousLoss;
  private isAppLimited = true;
  /** Largest PROTECTED packet number sent when the window was last seen full. */
  private windowFullThrough = -1;
  private portChangedAt = -Infinity;

  constructor(options: RecoveryOptions) {
    this.rtt = new RttEstimator(options.initialRttMs);
    this.controller = options.controller;
    this.limits = options.limits ?? DEFAULT_RECOVERY_LIMITS;
    this.spaces = [new SentSpace(this.limits), new SentSpace(this.limits)];
    this.spuriousLoss = new SpuriousLoss(this.rtt, this.spaces);
    this.probeTimer = new ProbeTimer(this.rtt, this.spaces, options.maxAckDelayMs);
  }

  /** On the current path: what the window limits. */
  get bytesInFlight(): number {
    return this.inFlightBytes;
  }

  /** On a path that was left, or on one that is being tried: it fills no window, until its fate is known. */
  get bytesInFlightElsewhere(): number {
    return this.elsewhereBytes;
  }

  /** PTOs in a row without an ACK. */
  get ptoCount(): number {
    return this.probeTimer.count;
  }

  /** How far past a packet an ACK must reach to make it lost; grows with spurious losses. */
  get packetThreshold(): number {
    return this.spuriousLoss.packetThreshold;
  }

  /** Packets that were declared lost and arrived after all. */
  get spuriousLossCount(): number {
    return this.spuriousLoss.count;
  }

  /**
   * A client sets it until it knows that the server has validated its address. While true a PTO is armed even with
   * nothing in flight, lest both wait for each other, and ACKs do not end the backoff (RFC 9002 §6.2.1, §6.2.2.1).
   */
  set handshakeProbeNeeded(isNeeded: boolean) {
    this.probeTimer.handshakeProbeNeeded = isNeeded;
  }

  /** Packets of the space whose fate is open, ACK-only ones included. */
  unackedCount(space: PacketSpace): number {
    return this.spaces[space].outstanding.count;
  }

  /** Of them those that congestion control counts. */
  packetsInFlight(space: PacketSpace): number {
    return this.spaces[space].packetsInFlight;
  }

  /** Largest packet number the peer has acknowledged, -1 before the first: what packet number encoding counts from. */
  largestAcked(space: PacketSpace): number {
    return this.spaces[space].largestAcked;
  }

  /** Every packet whose number was used must be told here, in the order of the numbers. */
  onPacketSent(packet: SentPacket, now: number): void {
    this.spaces[packet.space].add(packet);
    if (!packet.isInFlight) return;
    if (packet.isOffPath === true) {
      this.elsewhereBytes += packet.bytes;
      this.probeTimer.onInFlightSent(now);
      return;
    }
    packet.rate = this.deliveryRate.stamp(packet.bytes, this.inFlightBytes, now);
    this.inFlightBytes += packet.bytes;
    this.probeTimer.onInFlightSent(now);
    this.controller.onPacketSent(packet.bytes, this.inFlightBytes, now);
  }

  /** [CON-1] Does the window have room for `bytes` more? Probes and ACK-only packets need not ask. */
  canSend(bytes: number): boolean {
    // A lone datagram always may leave: a peer's buffer smaller than one must not silence us.
    if (this.inFlightBytes === 0) return true;
    if (this.spaces[0].packetsInFlight + this.spaces[1].packetsInFlight >= this.limits.maxPacketsInFlight)
      return false;
    return this.inFlightBytes + bytes <= Math.min(this.controller.congestionWindow, this.maxBytesInFlight);
  }

  /**
   * An ACK frame: `ranges` is flat and descending, smallest0, largest0, smallest1, …; `largest` equals largest0.
   * Throws PROTOCOL_VIOLATION for a packet that was never sent.
   */
  onAck(
    space: PacketSpace,
    largest: number,
    ranges: readonly number[],
    delayMs: number,
    now: number,
  ): AckOutcome {
    const { delivered, lost } = this.ackOutcome;
    delivered.length = 0;
    lost.length = 0;
    const state = this.spaces[space];
    state.checkWasSent(largest, ranges);
    // [REC-8]
    if (this.spuriousLoss.onAck(state, ranges, now)) this.controller.onLossUndone(now);
    const priorBytesInFlight = this.inFlightBytes;
    state.takeAcknowledged(ranges, delivered);
    if (largest > state.largestAcked) state.largestAcked = largest;
    const newest = delivered[delivered.length - 1];
    if (newest === undefined) return this.ackOutcome;

    const ackedBytes = this.settle(delivered);
    if (newest.packetNumber === largest && state.isOnPath(newest) && hasAckEliciting(delivered)) {
      this.rtt.update(now - newest.sentAt, this.believedAckDelay(space, delayMs), now);
    }
    const lostBefore = this.deliveryRate.totalLost;
    this.detectLost(space, lost, now);
    if (ackedBytes > 0) {
      const rate = this.deliveryRate.sample(delivered, this.rtt.minRtt, now);
      const lostBytes = this.deliveryRate.totalLost - lostBefore;
      this.controller.onAck(
        this.ackSample(lastWithRate(delivered) ?? newest, ackedBytes, lostBytes, priorBytesInFlight, rate),
        now,
      );
    }
    this.probeTimer.onAcknowledged(now);
    return this.ackOutcome;
  }

  /** The earliest of loss time and PTO; undefined when there is nothing to wait for (RFC 9002 §6.2.1). */
  nextTimeout(): number | undefined {
    const lossTime = Math.min(this.spaces[0].lossTime ?? Infinity, this.spaces[1].lossTime ?? Infinity);
    // What a loss timer finds is sent again, which sets the PTO anew.
    const timeout = lossTime === Infinity ? this.probeTimer.time : lossTime;
    return timeout === Infinity ? undefined : timeout;
  }

  /** Harmless when nothing has expired, and when it comes late. A PTO marks nothing as lost. */
  onTimeout(now: number): TimeoutOutcome {
    const outcome = this.timeoutOutcome;
    outcome.lost.length = 0;
    outcome.probes.length = 0;
    outcome.probeSpace = undefined;
    outcome.probeCount = 0;
    if (this.detectLostByTime(outcome.lost, now)) return outcome;
    if (this.probeTimer.time > now) return outcome;
    const { space } = this.probeTimer;
    this.probeTimer.onExpired(now);
    outcome.probeSpace = space;
    // [REC-5] RFC 9002 §6.2.4: two, because one may be lost too. With nothing to repeat one asks for an answer as well.
    outcome.probeCount = this.spaces[space].hasAckElicitingInFlight ? PROBES_PER_PTO : 1;
    this.spaces[space].pushOldestAckEliciting(outcome.probeCount, outcome.probes);
    if (space === PacketSpace.HELLO) {
      // What rode in the first flight was lost with it, and has room in the datagrams of the probes (RFC 9002 §6.2.4).
      this.spaces[PacketSpace.PROTECTED].pushOldestAckEliciting(outcome.probeCount, outcome.probes);
    }
    return outcome;
  }

  /**
   * The keys of a space are gone. Returns its packets whose fate was open: they will never be acknowledged now, and
   * congestion control is told nothing of them (RFC 9002 §6.4).
   */
  discardSpace(space: PacketSpace): readonly SentPacket[] {
    const state = this.spaces[space];
    const discarded = state.discard();
    this.settle(discarded);
    this.probeTimer.onSpaceDiscarded();
    return discarded;
  }

  /**
   * [RTY-4] The server has kept nothing of what was sent so far: returns all of it, to be sent again. Congestion control is
   * told nothing, and probes are due as at the beginning (RFC 9002 §6.3).
   */
  onRetry(now: number): readonly SentPacket[] {
    const taken = this.spaces.flatMap((space) => space.takeAll());
    this.settle(taken);
    this.probeTimer.onPathChanged(now);
    return taken;
  }

  /**
   * Call it after each flush: true when all there was has been sent and the window had room for more, false when the
   * window or the pacer held something back. The window grows only by packets sent before a false (RFC 9002 §7.8).
   */
  setAppLimited(isAppLimited: boolean): void {
    this.isAppLimited = isAppLimited;
    if (isAppLimited) this.deliveryRate.onAppLimited(this.inFlightBytes);
    else this.windowFullThrough = this.spaces[PacketSpace.PROTECTED].largestSent;
  }

  /** At the 3x limit of an unvalidated address nothing can be sent, so no PTO is armed (RFC 9002 §6.2.2.1). */
  setAmplificationBlocked(isBlocked: boolean): void {
    this.probeTimer.isAmplificationBlocked = isBlocked;
  }

  /**
   * [REC-7] From now on packets leave on another path, of which nothing is known (RFC 9000 §9.4). What is in flight on the old
   * one is still settled, and sent again where it is lost, but is no news of the new one.
   */
  onPathChanged(now: number): void {
    this.rtt.reset();
    this.spuriousLoss.onPathChanged();
    for (const state of this.spaces) state.onPathChanged(now + this.spuriousLoss.lossDelayMs);
    this.elsewhereBytes += this.inFlightBytes;
    this.inFlightBytes = 0;
    this.deliveryRate.reset();
    this.isAppLimited = true;
    this.windowFullThrough = -1;
    this.probeTimer.onPathChanged(now);
    this.controller.reset(now);
  }

  /**
   * [MIG-10] The path is the same, but for a port that a NAT has given anew: what was sent to the old one arrives nowhere,
   * and is no sign of congestion (RFC 9000 §9.4). Not again and again, or moving would be a way around congestion control.
   */
  onPortChanged(now: number): void {
    if (now - this.portChangedAt < PORT_CHANGE_INTERVAL_MS) return;
    this.portChangedAt = now;
    for (const state of this.spaces) state.onPortChanged();
  }

  /** The oldest ack-eliciting packets whose fate is open: what a probe that comes before its PTO best carries. */
  oldestUnacked(space: PacketSpace, limit: number): readonly SentPacket[] {
    const oldest: SentPacket[] = [];
    this.spaces[space].pushOldestAckEliciting(limit, oldest);
    return oldest;
  }

  /** The path's largest datagram changed. */
  onMaxDatagramSize(bytes: number): void {
    this.controller.onMaxDatagramSize(bytes);
  }

  setPeerMaxAckDelay(maxAckDelayMs: number): void {
    this.probeTimer.peerMaxAckDelayMs = maxAckDelayMs;
  }

  /** The handshake is confirmed: from now on PROTECTED packets have a PTO (RFC 9002 §6.2.1). */
  setConfirmed(): void {
    this.probeTimer.isConfirmed = true;
    this.probeTimer.handshakeProbeNeeded = false;
  }

  /** Takes settled packets out of what is in flight; returns the bytes of those on the current path. */
  private settle(packets: readonly SentPacket[]): number {
    let bytes = 0;
    for (const packet of packets) {
      if (packet.rate !== undefined) bytes += packet.bytes;
      else if (packet.isInFlight) this.elsewhereBytes -= packet.bytes;
    }
    this.inFlightBytes -= bytes;
    return bytes;
  }

  private believedAckDelay(space: PacketSpace, delayMs: number): number {
    // RFC 9002 §5.3: HELLO packets are not acknowledged late on purpose; what a peer promised binds once confirmed.
    if (space === PacketSpace.HELLO) return 0;
    return this.probeTimer.isConfirmed ? Math.min(delayMs, this.probeTimer.peerMaxAckDelayMs) : delayMs;
  }

  private ackSample(
    newest: SentPacket,
    ackedBytes: number,
    lostBytes: number,
    priorBytesInFlight: number,
    rate: RateSample,
  ): AckSample {
    const sentWithFullWindow =
      newest.space === PacketSpace.PROTECTED && newest.packetNumber <= this.windowFullThrough;
    return {
      ackedBytes,
      lostBytes,
      largestSentAt: newest.sentAt,
      priorBytesInFlight,
      bytesInFlight: this.inFlightBytes,
      isAppLimited: this.isAppLimited && !sentWithFullWindow,
      latestRtt: this.rtt.latestRtt,
      smoothedRtt: this.rtt.smoothedRtt,
      minRtt: this.rtt.minRtt,
      rate,
    };
  }

  private detectLostByTime(lost: SentPacket[], now: number): boolean {
    let hasExpired = false;
    for (const space of SPACES) {
      const { lossTime } = this.spaces[space];
      if (lossTime === undefined || lossTime > now) continue;
      hasExpired = true;
      this.detectLost(space, lost, now);
    }
    return hasExpired;
  }

  /** One pass of loss detection over a space; what it finds is appended to `lost`. */
  private detectLost(space: PacketSpace, lost: SentPacket[], now: number): void {
    const state = this.spaces[space];
    const { packetThreshold, lossDelayMs } = this.spuriousLoss;
    const { outstanding, skipped, largestAcked } = state;
    const verdict = detectLoss(outstanding, skipped, largestAcked, packetThreshold, lossDelayMs, now);
    state.lossTime = verdict.lossTime;
    const passStart = lost.length;
    state.takeBelow(verdict.lostBelow, lost);
    if (lost.length > passStart) this.reportLoss(space, passStart === 0 ? lost : lost.slice(passStart), now);
  }

  private reportLoss(space: PacketSpace, found: readonly SentPacket[], now: number): void {
    this.settle(found);
    const lost = this.spaces[space].withoutExcused(found);
    const packets = lost.some(isSilent) ? lost.filter((packet) => !isSilent(packet)) : lost;
    const newest = packets[packets.length - 1];
    if (newest === undefined) return;
    const lostBytes = packets.reduce((sum, packet) => sum + packet.bytes, 0);
    this.deliveryRate.onLost(lostBytes);
    this.spuriousLoss.onLost(this.spaces[space], packets, now);
    const isPersistent = this.isPersistent(space, lost);
    this.controller.onLoss(
      {
        lostBytes,
        largestSentAt: newest.sentAt,
        bytesInFlight: this.inFlightBytes,
        isPersistentCongestion: isPersistent,
        packets,
        totalLost: this.deliveryRate.totalLost,
      },
      now,
    );
    if (isPersistent) this.rtt.onPersistentCongestion();
  }

  private isPersistent(space: PacketSpace, lost: readonly SentPacket[]): boolean {
    const since = this.rtt.firstSampleAt;
    // Before confirmation the other space may have had answers in between; a window hardly used is not worth asking.
    if (since === undefined || !this.probeTimer.isConfirmed || space !== PacketSpace.PROTECTED) return false;
    const period = this.probeTimer.period * PERSISTENT_CONGESTION_THRESHOLD;
    return isPersistentCongestion(lost, since, period);
  }
}

/** Valid until the next call of `onAck`, which uses both arrays again. */
export interface AckOutcome {
  /** In the order in which they were sent. */
  readonly delivered: readonly SentPacket[];
  readonly lost: readonly SentPacket[];
}

/** Valid until the next call of `onTimeout`, which uses it again. */
export interface TimeoutOutcome {
  readonly lost: readonly SentPacket[];
  /** Where probes are to be sent: ack-eliciting, whatever the window says. Undefined: no PTO has expired. */
  readonly probeSpace: PacketSpace | undefined;
  readonly probeCount: number;
  /** The oldest packets of that space without an answer, not lost: their content is what a probe best carries. */
  readonly probes: readonly SentPacket[];
}

function hasAckEliciting(packets: readonly SentPacket[]): boolean {
  for (const packet of packets) if (packet.isAckEliciting) return true;
  return false;
}

function lastWithRate(packets: readonly SentPacket[]): SentPacket | undefined {
  for (let i = packets.length - 1; i >= 0; i--) {
    const packet = packets[i];
    if (packet?.rate !== undefined) return packet;
  }
  return undefined;
}

/**
 * Its loss says nothing about congestion on this path: it was not counted, it went elsewhere, or it was there to find
 * out whether its size arrives.
 */
function isSilent(packet: SentPacket): boolean {
  return packet.rate === undefined || packet.isMtuProbe === true;
}

const SPACES = [PacketSpace.HELLO, PacketSpace.PROTECTED] as const;
/** RFC 9002 §7.6.1, kPersistentCongestionThreshold. */
const PERSISTENT_CONGESTION_THRESHOLD = 3;
/** RFC 9002 §6.2.4. */
const PROBES_PER_PTO = 2;
/** NATs keep a port for 30 s and more; who gets another one each second has losses of one round trip in it excused. */
const PORT_CHANGE_INTERVAL_MS = 1_000;
