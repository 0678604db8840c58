import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { numbersOf } from './packets.js';
import { type RecoverySetup, setup } from './recovery-fixture.js';

const { PROTECTED } = PacketSpace;

/** Ten packets on the old path, of which 0 to 3 arrived after 40 ms; then the path changes at 100. */
function moved(): RecoverySetup {
  const fixture = setup();
  for (let number = 0; number < 10; number++) fixture.send(number, number);
  fixture.ack([0, 1, 2, 3], 43);
  fixture.recovery.onPathChanged(100);
  fixture.controller.acks.length = 0;
  return fixture;
}

test('[REC-7] a new path starts as a new connection: RTT, threshold, PTO count, controller', () => {
  const { controller, recovery, send, ack } = setup();
  for (let number = 0; number < 40; number++) send(number, 0);
  ack([1, 2, 3, 4, 5], 10);
  ack([0, 6], 11);
  expect(recovery.packetThreshold).toBeGreaterThan(3);
  recovery.onTimeout(60_000);
  recovery.onTimeout(60_000);
  expect(recovery.ptoCount).toBe(1);

  recovery.onPathChanged(60_000);
  expect([recovery.rtt.hasSample, recovery.rtt.smoothedRtt, recovery.rtt.minRtt]).toEqual([false, 100, 100]);
  expect([recovery.packetThreshold, recovery.ptoCount]).toEqual([3, 0]);
  expect(controller.order[controller.order.length - 1]).toBe('reset');
});

test('what is in flight on the old path fills no window of the new one, and is accounted until it is settled', () => {
  const { recovery, send, ack } = moved();
  expect([recovery.bytesInFlight, recovery.bytesInFlightElsewhere]).toEqual([0, 6 * 1_200]);
  expect(recovery.canSend(12_000)).toBe(true);
  send(10, 101);
  expect([recovery.bytesInFlight, recovery.bytesInFlightElsewhere]).toEqual([1_200, 6 * 1_200]);
  ack([4, 5], 105);
  expect([recovery.bytesInFlight, recovery.bytesInFlightElsewhere]).toEqual([1_200, 4 * 1_200]);
  expect(numbersOf(ack([10], 151).lost)).toEqual([6, 7, 8, 9]);
  expect([recovery.bytesInFlight, recovery.bytesInFlightElsewhere]).toEqual([0, 0]);
});

test('an ACK of the old path alone is no sample of the new one', () => {
  const { controller, recovery, ack } = moved();
  expect(numbersOf(ack([4, 5, 6, 7, 8, 9], 140).delivered)).toEqual([4, 5, 6, 7, 8, 9]);
  expect(recovery.rtt.hasSample).toBe(false);
  expect(controller.acks).toEqual([]);
});

test('an ACK of both paths tells the controller of the new one only', () => {
  const { controller, recovery, send, ack } = moved();
  send(10, 101);
  send(11, 103);
  ack([4, 5, 6, 7, 8, 9, 10, 11], 153);
  expect(recovery.rtt.smoothedRtt).toBe(50);
  expect(controller.acks).toMatchObject([{ ackedBytes: 2_400, largestSentAt: 103, bytesInFlight: 0 }]);
  expect(controller.acks[0]?.rate).toMatchObject({
    delivered: 2_400,
    totalDelivered: 2_400,
    priorDelivered: 0,
  });
});

test('losses of the old path are sent again but are no congestion of the new one', () => {
  const { controller, send, ack } = moved();
  for (let number = 10; number < 14; number++) send(number, 101);
  const { lost } = ack([13], 151);
  expect(numbersOf(lost)).toEqual([4, 5, 6, 7, 8, 9, 10]);
  expect(controller.losses).toMatchObject([{ lostBytes: 1_200, largestSentAt: 101, totalLost: 1_200 }]);
  expect(controller.acks).toMatchObject([{ ackedBytes: 1_200, lostBytes: 1_200 }]);
});

test('that packets of the old path come late raises no threshold of the new one', () => {
  const { recovery, send, ack } = moved();
  for (let number = 10; number < 40; number++) send(number, 101);
  expect(numbersOf(ack([12], 151).lost)).toEqual([4, 5, 6, 7, 8, 9]);
  ack([4, 5, 6, 7, 8, 9, 12], 152);
  expect([recovery.spuriousLossCount, recovery.packetThreshold]).toEqual([0, 3]);
});

test('its silence is not persistent congestion of the new one', () => {
  const { controller, recovery, send, ack } = setup();
  send(0, 0);
  ack([0], 50);
  for (let number = 1; number < 20; number++) send(number, 100 * number);
  recovery.onPathChanged(2_000);
  send(20, 2_000);
  expect(ack([20], 2_050).lost).toHaveLength(19);
  expect(controller.losses).toEqual([]);
});

test('a PTO still repeats what may have been lost with the old path', () => {
  const { recovery } = moved();
  const timeout = recovery.nextTimeout() ?? 0;
  // A PTO of the initial RTT, counted from the change: 100 + 4 x 50 + 2.
  expect(timeout).toBe(100 + 302);
  const outcome = recovery.onTimeout(timeout);
  expect([outcome.probeSpace, numbersOf(outcome.probes)]).toEqual([PROTECTED, [4, 5]]);
});

test('[REC-7] what was overtaken on a slow path is not waited for on the new one, and hides no PTO of it', () => {
  const { recovery, send, ack } = setup();
  send(0, 0);
  send(1, 0);
  ack([1], 4_000);
  // 9/8 of a round trip, counted from when it was sent.
  expect(recovery.nextTimeout()).toBe(4_500);
  recovery.onPathChanged(4_010);
  send(2, 4_010);
  expect(recovery.nextTimeout()).toBe(4_010 + 112.5);
  expect(numbersOf(recovery.onTimeout(4_010 + 112.5).lost)).toEqual([0]);
  // A PTO of the initial RTT: 100 + 4 x 50 + 2.
  expect(recovery.nextTimeout()).toBe(4_010 + 302);
});

test('a packet that tries another path is settled and tells nothing of the current one', () => {
  const { controller, recovery, send, ack } = setup();
  send(0, 0, { isOffPath: true });
  expect([recovery.bytesInFlight, recovery.bytesInFlightElsewhere]).toEqual([0, 1_200]);
  expect(recovery.nextTimeout()).toBeDefined();
  expect(numbersOf(ack([0], 700).delivered)).toEqual([0]);
  expect(recovery.rtt.hasSample).toBe(false);

  send(1, 800, { isOffPath: true });
  for (let number = 2; number < 6; number++) send(number, 800);
  expect(numbersOf(ack([2, 3, 4, 5], 850).lost)).toEqual([1]);
  expect(controller.losses).toEqual([]);
  expect(controller.acks).toMatchObject([{ ackedBytes: 4_800, lostBytes: 0 }]);
  expect([recovery.bytesInFlight, recovery.bytesInFlightElsewhere]).toEqual([0, 0]);
});

test('[MIG-10] what is lost at a port that the peer has left cuts no window, for one move in a second', () => {
  const { controller, recovery, send, ack } = setup();
  send(0, 0);
  ack([0], 50);
  for (const [first, movedAt] of [
    [1, 2_000],
    [11, 2_900],
    [21, 3_000],
  ] as const) {
    // So long ago that it would be persistent congestion.
    for (let number = first; number < first + 9; number++)
      send(number, movedAt - 900 + 100 * (number - first));
    recovery.onPortChanged(movedAt);
    send(first + 9, movedAt);
    expect(ack([first + 9], movedAt + 50).lost).toHaveLength(9);
    expect(recovery.bytesInFlight).toBe(0);
  }
  expect(controller.losses).toMatchObject([{ lostBytes: 9 * 1_200, isPersistentCongestion: true }]);
  expect(recovery.rtt.hasSample).toBe(true);
});

test('[MIG-10] what is lost after the move is congestion as ever', () => {
  const { controller, recovery, send, ack } = setup();
  for (let number = 0; number < 4; number++) send(number, 0);
  recovery.onPortChanged(10);
  for (let number = 4; number < 10; number++) send(number, 10);
  expect(numbersOf(ack([9], 60).lost)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(controller.losses).toMatchObject([{ lostBytes: 3 * 1_200, largestSentAt: 10 }]);
});
