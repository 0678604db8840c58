/** What holds of recovery after every step of any history: sending, ACKs in any order, timeouts early and late. */
import fc from 'fast-check';
import {
  type CongestionController,
  type LossSample,
} from '../../../../src/transport/congestion/congestion-controller.js';
import { Cubic } from '../../../../src/transport/congestion/cubic.js';
import { Recovery } from '../../../../src/transport/recovery/recovery.js';
import { PacketSpace, type SentPacket } from '../../../../src/transport/recovery/sent-packet.js';
import { rangesOf, sentPacket } from './packets.js';

const { HELLO, PROTECTED } = PacketSpace;
const LIMITS = { maxPacketsInFlight: 1_000, maxAckOnlyPackets: 1_000, maxLostRemembered: 16 };

interface Step {
  readonly kind:
    'send' | 'ack' | 'timeout' | 'confirm' | 'block' | 'unblock' | 'appLimited' | 'windowFull' | 'move';
  readonly space: PacketSpace;
  readonly wait: number;
  readonly size: number;
  readonly isAckOnly: boolean;
  readonly isMtuProbe: boolean;
  readonly isOffPath: boolean;
  /** Numbers left out before the packet. */
  readonly skip: number;
  /** Which packet numbers an ACK takes: those whose residue is not in it. */
  readonly missing: readonly number[];
  readonly reach: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step['kind'][]>(
    ...(['send', 'send', 'send', 'send', 'ack', 'ack', 'timeout', 'timeout'] as const),
    ...(['confirm', 'block', 'unblock', 'appLimited', 'windowFull', 'move'] as const),
  ),
  space: fc.constantFrom<PacketSpace[]>(HELLO, PROTECTED, PROTECTED, PROTECTED),
  wait: fc.constantFrom(0, 0, 0.25, 1, 3, 20, 150, 2_000),
  size: fc.integer({ min: 1, max: 1_200 }),
  isAckOnly: fc.boolean(),
  isMtuProbe: fc.nat(9).map((draw) => draw === 0),
  isOffPath: fc.nat(9).map((draw) => draw === 0),
  skip: fc.nat(19).map((draw) => (draw === 0 ? 1 : 0)),
  missing: fc.uniqueArray(fc.nat(10), { maxLength: 9 }),
  reach: fc.integer({ min: 0, max: 12 }),
});

/** A history and what must be true of it, kept by the plainest means. */
class History {
  readonly controller = new Cubic({ maxDatagramSize: 1_200 });
  readonly recovery: Recovery;
  now = 1_000;
  private readonly open = [new Map<number, SentPacket>(), new Map<number, SentPacket>()] as const;
  private lastCutAt = -Infinity;
  private readonly settled = new Set<SentPacket>();
  private readonly nextNumber: [number, number] = [0, 0];
  private readonly used = [new Set<number>(), new Set<number>()] as const;
  /** What left before the path changed. */
  private readonly left = new Set<SentPacket>();
  private isHelloDiscarded = false;
  private isConfirmed = false;
  private isBlocked = false;

  constructor() {
    const { controller } = this;
    const watched: CongestionController = {
      get congestionWindow() {
        return controller.congestionWindow;
      },
      pacingRate: undefined,
      onPacketSent: () => undefined,
      onAck: (sample, now) => {
        controller.onAck(sample, now);
      },
      onLoss: (loss, now) => {
        this.lose(loss, now);
      },
      onLossUndone: () => {
        controller.onLossUndone();
        // What was a mistake does not count as a cut.
        this.lastCutAt = -Infinity;
      },
      onMaxDatagramSize: () => undefined,
      reset: () => {
        controller.reset();
      },
    };
    this.recovery = new Recovery({
      initialRttMs: 100,
      controller: watched,
      maxAckDelayMs: 2,
      limits: LIMITS,
    });
  }

  take(step: Step): void {
    this.now += step.wait;
    const { recovery } = this;
    if (step.kind === 'send') this.send(step);
    else if (step.kind === 'ack') this.ack(step);
    else if (step.kind === 'timeout') this.timeout();
    else if (step.kind === 'confirm') this.confirm();
    else if (step.kind === 'move') this.move();
    else if (step.kind === 'block' || step.kind === 'unblock') {
      this.isBlocked = step.kind === 'block';
      recovery.setAmplificationBlocked(this.isBlocked);
    } else recovery.setAppLimited(step.kind === 'appLimited');
    this.check();
  }

  private send(step: Step): void {
    const space = this.isHelloDiscarded ? PROTECTED : step.space;
    if (!step.isAckOnly && !this.recovery.canSend(step.size)) return;
    const isInFlight = !step.isAckOnly;
    this.nextNumber[space] += step.skip;
    const packet = sentPacket(this.nextNumber[space]++, this.now, {
      space,
      bytes: step.size,
      isAckEliciting: isInFlight,
      isInFlight,
      isMtuProbe: isInFlight && step.isMtuProbe,
      isOffPath: isInFlight && step.isOffPath,
    });
    this.used[space].add(packet.packetNumber);
    this.open[space].set(packet.packetNumber, packet);
    this.recovery.onPacketSent(packet, this.now);
    if (packet.isInFlight)
      expect(this.recovery.bytesInFlight).toBeLessThanOrEqual(this.controller.congestionWindow);
  }

  private ack({ space, missing, reach }: Step): void {
    const largest = this.nextNumber[space] - 1 - (reach % 5);
    const acked: number[] = [];
    for (let number = Math.max(largest - 11, 0); number <= largest; number++) {
      const isTaken = number === largest || !missing.includes(number % 11);
      if (isTaken && this.used[space].has(number)) acked.push(number);
    }
    if (acked[acked.length - 1] !== largest) return;
    const hasNew = acked.some((number) => this.open[space].has(number));
    const outcome = this.recovery.onAck(space, largest, rangesOf(acked), 0, this.now);
    expect(outcome.delivered.every((packet) => acked.includes(packet.packetNumber))).toBe(true);
    expect(outcome.lost.every((packet) => packet.packetNumber < largest)).toBe(true);
    this.settle(outcome.delivered);
    this.settle(outcome.lost);
    expect(acked.some((number) => this.open[space].has(number))).toBe(false);
    if (hasNew) expect(this.recovery.ptoCount).toBe(0);
  }

  private lose(loss: LossSample, now: number): void {
    const before = this.controller.congestionWindow;
    for (const packet of loss.packets) {
      expect([packet.isInFlight, packet.isMtuProbe, packet.isOffPath]).toEqual([true, false, false]);
      expect(this.left.has(packet)).toBe(false);
    }
    this.controller.onLoss(loss, now);
    if (this.controller.congestionWindow === before) return;
    // Once per round trip: only for what was sent after the last cut.
    expect(loss.largestSentAt > this.lastCutAt || loss.isPersistentCongestion).toBe(true);
    this.lastCutAt = now;
  }

  private timeout(): void {
    const due = this.recovery.nextTimeout() ?? Infinity;
    const outcome = this.recovery.onTimeout(this.now);
    if (due > this.now) {
      expect([outcome.lost.length, outcome.probeCount]).toEqual([0, 0]);
    }
    if (outcome.probeCount > 0) expect(outcome.lost).toEqual([]);
    for (const probe of outcome.probes) {
      expect(this.open[probe.space].get(probe.packetNumber)).toBe(probe);
      expect(probe.isAckEliciting).toBe(true);
      // A probe in HELLO takes along what rode in the first flight.
      if (outcome.probeSpace === PacketSpace.PROTECTED) expect(probe.space).toBe(PacketSpace.PROTECTED);
    }
    this.settle(outcome.lost);
    // Nothing fires twice without time moving, but for a PTO behind a loss.
    this.settle(this.recovery.onTimeout(this.now).lost);
    expect(this.recovery.nextTimeout() ?? Infinity).toBeGreaterThan(this.now);
  }

  private move(): void {
    for (const space of [HELLO, PROTECTED])
      for (const packet of this.open[space].values()) this.left.add(packet);
    this.recovery.onPathChanged(this.now);
    this.lastCutAt = -Infinity;
    expect([this.recovery.bytesInFlight, this.recovery.rtt.hasSample]).toEqual([0, false]);
  }

  private confirm(): void {
    this.recovery.setConfirmed();
    this.isConfirmed = true;
    this.settle(this.recovery.discardSpace(HELLO));
    this.isHelloDiscarded = true;
    expect(this.open[HELLO].size).toBe(0);
  }

  private settle(packets: readonly SentPacket[]): void {
    for (const packet of packets) {
      expect(this.settled.has(packet)).toBe(false);
      expect(this.open[packet.space].get(packet.packetNumber)).toBe(packet);
      this.settled.add(packet);
      this.open[packet.space].delete(packet.packetNumber);
    }
  }

  private check(): void {
    const { recovery, open } = this;
    const unsettled = [...open[HELLO].values(), ...open[PROTECTED].values()];
    const inFlight = unsettled.filter((packet) => packet.isInFlight);
    const elsewhere = inFlight.filter((packet) => packet.isOffPath === true || this.left.has(packet));
    const bytesOf = (packets: readonly SentPacket[]): number =>
      packets.reduce((sum, packet) => sum + packet.bytes, 0);
    expect(recovery.bytesInFlightElsewhere).toBe(bytesOf(elsewhere));
    expect(recovery.bytesInFlight + recovery.bytesInFlightElsewhere).toBe(bytesOf(inFlight));
    expect(recovery.unackedCount(HELLO)).toBe(open[HELLO].size);
    expect(recovery.unackedCount(PROTECTED)).toBe(open[PROTECTED].size);
    expect(this.controller.congestionWindow).toBeGreaterThanOrEqual(2_400);
    expect(recovery.packetThreshold).toBeGreaterThanOrEqual(3);
    const isProbed = inFlight.some((packet) => packet.space === HELLO || this.isConfirmed);
    if (isProbed && !this.isBlocked) expect(recovery.nextTimeout()).toBeDefined();
    // Recovery alone: the cap is the larger of a second and four round trips, or a plain PTO.
    const cap = Math.max(1_000, 4 * recovery.rtt.smoothedRtt, recovery.rtt.ptoPeriod(2));
    expect((recovery.nextTimeout() ?? 0) - this.now).toBeLessThanOrEqual(cap);
  }
}

test('[CON-1] each packet is settled exactly once, bytes in flight are their sum, the window and the timers hold', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const history = new History();
      for (const each of steps) history.take(each);
    }),
    { numRuns: 300 },
  );
});
