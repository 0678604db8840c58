import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { numbersOf, sentPacket } from './packets.js';
import { setup } from './recovery-fixture.js';

const { PROTECTED } = PacketSpace;
const PROBE = { bytes: 9_000, isMtuProbe: true };

test('[CON-2] the loss of an MTU probe is told to its player and not to the controller', () => {
  const { controller, recovery, send, ack } = setup();
  send(0, 0, PROBE);
  for (let number = 1; number < 5; number++) send(number, 0);
  expect(recovery.bytesInFlight).toBe(9_000 + 4 * 1_200);
  expect(numbersOf(ack([1, 2, 3, 4], 10).lost)).toEqual([0]);
  expect(recovery.bytesInFlight).toBe(0);
  expect(controller.losses).toEqual([]);
  expect(controller.acks[0]).toMatchObject({ ackedBytes: 4_800, lostBytes: 0 });
});

test('of a pass that loses others too the controller hears of the others', () => {
  const { controller, send, ack } = setup();
  send(0, 0);
  send(1, 1, PROBE);
  for (let number = 2; number < 6; number++) send(number, 2);
  expect(numbersOf(ack([2, 3, 4, 5], 10).lost)).toEqual([0, 1]);
  expect(controller.losses).toMatchObject([{ lostBytes: 1_200, largestSentAt: 0, totalLost: 1_200 }]);
  expect(numbersOf(controller.losses[0]?.packets ?? [])).toEqual([0]);
});

test('it is acknowledged, and counted as delivered, like any other', () => {
  const { controller, recovery, send, ack } = setup();
  send(0, 0, PROBE);
  expect(numbersOf(ack([0], 10).delivered)).toEqual([0]);
  expect(recovery.bytesInFlight).toBe(0);
  expect(controller.acks[0]).toMatchObject({ ackedBytes: 9_000 });
  expect(recovery.rtt.latestRtt).toBe(10);
});

test('lost probes neither start nor end persistent congestion, but packets on both sides of one are a period', () => {
  // Two samples of 50 make a PTO of 50 + 4 x 18.75 + 2 = 127: persistent above 381 ms.
  const lostAt = (isProbe: (number: number) => boolean): readonly boolean[] => {
    const { controller, send, ack } = setup();
    send(0, 0);
    ack([0], 50);
    for (let number = 1; number <= 11; number++)
      send(number, 50 + 100 * number, isProbe(number) ? PROBE : {});
    ack([11], 1_200);
    return controller.losses.map((loss) => loss.isPersistentCongestion);
  };
  expect(lostAt(() => false)).toEqual([true]);
  expect(lostAt((number) => number === 4)).toEqual([true]);
  expect(lostAt((number) => number < 7)).toEqual([false]);
  expect(lostAt((number) => number > 2 && number < 11)).toEqual([false]);
});

test('[REC-5] a PTO repeats what others carried: a lone lost probe asks with a PING', () => {
  const { recovery, send } = setup();
  send(0, 0, PROBE);
  send(1, 0);
  const first = recovery.onTimeout(recovery.nextTimeout() ?? 0);
  expect([first.probeSpace, first.probeCount, numbersOf(first.probes)]).toEqual([PROTECTED, 2, [1]]);

  const alone = setup();
  alone.send(0, 0, PROBE);
  const second = alone.recovery.onTimeout(alone.recovery.nextTimeout() ?? 0);
  expect([second.probeSpace, second.probeCount, second.probes]).toEqual([PROTECTED, 2, []]);
});

test('[CON-1] it fills the window for those behind it', () => {
  const { recovery } = setup();
  recovery.onPacketSent(sentPacket(0, 0, { bytes: 11_000, isMtuProbe: true }), 0);
  expect(recovery.canSend(1_000)).toBe(true);
  expect(recovery.canSend(1_001)).toBe(false);
});
