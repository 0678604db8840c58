import { SeededRandom } from '../../../../src/sim/seeded-random.js';
import { PacketNumberSkips } from '../../../../src/transport/recovery/packet-number-skips.js';
import { ScriptedRandom } from '../../../support/scripted-random.js';

/** How many of `packets` are followed by a skipped number, and after how many packets each. */
function gapsOf(packets: number, inFlight: number): number[] {
  const skips = new PacketNumberSkips(new SeededRandom(7));
  const gaps: number[] = [];
  let gap = 0;
  for (let sent = 0; sent < packets; sent++) {
    gap += 1;
    if (!skips.onPacketSent(inFlight)) continue;
    gaps.push(gap);
    gap = 0;
  }
  return gaps;
}

test.each([
  [0, 1_024],
  [63, 1_024],
  [64, 128],
  [5_000, 128],
])('[PKN-5] with %i packets in flight one number in %i is skipped', (inFlight, mean) => {
  const { length } = gapsOf(mean * 2_000, inFlight);
  // Of 2,000 expected the deviation is their root.
  expect(Math.abs(length - 2_000)).toBeLessThan(4 * Math.sqrt(2_000));
});

test('[PKN-5] a skip does not tell when the next one comes: as often soon after as any time later', () => {
  const gaps = gapsOf(128 * 4_000, 1_000);
  const soon = gaps.filter((gap) => gap <= 64).length / gaps.length;
  const later = gaps.filter((gap) => gap > 128);
  const soonAfterThat = later.filter((gap) => gap <= 192).length / later.length;
  const expected = 1 - Math.exp(-0.5);
  expect(Math.abs(soon - expected)).toBeLessThan(0.05);
  expect(Math.abs(soonAfterThat - expected)).toBeLessThan(0.05);
});

test('the extremes of a random number skip at most one number a packet, and go on', () => {
  const random = new ScriptedRandom();
  random.fractions.push(0, 1 - 2 ** -53, 0.5);
  const skips = new PacketNumberSkips(random);
  expect(skips.onPacketSent(0)).toBe(true);
  let sent = 0;
  while (!skips.onPacketSent(1_000)) sent += 1;
  expect(sent).toBeLessThan(128 * 40);
});
