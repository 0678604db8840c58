import { ProbeCycle } from '../../../../src/transport/congestion/probe-cycle.js';

function cycleWith(fraction: number): ProbeCycle {
  const cycle = new ProbeCycle({ fraction: () => fraction, bytes: (length) => new Uint8Array(length) });
  // Long after startup.
  for (let i = 0; i < 3; i++) cycle.onProbed(false);
  cycle.start(1_000);
  return cycle;
}

test('waits an eighth of that at first, and doubles it until a probe finds more', () => {
  const cycle = new ProbeCycle({ fraction: () => 0, bytes: (length) => new Uint8Array(length) });
  const waits = [];
  for (const hasFoundMore of [false, false, false, false, true, false]) {
    cycle.start(0);
    let wait = 0;
    while (!cycle.isTimeToProbe(Infinity, wait)) wait += 1;
    waits.push(wait - 1);
    cycle.onProbed(hasFoundMore);
  }
  expect(waits).toEqual([250, 500, 1_000, 2_000, 2_000, 250]);
});

test('probes two to three seconds after the last time', () => {
  expect(cycleWith(0).isTimeToProbe(Infinity, 3_000)).toBe(false);
  expect(cycleWith(0).isTimeToProbe(Infinity, 3_001)).toBe(true);
  expect(cycleWith(0.999).isTimeToProbe(Infinity, 3_998)).toBe(false);
  expect(cycleWith(0.999).isTimeToProbe(Infinity, 4_001)).toBe(true);
});

test('probes after as many rounds as datagrams are in flight, 63 at most', () => {
  const cycle = cycleWith(0);
  for (let i = 0; i < 19; i++) cycle.onRoundStart();
  expect(cycle.isTimeToProbe(20, 1_100)).toBe(false);
  cycle.onRoundStart();
  expect(cycle.isTimeToProbe(20, 1_100)).toBe(true);
  expect(cycle.isTimeToProbe(1_000, 1_100)).toBe(false);
  for (let i = 20; i < 63; i++) cycle.onRoundStart();
  expect(cycle.isTimeToProbe(1_000, 1_100)).toBe(true);
});

test('half of the time it starts a round later, so that flows do not probe in step', () => {
  const cycle = cycleWith(0.5);
  for (let i = 0; i < 19; i++) cycle.onRoundStart();
  expect(cycle.isTimeToProbe(20, 1_100)).toBe(true);
});

test('raises by one datagram for the first window, then by two, by four', () => {
  const cycle = cycleWith(0);
  cycle.startUp();
  expect(cycle.raise(11_999, 12_000, 1_200)).toBe(0);
  expect(cycle.raise(1, 12_000, 1_200)).toBe(1);
  cycle.onRoundStart();
  expect(cycle.raise(12_000, 12_000, 1_200)).toBe(2);
  cycle.onRoundStart();
  expect(cycle.raise(12_000, 12_000, 1_200)).toBe(4);
  for (let i = 0; i < 100; i++) cycle.onRoundStart();
  // Never more than what was acknowledged.
  expect(cycle.raise(12_000, 12_000, 1_200)).toBe(10);
});
