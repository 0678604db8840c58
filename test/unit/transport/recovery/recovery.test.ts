import { Cubic } from '../../../../src/transport/congestion/cubic.js';
import { Recovery } from '../../../../src/transport/recovery/recovery.js';
import { DEFAULT_RECOVERY_LIMITS } from '../../../../src/transport/recovery/recovery-options.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { ackOnlyPacket, errorCodeOf, numbersOf, rangesOf, sentPacket } from './packets.js';
import { setup } from './recovery-fixture.js';

const { HELLO, PROTECTED } = PacketSpace;

describe('delivery', () => {
  test('an acknowledged packet is delivered once, in the order of sending', () => {
    const { recovery, send, ack } = setup();
    for (let number = 0; number < 6; number++) send(number, number);
    expect(numbersOf(ack([0, 1, 4, 5], 50).delivered)).toEqual([0, 1, 4, 5]);
    expect(recovery.unackedCount(PROTECTED)).toBe(1);
    expect(recovery.bytesInFlight).toBe(1_200);
    expect(numbersOf(ack([0, 1, 4, 5], 51).delivered)).toEqual([]);
    expect(recovery.largestAcked(PROTECTED)).toBe(5);
    expect(recovery.largestAcked(HELLO)).toBe(-1);
  });

  test('[ACK-3] an ACK covers its own space only', () => {
    const { recovery, send, ack } = setup();
    send(0, 0, { space: HELLO });
    send(0, 0, { space: PROTECTED });
    const { delivered } = ack([0], 10, HELLO);
    expect(delivered.map((packet) => packet.space)).toEqual([HELLO]);
    expect(recovery.unackedCount(HELLO)).toBe(0);
    expect(recovery.unackedCount(PROTECTED)).toBe(1);
    expect(recovery.bytesInFlight).toBe(1_200);
  });

  test('[ACK-6] an ACK of a packet that was never sent is a protocol violation and changes nothing', () => {
    const { recovery, send, ack } = setup();
    send(0, 0);
    send(1, 0, { space: HELLO });
    expect(errorCodeOf(() => ack([0, 1], 10))).toBe(TransportErrorCode.PROTOCOL_VIOLATION);
    expect(recovery.bytesInFlight).toBe(2_400);
    expect(recovery.largestAcked(PROTECTED)).toBe(-1);
    expect(errorCodeOf(() => ack([0], 10, HELLO))).toBe(TransportErrorCode.PROTOCOL_VIOLATION);
  });

  test('[CON-1] packets that are not in flight count for nothing but are delivered', () => {
    const { controller, recovery, ack } = setup();
    recovery.onPacketSent(ackOnlyPacket(0, 0), 0);
    expect(recovery.bytesInFlight).toBe(0);
    expect(recovery.unackedCount(PROTECTED)).toBe(1);
    expect(numbersOf(ack([0], 10).delivered)).toEqual([0]);
    expect(controller.sent).toEqual([]);
    expect(controller.acks).toEqual([]);
  });

  test('an ACK of 600 ranges settles each packet once', () => {
    const { recovery, send, ack } = setup();
    for (let number = 0; number < 1_200; number++) send(number, 0, { bytes: 10 });
    const even = Array.from({ length: 600 }, (_, i) => 2 * i);
    const first = ack(even, 1);
    expect(first.delivered).toHaveLength(600);
    expect(first.lost).toHaveLength(598);
    expect(recovery.bytesInFlight).toBe(20);
    expect(ack(even, 1)).toEqual({ delivered: [], lost: [] });
  });
});

describe('the window', () => {
  test('[CON-1] has room up to its last byte', () => {
    const { recovery, send } = setup();
    for (let number = 0; number < 9; number++) send(number, 0);
    expect(recovery.canSend(1_200)).toBe(true);
    expect(recovery.canSend(1_201)).toBe(false);
  });

  test('a smaller limit of the peer’s buffer holds, but a lone datagram always leaves', () => {
    const { recovery, send } = setup();
    recovery.maxBytesInFlight = 1_000;
    expect(recovery.canSend(1_200)).toBe(true);
    send(0, 0, { bytes: 500 });
    expect(recovery.canSend(500)).toBe(true);
    expect(recovery.canSend(501)).toBe(false);
  });

  test('packets in flight are limited in number, over both spaces', () => {
    const { recovery, send, ack } = setup({ ...DEFAULT_RECOVERY_LIMITS, maxPacketsInFlight: 3 });
    send(0, 0, { space: HELLO, bytes: 1 });
    send(0, 0, { bytes: 1 });
    expect(recovery.canSend(1)).toBe(true);
    send(1, 0, { bytes: 1 });
    expect(recovery.canSend(1)).toBe(false);
    ack([0], 10);
    expect(recovery.canSend(1)).toBe(true);
  });

  test('the controller is told of sending, ACKs and losses in bytes, the loss first', () => {
    const { controller, send, ack } = setup();
    for (let number = 0; number < 5; number++) send(number, number);
    expect(controller.sent[4]).toEqual([1_200, 6_000]);
    ack([3, 4], 50);
    expect(controller.order).toEqual(['loss', 'ack']);
    expect(controller.losses).toMatchObject([
      { lostBytes: 2_400, largestSentAt: 1, bytesInFlight: 1_200, isPersistentCongestion: false },
    ]);
    expect(controller.acks[0]).toMatchObject({
      ackedBytes: 2_400,
      largestSentAt: 4,
      priorBytesInFlight: 6_000,
      bytesInFlight: 1_200,
      latestRtt: 46,
      smoothedRtt: 46,
      minRtt: 46,
    });
  });

  test('is told of the path’s largest datagram', () => {
    const { controller, recovery } = setup();
    recovery.onMaxDatagramSize(1_452);
    expect(controller.maxDatagramSize).toBe(1_452);
  });

  test('[CON-2] grows only by packets sent when it was full', () => {
    const { controller, recovery, send, ack } = setup();
    send(0, 0);
    ack([0], 10);
    expect(controller.acks[0]?.isAppLimited).toBe(true);

    send(1, 20);
    recovery.setAppLimited(false);
    ack([1], 30);
    expect(controller.acks[1]?.isAppLimited).toBe(false);

    send(2, 40);
    recovery.setAppLimited(false);
    send(3, 45);
    recovery.setAppLimited(true);
    ack([2], 50);
    ack([3], 51);
    expect(controller.acks[2]?.isAppLimited).toBe(false);
    expect(controller.acks[3]?.isAppLimited).toBe(true);
  });
});

describe('RTT samples', () => {
  test('[REC-4] come from the largest packet when it is newly acknowledged', () => {
    const { recovery, send, ack } = setup();
    send(0, 8);
    send(1, 10);
    ack([1], 40);
    expect(recovery.rtt.latestRtt).toBe(30);
    expect(numbersOf(ack([0, 1], 41).delivered)).toEqual([0]);
    expect(recovery.rtt.latestRtt).toBe(30);
  });

  test('need something ack-eliciting among the newly acknowledged', () => {
    const { recovery, send, ack } = setup();
    recovery.onPacketSent(ackOnlyPacket(0, 0), 0);
    ack([0], 500);
    expect(recovery.rtt.hasSample).toBe(false);
    send(1, 500);
    recovery.onPacketSent(ackOnlyPacket(2, 505), 505);
    ack([1, 2], 535);
    expect(recovery.rtt.latestRtt).toBe(30);
  });

  test('believe the peer’s delay up to what it promised', () => {
    const { recovery, send, ack } = setup();
    recovery.setPeerMaxAckDelay(5);
    send(0, 0);
    ack([0], 100);
    send(1, 200);
    ack([1], 320, PROTECTED, 1_000);
    expect(recovery.rtt.smoothedRtt).toBe(0.875 * 100 + 0.125 * 115);
  });

  test('take no delay off HELLO packets', () => {
    const { recovery, send, ack } = setup();
    send(0, 0, { space: HELLO });
    ack([0], 100, HELLO);
    send(1, 200, { space: HELLO });
    ack([1], 320, HELLO, 10);
    expect(recovery.rtt.smoothedRtt).toBe(0.875 * 100 + 0.125 * 120);
  });
});

describe('loss', () => {
  test('[REC-1] three packets later is lost, two is not yet', () => {
    const { send, ack } = setup();
    for (let number = 0; number < 4; number++) send(number, 0);
    expect(numbersOf(ack([2], 10).lost)).toEqual([]);
    expect(numbersOf(ack([3], 11).lost)).toEqual([0]);
  });

  test('[REC-1] by time: nine eighths of the RTT after sending', () => {
    const { controller, recovery, send, ack } = setup();
    send(0, 0);
    send(1, 1);
    ack([1], 81);
    expect(recovery.rtt.smoothedRtt).toBe(80);
    expect(recovery.nextTimeout()).toBe(90);
    expect(recovery.onTimeout(89.9).lost).toEqual([]);
    const outcome = recovery.onTimeout(90);
    expect(numbersOf(outcome.lost)).toEqual([0]);
    expect(outcome.probeSpace).toBeUndefined();
    expect(outcome.probeCount).toBe(0);
    expect(recovery.bytesInFlight).toBe(0);
    expect(recovery.nextTimeout()).toBeUndefined();
    expect(controller.losses).toHaveLength(1);
    expect(recovery.ptoCount).toBe(0);
  });

  test('the loss time of each space is its own, and one late timeout serves both', () => {
    const { controller, recovery, send, ack } = setup();
    send(0, 0, { space: HELLO });
    send(1, 0, { space: HELLO });
    send(0, 10);
    send(1, 10);
    ack([1], 80, HELLO);
    ack([1], 90);
    expect(recovery.nextTimeout()).toBe(90);
    const { lost } = recovery.onTimeout(1_000);
    expect(lost.map((packet) => packet.space)).toEqual([HELLO, PROTECTED]);
    expect(controller.losses.map((loss) => loss.lostBytes)).toEqual([1_200, 1_200]);
    expect(recovery.bytesInFlight).toBe(0);
  });

  test('of ACK-only packets is no congestion', () => {
    const { controller, recovery, send, ack } = setup();
    recovery.onPacketSent(ackOnlyPacket(0, 0), 0);
    for (let number = 1; number < 5; number++) send(number, 0);
    expect(numbersOf(ack([1, 2, 3, 4], 10).lost)).toEqual([0]);
    expect(controller.losses).toEqual([]);
  });

  test('that persists is told to the controller, and the smallest RTT starts again', () => {
    const { controller, recovery, send, ack } = setup();
    send(0, 0);
    ack([0], 50);
    // A PTO is 50 + 4 x 25 + 2 = 152: persistent above 456 ms.
    for (let number = 1; number <= 11; number++) send(number, 50 * number);
    ack([11], 700);
    expect(controller.losses.map((loss) => loss.isPersistentCongestion)).toEqual([false]);

    for (let number = 12; number <= 30; number++) send(number, 800 + 100 * number);
    ack([30], 3_890);
    expect(controller.losses.map((loss) => loss.isPersistentCongestion)).toEqual([false, true]);
    expect(recovery.rtt.minRtt).toBe(90);
  });

  test('is persistent only in PROTECTED packets of a confirmed connection', () => {
    const { controller, send, ack } = setup();
    send(0, 0, { space: HELLO });
    ack([0], 50, HELLO);
    for (let number = 1; number <= 20; number++) send(number, 100 * number, { space: HELLO });
    ack([20], 2_050, HELLO);
    expect(controller.losses.map((loss) => loss.isPersistentCongestion)).toEqual([false]);

    const recovery = new Recovery({ initialRttMs: 100, controller, maxAckDelayMs: 2 });
    for (let number = 0; number <= 20; number++) {
      recovery.onPacketSent(sentPacket(number, 100 * number), 100 * number);
      if (number === 0) recovery.onAck(PROTECTED, 0, [0, 0], 0, 50);
    }
    recovery.onAck(PROTECTED, 20, [20, 20], 0, 2_050);
    expect(controller.losses.map((loss) => loss.isPersistentCongestion)).toEqual([false, false]);
  });

  test('before the first RTT sample is never persistent', () => {
    const { controller, send, ack } = setup();
    for (let number = 0; number < 30; number++) send(number, 1_000 * number);
    ack([29], 30_000);
    expect(controller.losses.map((loss) => loss.isPersistentCongestion)).toEqual([false]);
  });
});

describe('spurious loss', () => {
  test('[REC-2] is noticed by a late ACK, delivers nothing again, and raises the packet threshold', () => {
    const { recovery, send, ack } = setup();
    for (let number = 0; number < 40; number++) send(number, 0);
    expect(numbersOf(ack([1, 2, 3, 4, 5], 10).lost)).toEqual([0]);
    expect(recovery.packetThreshold).toBe(3);
    const late = ack([0, 1, 2, 3, 4, 5, 6], 11);
    expect(numbersOf(late.delivered)).toEqual([6]);
    expect(recovery.spuriousLossCount).toBe(1);
    expect(recovery.packetThreshold).toBe(6);
    expect(numbersOf(ack([12], 12).lost)).toEqual([]);
  });

  test('[REC-2] raises it at least by one each time, up to half the packets in flight', () => {
    const { recovery, send, ack } = setup();
    for (let number = 0; number < 11; number++) send(number, 0);
    // Five or six remain in flight when the late ACKs come: half of that is no more than the threshold.
    ack([3, 4, 5, 6], 10);
    ack([0], 11);
    ack([1], 12);
    expect(recovery.spuriousLossCount).toBe(2);
    expect(recovery.packetThreshold).toBe(3);

    for (let number = 11; number < 31; number++) send(number, 13);
    ack([10], 14);
    ack([7], 15);
    // 7 was overtaken by three.
    expect(recovery.packetThreshold).toBe(4);
    ack([2], 16);
    expect(recovery.packetThreshold).toBe(9);
  });

  test('raises it also when the packet was lost by time', () => {
    const { recovery, send, ack } = setup();
    for (let number = 0; number < 20; number++) send(number, 10);
    ack([1], 90);
    send(20, 91);
    expect(numbersOf(recovery.onTimeout(100).lost)).toEqual([0]);
    ack([0], 101);
    expect(recovery.packetThreshold).toBe(4);
  });

  test('does not count a packet twice, nor one that is not remembered any more', () => {
    const { recovery, send, ack } = setup({ ...DEFAULT_RECOVERY_LIMITS, maxLostRemembered: 2 });
    for (let number = 0; number < 60; number++) send(number, 0);
    expect(numbersOf(ack([6, 7], 10).lost)).toEqual([0, 1, 2, 3, 4]);
    ack([0, 1, 2], 11);
    expect(recovery.spuriousLossCount).toBe(0);
    expect(recovery.packetThreshold).toBe(3);
    ack([0, 1, 2, 3], 12);
    ack([0, 1, 2, 3], 13);
    expect(recovery.spuriousLossCount).toBe(1);
  });

  test('with the threshold raised time still decides', () => {
    const { recovery, send, ack } = setup();
    for (let number = 0; number < 100; number++) send(number, 0);
    ack([20], 80);
    ack([0], 81);
    expect(recovery.packetThreshold).toBe(21);
    send(100, 100);
    send(101, 101);
    ack([99, 101], 181);
    expect(recovery.nextTimeout()).toBe(190);
    expect(numbersOf(recovery.onTimeout(190).lost)).toEqual([100]);
  });
});

describe('discarding a space', () => {
  test('[HSK-6] gives back its packets, takes them out of flight, and is no congestion', () => {
    const { controller, recovery, send, ack } = setup();
    send(0, 0, { space: HELLO });
    send(1, 0, { space: HELLO });
    send(0, 0);
    ack([1], 10, HELLO);
    expect(numbersOf(recovery.discardSpace(HELLO))).toEqual([0]);
    expect(recovery.bytesInFlight).toBe(1_200);
    expect(recovery.unackedCount(HELLO)).toBe(0);
    expect(controller.losses).toEqual([]);
    ack([0], 11);
    expect(recovery.nextTimeout()).toBeUndefined();
    expect(numbersOf(recovery.onTimeout(1e6).lost)).toEqual([]);
    expect(recovery.discardSpace(HELLO)).toEqual([]);
  });

  test('a late ACK for it finds nothing', () => {
    const { recovery, send, ack } = setup();
    send(0, 0, { space: HELLO });
    recovery.discardSpace(HELLO);
    expect(ack([0], 10, HELLO)).toEqual({ delivered: [], lost: [] });
    expect(recovery.rtt.hasSample).toBe(false);
  });
});

test('[CON-2] a loss under CUBIC cuts the window once for the losses of one round trip', () => {
  const controller = new Cubic({ maxDatagramSize: 1_200 });
  const recovery = new Recovery({ initialRttMs: 100, controller, maxAckDelayMs: 2 });
  recovery.setConfirmed();
  for (let number = 0; number < 32; number++)
    recovery.onPacketSent(sentPacket(number, number / 10), number / 10);
  recovery.setAppLimited(false);
  const before = controller.congestionWindow;
  for (let number = 4; number < 32; number += 4) {
    recovery.onAck(PROTECTED, number, rangesOf([number]), 0, 50 + number / 10);
  }
  expect(controller.congestionWindow).toBe(Math.floor(0.7 * before));
});
