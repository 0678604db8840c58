import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { DEFAULT_RECOVERY_LIMITS } from '../../../../src/transport/recovery/recovery-options.js';
import { numbersOf } from './packets.js';
import { type RecoverySetup, setup } from './recovery-fixture.js';

const { HELLO, PROTECTED } = PacketSpace;

function undone({ controller }: RecoverySetup): number {
  return controller.order.filter((call) => call === 'undone').length;
}

/** Twenty packets of which 0, 1 and 2 were overtaken and declared lost at 50. */
function overtaken(): RecoverySetup {
  const fixture = setup();
  for (let number = 0; number < 20; number++) fixture.send(number, number / 10);
  expect(numbersOf(fixture.ack([3, 4, 5], 50).lost)).toEqual([0, 1, 2]);
  return fixture;
}

describe('[REC-8] the cut of the window', () => {
  test('is undone when everything lost since has arrived, once, and before the same ACK is told', () => {
    const fixture = overtaken();
    fixture.ack([0, 1], 51);
    expect(undone(fixture)).toBe(0);
    fixture.controller.order.length = 0;
    fixture.ack([2, 6], 52);
    expect(fixture.controller.order).toEqual(['undone', 'ack']);
    fixture.ack([0, 1, 2, 7], 53);
    expect(undone(fixture)).toBe(1);
  });

  test('stays when one of them is really lost', () => {
    const fixture = overtaken();
    fixture.ack([0, 2, 6], 51);
    fixture.ack([0, 2, 6, 7, 8, 9, 10], 60);
    expect(undone(fixture)).toBe(0);
  });

  test('is not undone by a loss of an earlier episode that arrives', () => {
    const fixture = overtaken();
    fixture.ack([6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19], 51);
    for (let number = 20; number < 40; number++) fixture.send(number, 60);
    expect(numbersOf(fixture.ack([21, 22, 23], 110).lost)).toEqual([20]);
    fixture.ack([0, 1, 2], 111);
    expect(undone(fixture)).toBe(0);
    fixture.ack([20], 112);
    expect(undone(fixture)).toBe(1);
  });

  test('covers later passes of the same episode, in both spaces', () => {
    const fixture = setup();
    fixture.send(0, 0, { space: HELLO });
    fixture.send(1, 0, { space: HELLO });
    for (let number = 0; number < 8; number++) fixture.send(number, 1);
    fixture.ack([3, 4, 5], 50);
    fixture.ack([1], 52, HELLO);
    expect(numbersOf(fixture.recovery.onTimeout(200).lost)).toContain(0);
    fixture.ack([0, 1, 2, 6, 7], 201);
    expect(undone(fixture)).toBe(0);
    fixture.ack([0], 202, HELLO);
    expect(undone(fixture)).toBe(1);
  });

  test('stays when the memory was too small for all of them', () => {
    const fixture = setup({ ...DEFAULT_RECOVERY_LIMITS, maxLostRemembered: 2 });
    for (let number = 0; number < 20; number++) fixture.send(number, 0);
    fixture.ack([3, 4, 5], 50);
    fixture.ack([0, 1, 2], 51);
    expect(undone(fixture)).toBe(0);
    expect(fixture.recovery.spuriousLossCount).toBe(2);
  });

  test('is no business of a lost MTU probe that arrives', () => {
    const fixture = setup();
    fixture.send(0, 0, { isMtuProbe: true });
    for (let number = 1; number < 20; number++) fixture.send(number, 0);
    fixture.ack([4, 5, 6], 50);
    fixture.ack([1, 2, 3], 51);
    expect(undone(fixture)).toBe(1);
    fixture.ack([0], 52);
    expect([undone(fixture), fixture.recovery.spuriousLossCount]).toEqual([1, 3]);
  });

  test('a loss after it is a new episode, of packets sent before it too', () => {
    const fixture = overtaken();
    fixture.ack([0, 1, 2], 51);
    expect(numbersOf(fixture.ack([15, 16, 17, 18, 19], 52).lost)).toEqual([6, 7, 8, 9, 10, 11, 12, 13]);
    fixture.ack([6, 7, 8, 9, 10, 11, 12, 13], 53);
    expect(undone(fixture)).toBe(2);
  });
});

describe('[REC-2] the time threshold', () => {
  /** Of two packets sent together the second is acknowledged after 80 ms, the first only after `lateMs`. */
  function pair(fixture: RecoverySetup, n: number, lateMs: number, at: number): void {
    fixture.send(2 * n, at);
    fixture.send(2 * n + 1, at);
    fixture.ack([2 * n + 1], at + 80);
    fixture.recovery.onTimeout(at + lateMs);
    fixture.ack([2 * n, 2 * n + 1], at + lateMs);
  }

  /** How long after sending a packet is lost when the one behind it took 80 ms. */
  function patience({ recovery, send, ack }: RecoverySetup, n: number, at: number): number {
    send(2 * n, at);
    send(2 * n + 1, at);
    ack([2 * n + 1], at + 80);
    return (recovery.nextTimeout() ?? 0) - at;
  }

  test('doubles beyond the round trip until the late packet would have been waited for', () => {
    const fixture = setup();
    pair(fixture, 0, 95, 0);
    expect(fixture.recovery.spuriousLossCount).toBe(1);
    expect(patience(fixture, 1, 1_000)).toBe(100);
    const other = setup();
    pair(other, 0, 110, 0);
    expect(patience(other, 1, 1_000)).toBe(120);
  });

  test('is at most two round trips', () => {
    const fixture = setup();
    pair(fixture, 0, 700, 0);
    expect(patience(fixture, 1, 1_000)).toBe(160);
  });

  test('stays when a packet was overtaken by many but is not late', () => {
    const fixture = setup();
    for (let number = 0; number < 4; number++) fixture.send(number, 0);
    fixture.ack([3], 80);
    fixture.ack([0, 1, 2, 3], 81);
    expect(patience(fixture, 2, 1_000)).toBe(90);
  });

  test('both thresholds are forgotten after 16 losses without a mistake', () => {
    const fixture = setup();
    for (let number = 0; number < 100; number++) fixture.send(number, 0);
    fixture.ack([20], 80);
    fixture.ack([0], 100);
    expect(fixture.recovery.packetThreshold).toBe(21);
    fixture.ack([99], 101);
    fixture.recovery.onTimeout(500);
    let n = 50;
    for (let episode = 1; episode <= 16; episode++, n++) {
      const at = 1_000 * episode;
      expect(patience(fixture, n, at)).toBeGreaterThan(95);
      expect(numbersOf(fixture.recovery.onTimeout(at + 500).lost)).toEqual([2 * n]);
      expect(fixture.recovery.packetThreshold).toBe(21);
    }
    patience(fixture, n, 50_000);
    fixture.recovery.onTimeout(50_500);
    expect(fixture.recovery.packetThreshold).toBe(3);
    const { smoothedRtt } = fixture.recovery.rtt;
    expect(patience(fixture, n + 1, 100_000)).toBeLessThan(1.13 * Math.max(smoothedRtt, 80));
  });
});

test('a new path forgets thresholds and episodes', () => {
  const fixture = overtaken();
  fixture.ack([0], 51);
  expect(fixture.recovery.packetThreshold).toBeGreaterThan(3);
  fixture.recovery.onPathChanged(60);
  fixture.ack([1, 2], 61);
  expect([undone(fixture), fixture.recovery.packetThreshold]).toEqual([0, 3]);
  expect(fixture.recovery.unackedCount(PROTECTED)).toBe(14);
});
