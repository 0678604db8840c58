import fc from 'fast-check';
import { type CongestionController } from '../../../../src/transport/congestion/congestion-controller.js';
import { Pacer } from '../../../../src/transport/congestion/pacer.js';
import { RttEstimator } from '../../../../src/transport/recovery/rtt-estimator.js';

function controllerOf(congestionWindow: number, pacingRate?: number): CongestionController {
  const nothing = (): void => undefined;
  return {
    congestionWindow,
    pacingRate,
    onPacketSent: nothing,
    onAck: nothing,
    onLoss: nothing,
    onLossUndone: nothing,
    onMaxDatagramSize: nothing,
    reset: nothing,
  };
}

function pacerOf(congestionWindow: number, rttMs: number, pacingRate?: number): Pacer {
  const rtt = new RttEstimator(rttMs);
  return new Pacer({ controller: controllerOf(congestionWindow, pacingRate), rtt, maxDatagramSize: 1_200 });
}

/** How many datagrams leave at once at `now`. */
function burst(pacer: Pacer, now: number): number {
  let count = 0;
  while (pacer.nextSendTime(1_200, now) <= now && count < 1_000) {
    pacer.onSent(1_200, now);
    count += 1;
  }
  return count;
}

test('[CON-3] the initial window leaves as ten datagrams at once and the rest over the first round trip', () => {
  const pacer = pacerOf(32 * 1_200, 100);
  expect(burst(pacer, 1_000)).toBe(10);
  const times: number[] = [];
  let now = 1_000;
  for (let i = 10; i < 32; i++) {
    now = pacer.nextSendTime(1_200, now);
    expect(pacer.nextSendTime(1_200, now)).toBeLessThanOrEqual(now);
    pacer.onSent(1_200, now);
    times.push(now);
  }
  // 1.25 windows a round trip: 480 bytes per ms.
  expect(times[0]).toBeCloseTo(1_002.5, 3);
  expect(times[21]).toBeCloseTo(1_055, 3);
});

test('[CON-3] a burst is what the rate gives in 2 ms, within 10 and 64 datagrams', () => {
  expect(burst(pacerOf(10 * 1_200, 1_000), 0)).toBe(10);
  // 1.25 x 800 datagrams in 100 ms: 20 in 2 ms.
  expect(burst(pacerOf(800 * 1_200, 100), 0)).toBe(20);
  expect(burst(pacerOf(10_000 * 1_200, 10), 0)).toBe(64);
});

test('silence saves up one burst, not more', () => {
  const pacer = pacerOf(32 * 1_200, 100);
  burst(pacer, 0);
  expect(burst(pacer, 60_000)).toBe(10);
});

test('[CON-3] what was held back and is asked for late leaves with what was due meanwhile, of 10 ms at most', () => {
  for (const [lateMs, due] of [
    [0, 1],
    [3, 7],
    [10, 21],
    [20, 30],
    [10_000, 30],
  ] as const) {
    // Two datagrams a millisecond, and ten at once.
    const pacer = pacerOf(0, 100, 2_400);
    expect(burst(pacer, 0)).toBe(10);
    const heldUntil = pacer.nextSendTime(1_200, 0);
    expect(heldUntil).toBeCloseTo(0.5, 6);
    const now = heldUntil + lateMs;
    pacer.onLate(heldUntil, now);
    expect(burst(pacer, now)).toBe(due);
  }
});

test('a controller that wants a rate gets it', () => {
  const pacer = pacerOf(32 * 1_200, 100, 1_200);
  expect(burst(pacer, 0)).toBe(10);
  expect(pacer.nextSendTime(1_200, 0)).toBeCloseTo(1, 6);
});

test('a rate of nothing still ends', () => {
  const pacer = pacerOf(32 * 1_200, 100, 0);
  burst(pacer, 0);
  expect(pacer.nextSendTime(1_200, 0)).toBeLessThan(Infinity);
});

test('a datagram larger than a burst leaves when the bucket is full', () => {
  const pacer = pacerOf(131_014, 100);
  expect(pacer.nextSendTime(65_507, 0)).toBe(0);
  pacer.onSent(65_507, 0);
  expect(pacer.nextSendTime(65_507, 0)).toBeGreaterThan(0);
});

test('larger datagrams make larger bursts', () => {
  const pacer = pacerOf(131_014, 100);
  pacer.onMaxDatagramSize(65_507);
  expect(pacer.nextSendTime(65_507, 0)).toBe(0);
  for (let i = 0; i < 10; i++) {
    expect(pacer.nextSendTime(65_507, 0)).toBe(0);
    pacer.onSent(65_507, 0);
  }
  expect(pacer.nextSendTime(65_507, 0)).toBeGreaterThan(0);
});

test('[CON-3] a burst of large datagrams is at most a mebibyte', () => {
  const pacer = pacerOf(100_000_000, 10);
  pacer.onMaxDatagramSize(65_507);
  let sent = 0;
  for (; pacer.nextSendTime(65_507, 0) <= 0; sent += 65_507) pacer.onSent(65_507, 0);
  expect(sent).toBe(16 * 65_507);
});

test('probes that leave unasked delay what follows by two bursts at most', () => {
  const pacer = pacerOf(32 * 1_200, 100);
  for (let i = 0; i < 100; i++) pacer.onSent(1_200, 0);
  expect(pacer.nextSendTime(1_200, 0)).toBeLessThanOrEqual((11 * 1_200) / 480);
});

test('a path without delay does not divide by it', () => {
  const pacer = pacerOf(32 * 1_200, 0);
  expect(burst(pacer, 0)).toBe(64);
  const next = pacer.nextSendTime(1_200, 0);
  expect(next).toBeGreaterThan(0);
  expect(next).toBeLessThan(0.01);
});

test('over any time no more leaves than a burst and what the rate gives; waiting as told always suffices', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2_400, max: 10_000_000 }),
      fc.double({ min: 0.05, max: 2_000, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 1, maxLength: 100 }),
      (congestionWindow, rttMs, waits) => {
        const pacer = pacerOf(congestionWindow, rttMs);
        const rate = (1.25 * congestionWindow) / rttMs;
        const capacity = Math.min(Math.max(rate * 2, 12_000), 76_800);
        const start = 1e6;
        let now = start;
        let sent = 0;
        for (const wait of waits) {
          const told = pacer.nextSendTime(1_200, now);
          // Late, early or just in time: only what was allowed is sent.
          now = Math.max(now, wait < 2.5 ? told : now + wait);
          // Rounding may leave the billionth part of a byte to wait for.
          if (now >= told) expect(pacer.nextSendTime(1_200, now)).toBeLessThanOrEqual(now + 1e-9);
          if (pacer.nextSendTime(1_200, now) > now) continue;
          pacer.onSent(1_200, now);
          sent += 1_200;
          expect(sent).toBeLessThanOrEqual(capacity + rate * (now - start) * (1 + 1e-6) + 1_200);
        }
      },
    ),
  );
});
