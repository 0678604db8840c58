import { Cubic } from '../../../../src/transport/congestion/cubic.js';
import { Recovery } from '../../../../src/transport/recovery/recovery.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { ackOnlyPacket, numbersOf, rangesOf, sentPacket } from './packets.js';

const { HELLO, PROTECTED } = PacketSpace;

/** Before the first sample a PTO is 300 ms in HELLO packets, 302 ms in PROTECTED ones. */
function recoveryOf(isConfirmed = true): Recovery {
  const controller = new Cubic({ maxDatagramSize: 1_200 });
  const recovery = new Recovery({ initialRttMs: 100, controller, maxAckDelayMs: 2 });
  if (isConfirmed) recovery.setConfirmed();
  return recovery;
}

/** Lets the timer fire `count` times without an answer, and returns the times between. */
function intervals(recovery: Recovery, from: number, count: number): number[] {
  const waited: number[] = [];
  let now = from;
  for (let i = 0; i < count; i++) {
    const next = recovery.nextTimeout() ?? Infinity;
    waited.push(next - now);
    now = next;
    recovery.onTimeout(now);
  }
  return waited;
}

describe('when a PTO is armed', () => {
  test('not while nothing ack-eliciting is in flight', () => {
    const recovery = recoveryOf();
    expect(recovery.nextTimeout()).toBeUndefined();
    recovery.onPacketSent(ackOnlyPacket(0, 0), 0);
    recovery.onPacketSent(sentPacket(1, 0, { isAckEliciting: false }), 0);
    expect(recovery.nextTimeout()).toBeUndefined();
    recovery.onPacketSent(sentPacket(2, 5), 5);
    expect(recovery.nextTimeout()).toBe(307);
    recovery.onAck(PROTECTED, 2, rangesOf([0, 1, 2]), 0, 50);
    expect(recovery.nextTimeout()).toBeUndefined();
  });

  test('it counts from the newest ack-eliciting packet', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    recovery.onPacketSent(sentPacket(1, 40), 40);
    recovery.onPacketSent(ackOnlyPacket(2, 60), 60);
    expect(recovery.nextTimeout()).toBe(342);
  });

  test('[REC-5] not for PROTECTED packets before confirmation', () => {
    const recovery = recoveryOf(false);
    recovery.onPacketSent(sentPacket(0, 0), 0);
    expect(recovery.nextTimeout()).toBeUndefined();
    recovery.setConfirmed();
    expect(recovery.nextTimeout()).toBe(302);
  });

  test('[REC-5] for HELLO packets without the peer’s delay, and of two spaces the earlier', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    recovery.onPacketSent(sentPacket(0, 1, { space: HELLO }), 1);
    expect(recovery.nextTimeout()).toBe(301);
    expect(recovery.onTimeout(301).probeSpace).toBe(HELLO);
    const other = recoveryOf();
    other.onPacketSent(sentPacket(0, 0), 0);
    other.onPacketSent(sentPacket(0, 3, { space: HELLO }), 3);
    expect(other.nextTimeout()).toBe(302);
    expect(other.onTimeout(302).probeSpace).toBe(PROTECTED);
  });

  test('[AMP-4] not at the limit of an unvalidated address', () => {
    const recovery = recoveryOf(false);
    recovery.onPacketSent(sentPacket(0, 0, { space: HELLO }), 0);
    recovery.setAmplificationBlocked(true);
    expect(recovery.nextTimeout()).toBeUndefined();
    expect(recovery.onTimeout(1e6).probeSpace).toBeUndefined();
    recovery.setAmplificationBlocked(false);
    expect(recovery.nextTimeout()).toBe(300);
  });

  test('not for a discarded space', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0, { space: HELLO }), 0);
    recovery.discardSpace(HELLO);
    expect(recovery.nextTimeout()).toBeUndefined();
  });

  test('after a changed promise of the peer with its new delay', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    recovery.setPeerMaxAckDelay(25);
    expect(recovery.nextTimeout()).toBe(325);
  });
});

describe('what a PTO does', () => {
  test('[REC-5] it asks for two probes, names the oldest packets, and marks nothing as lost', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(ackOnlyPacket(0, 0), 0);
    for (let number = 1; number < 5; number++) recovery.onPacketSent(sentPacket(number, 0), 0);
    const outcome = recovery.onTimeout(302);
    expect(outcome.probeSpace).toBe(PROTECTED);
    expect(outcome.probeCount).toBe(2);
    expect(numbersOf(outcome.probes)).toEqual([1, 2]);
    expect(outcome.lost).toEqual([]);
    expect(recovery.unackedCount(PROTECTED)).toBe(5);
    expect(recovery.bytesInFlight).toBe(4_800);
    expect(recovery.ptoCount).toBe(1);
    expect(numbersOf(recovery.onAck(PROTECTED, 2, rangesOf([1, 2]), 0, 400).delivered)).toEqual([1, 2]);
  });

  test('nothing when it fires early', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    const outcome = recovery.onTimeout(301);
    expect([outcome.probeSpace, outcome.probeCount]).toEqual([undefined, 0]);
    expect(outcome.probes).toEqual([]);
    expect(recovery.ptoCount).toBe(0);
    expect(recovery.nextTimeout()).toBe(302);
  });

  test('the next one doubles, counted from when this one fired, however late', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    recovery.onTimeout(5_000);
    expect(recovery.ptoCount).toBe(1);
    expect(recovery.nextTimeout()).toBe(5_604);
    expect(recovery.onTimeout(5_000).probeSpace).toBeUndefined();
  });

  test('loss detection comes first; the PTO follows if packets remain', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    recovery.onPacketSent(sentPacket(1, 0), 0);
    recovery.onPacketSent(sentPacket(2, 0), 0);
    recovery.onAck(PROTECTED, 1, rangesOf([1]), 0, 80);
    expect(recovery.nextTimeout()).toBe(90);
    const late = recovery.onTimeout(10_000);
    expect(numbersOf(late.lost)).toEqual([0]);
    expect(late.probeSpace).toBeUndefined();
    expect(recovery.onTimeout(10_000).probeSpace).toBe(PROTECTED);
  });
});

describe('backoff', () => {
  test('[REC-6] doubles up to one second', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    expect(intervals(recovery, 0, 5)).toEqual([302, 604, 1_000, 1_000, 1_000]);
  });

  test('[REC-6] or up to four round trips where they are longer', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    recovery.onAck(PROTECTED, 0, rangesOf([0]), 0, 700);
    recovery.onPacketSent(sentPacket(1, 1_000), 1_000);
    expect(intervals(recovery, 1_000, 3)).toEqual([2_102, 2_800, 2_800]);
  });

  test('[REC-6] never waits less than a plain PTO', () => {
    const recovery = recoveryOf();
    recovery.setPeerMaxAckDelay(9_000);
    recovery.onPacketSent(sentPacket(0, 0), 0);
    expect(intervals(recovery, 0, 2)).toEqual([9_300, 9_300]);
  });

  test('goes on for ever without overflow', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    expect(intervals(recovery, 0, 3_000).slice(-1)).toEqual([1_000]);
    expect(recovery.ptoCount).toBe(3_000);
  });

  test('[REC-6] ends with an ACK of something new', () => {
    const recovery = recoveryOf();
    recovery.onPacketSent(sentPacket(0, 0), 0);
    recovery.onPacketSent(sentPacket(1, 0), 0);
    recovery.onAck(PROTECTED, 0, rangesOf([0]), 0, 100);
    recovery.onTimeout(1e4);
    recovery.onAck(PROTECTED, 0, rangesOf([0]), 0, 1e4 + 1);
    expect(recovery.ptoCount).toBe(1);
    recovery.onAck(PROTECTED, 1, rangesOf([0, 1]), 0, 1e4 + 2);
    expect(recovery.ptoCount).toBe(0);
  });

  test('goes on at a client whose server may not be able to answer', () => {
    const recovery = recoveryOf(false);
    recovery.handshakeProbeNeeded = true;
    recovery.onPacketSent(sentPacket(0, 0, { space: HELLO }), 0);
    recovery.onTimeout(300);
    recovery.onAck(HELLO, 0, rangesOf([0]), 0, 400);
    expect(recovery.ptoCount).toBe(1);
  });

  test('ends when a space is discarded', () => {
    const recovery = recoveryOf(false);
    recovery.onPacketSent(sentPacket(0, 0, { space: HELLO }), 0);
    recovery.onTimeout(300);
    recovery.discardSpace(HELLO);
    expect(recovery.ptoCount).toBe(0);
  });
});

describe('a client whose address the server may not have validated', () => {
  function waitingClient(): Recovery {
    const recovery = recoveryOf(false);
    recovery.handshakeProbeNeeded = true;
    recovery.onPacketSent(sentPacket(0, 0, { space: HELLO }), 0);
    return recovery;
  }

  test('[AMP-4] probes with nothing in flight, once, in HELLO packets, counted from the last progress', () => {
    const recovery = waitingClient();
    recovery.onAck(HELLO, 0, rangesOf([0]), 0, 50);
    expect(recovery.nextTimeout()).toBe(50 + 50 + 100);
    const outcome = recovery.onTimeout(200);
    expect([outcome.probeSpace, outcome.probeCount]).toEqual([HELLO, 1]);
    expect(outcome.probes).toEqual([]);
    // The probe could not be sent: the next comes later, not at once.
    expect(recovery.nextTimeout()).toBe(200 + 300);
  });

  test('probes also when only PROTECTED packets are in flight, which have no PTO yet', () => {
    const recovery = waitingClient();
    recovery.onPacketSent(sentPacket(0, 10), 10);
    recovery.onAck(HELLO, 0, rangesOf([0]), 0, 50);
    expect(recovery.nextTimeout()).toBe(200);
    expect(recovery.onTimeout(200).probeSpace).toBe(HELLO);
  });

  test('probes in PROTECTED packets once HELLO is gone', () => {
    const recovery = waitingClient();
    recovery.discardSpace(HELLO);
    expect(recovery.nextTimeout()).toBe(302);
    expect(recovery.onTimeout(302).probeSpace).toBe(PROTECTED);
  });

  test('follows the ordinary rule while HELLO packets are in flight', () => {
    const recovery = waitingClient();
    recovery.onPacketSent(ackOnlyPacket(0, 200), 200);
    expect(recovery.nextTimeout()).toBe(300);
    expect(recovery.onTimeout(300).probeCount).toBe(2);
  });

  test('stops when the server is known to have validated it, or the handshake is confirmed', () => {
    const validated = waitingClient();
    validated.onAck(HELLO, 0, rangesOf([0]), 0, 50);
    validated.handshakeProbeNeeded = false;
    expect(validated.nextTimeout()).toBeUndefined();
    const confirmed = waitingClient();
    confirmed.onAck(HELLO, 0, rangesOf([0]), 0, 50);
    confirmed.setConfirmed();
    expect(confirmed.nextTimeout()).toBeUndefined();
  });

  test('waits for nothing before it has sent anything', () => {
    const recovery = recoveryOf(false);
    recovery.handshakeProbeNeeded = true;
    expect(recovery.nextTimeout()).toBeUndefined();
  });
});
